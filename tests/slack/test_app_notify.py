"""Several channels in Slack: each has its own living card, and says when it is lost."""

from __future__ import annotations

import pytest
from app_world import ADMIN, CHANNEL, CLI, app_world, until

GENERAL, SECRET = "general", "it-security"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


def id_of(world, name):
    return world.demo.workspace.channel_named(name).id


def cards(world, channel, words):
    return [text for text in world.public_texts(channel) if words in text]


async def tell(world, channel, kinds=""):
    return await world.ask(ADMIN, f"notify <#{id_of(world, channel)}|{channel}> {kinds}")


async def test_what_goes_where_is_shown_with_a_button_for_a_test(world):
    shown = await world.ask(ADMIN, "notify")
    assert "everything of *people-scim* and of whatever has no channel of its own" in shown.text
    assert "Test message" in shown.text
    await tell(world, GENERAL, "failures held")
    shown = await world.ask(ADMIN, "notify")
    assert "failures, held" in shown.text


async def test_a_subscribed_channel_has_its_own_card_of_an_alert_which_is_resolved_there(world):
    await tell(world, GENERAL, "failures")
    page = await world.as_(ADMIN)
    await page.message("subscribed this channel to failures", channel=GENERAL)
    world.directory.do("down")
    await world.ask(ADMIN, "sync")
    there = await page.message("Sync failed", channel=GENERAL, patience=20)
    here = await page.message("Sync failed", channel=CHANNEL, patience=20)
    await world.click(ADMIN, "I see to it", on=there)
    assert (await page.message("sees to it", channel=GENERAL)).ts == there.ts
    assert (await page.message("sees to it", channel=CHANNEL)).ts == here.ts
    world.directory.do("normal")
    await world.synced()
    assert (await page.message("Sync failed: over", channel=GENERAL)).ts == there.ts
    assert (await page.message("Sync failed: over", channel=CHANNEL)).ts == here.ts
    assert cards(world, GENERAL, "people-scim: Partial success") == []


async def test_a_channel_of_results_has_the_run_card_from_its_start_to_its_end(world):
    await tell(world, GENERAL, "results")
    await world.synced()
    page = await world.as_(ADMIN)
    card = await page.message("people-scim: Partial success", channel=GENERAL)
    assert len(cards(world, GENERAL, "people-scim: ")) == 1
    assert "*12* created" in card.text


async def test_a_channel_of_partial_results_has_the_card_only_when_it_is_one(world):
    await tell(world, GENERAL, "partial")
    await world.synced()
    page = await world.as_(ADMIN)
    card = await page.message("people-scim: ", channel=GENERAL)
    assert "Partial success" in card.text
    assert "edited" not in card.message


async def test_a_channel_that_subscribed_to_little_is_told_of_nothing_else(world):
    await tell(world, GENERAL, "results")
    await tell(world, CHANNEL, "held")
    page = await world.as_(ADMIN)
    await world.ask(ADMIN, "sync")
    await page.message("people-scim: Partial success", channel=GENERAL, patience=20)
    assert cards(world, CHANNEL, "people-scim: Partial success") == []


async def test_what_is_urgent_and_nobody_subscribed_to_is_told_to_whoever_is_in_charge(world):
    await tell(world, CHANNEL, "results")
    page = await world.as_(ADMIN)
    world.directory.do("down")
    await world.ask(ADMIN, "sync")
    await page.message("people-scim: Failure", channel=CHANNEL, patience=20)
    await until(lambda: cards(world, CHANNEL, "Sync failed") == [])
    assert "No channel is told of" in (await world.ask(ADMIN, "notify")).text


async def test_a_channel_that_takes_nothing_is_not_subscribed_and_says_what_to_do(world):
    answer = await tell(world, SECRET, "held")
    assert "I cannot post to that channel" in answer.text
    assert "/invite @dirsync" in answer.text
    world.demo.workspace.change_channel(id_of(world, GENERAL), is_archived=True)
    assert "it is archived" in (await tell(world, GENERAL)).text
    assert await world.core.store.subscriptions.all() == []


async def test_an_archived_channel_is_told_to_whoever_subscribed_it_and_stands_in_the_status(
    world,
):
    await tell(world, GENERAL, "changes")
    general = id_of(world, GENERAL)
    world.demo.workspace.change_channel(general, is_archived=True)
    page = await world.as_(ADMIN)
    await world.core.licenses.set_total(CLI, 20)
    await page.message("I can no longer post to", channel="dirsync")
    assert "takes no message: it is archived" in (await world.ask(ADMIN, "status")).text
    await page.open_home()
    await until(lambda: "takes no message" in str(page.screen.home))
    world.demo.workspace.change_channel(general, is_archived=False)
    await world.core.licenses.set_total(CLI, 21)
    await page.message("from 20 to 21", channel=GENERAL)
    await world.core.background.outbox.drain()
    assert "takes no message" not in (await world.ask(ADMIN, "status")).text
    _, undeliverable = await world.core.store.outbox.backlog()
    assert undeliverable == 0


async def test_a_muted_kind_is_posted_nowhere_until_it_is_heard_again(world):
    await tell(world, GENERAL, "results")
    await world.ask(ADMIN, "notify mute results,partial for 4h")
    page = await world.as_(ADMIN)
    await page.message("muted results and partial until", channel=CHANNEL)
    cycle = await world.core.sync.request(CLI, None)
    async for _ in world.core.sync.wait(cycle.id, poll=0.05):
        pass
    await world.core.background.outbox.drain()
    answer = await world.ask(ADMIN, "notify")
    assert "🔕 results until" in answer.text
    assert cards(world, GENERAL, "people-scim: ") == cards(world, CHANNEL, "people-scim: ") == []
    await world.click(ADMIN, "Unmute all", on=answer)
    await world.synced()
    await page.message("people-scim: Partial success", channel=GENERAL)


async def test_the_command_ends_a_subscription(world):
    await tell(world, GENERAL)
    answer = await world.ask(ADMIN, f"notify off <#{id_of(world, GENERAL)}|general>")
    assert "told of nothing more" in answer.text
    assert await world.core.store.subscriptions.all() == []


async def test_a_subscription_of_one_configuration_is_not_told_of_the_account(world):
    await world.ask(ADMIN, f"notify people <#{id_of(world, GENERAL)}|general> all")
    page = await world.as_(ADMIN)
    await page.message("subscribed this channel to everything of people-scim", channel=GENERAL)
    await world.core.licenses.set_total(CLI, 20)
    await page.message("from 10 to 20", channel=CHANNEL)
    await world.synced()
    await page.message("people-scim: Partial success", channel=GENERAL)
    assert cards(world, GENERAL, "from 10 to 20") == []
