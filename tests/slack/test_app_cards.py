"""What channels get to see: run cards, held sets, alerts; and how they are delivered."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from app_world import ADMIN, ADMIN_2, CHANNEL, CLI, OWNER, VIEWER, World, app_world, finished, until
from structlog.testing import capture_logs

from bot.demo.faults import Fault, FaultKind
from bot.demo.happenings import Condition
from bot.slack.notifier import SlackNotifier
from core.errors import TerminalRemoteError, TransientRemoteError
from core.model.account import SYSTEM
from core.model.cycle import Progress, Step, Trigger
from core.model.events import EventKind, OutboxItem
from core.model.freeze import WEEK_MINUTES, Freeze

HOSTILE = "<!channel> *Bobby* <https://evil.example|Tables> & _x_ :skull:"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


def messages(world: World, channel: str | None = None):
    id_ = channel or world.demo.workspace.channel_named(CHANNEL).id
    return [each for each in world.demo.workspace._messages[id_].values() if not each.only_for]


def cards(world: World, channel: str | None = None):
    return [each for each in messages(world, channel) if "people-scim: " in each.text]


async def test_a_cycle_is_one_card_edited_in_place_that_ends_with_its_counts(world):
    card = await world.synced()
    assert len(cards(world)) == 1
    assert "*12* created" in card.text
    assert "0 of 10 licenses used, 12 invited" in card.text
    assert "*2 will wait*" in card.text
    for button in ("View errors", "Download log", "Sync again", "History"):
        assert button in card.text


async def test_the_running_card_shows_the_six_steps_and_can_be_cancelled(tmp_path):
    async with app_world(tmp_path, background=False) as world:
        await world.ask(ADMIN, "sync")
        cycle = (await world.core.history.list(CLI)).cycles[0]
        claim = await world.core.store.cycles.claim(owner="t", now=world.core.clock.now())
        await world.core.store.sync.begin(claim.fence, decoder_revision="1")
        progress = Progress(step=Step.APPLY, done=40, total=120, pages=3, read=2340)
        await world.core.store.sync.progress(claim.fence, progress)
        notifier = SlackNotifier(core=world.core, client=world.runtime.client)
        await notifier.deliver(cycle_item(cycle.id), None)
        (card,) = cards(world)
        plan = next(block for block in card.blocks if block["type"] == "plan")
        assert [task["title"] for task in plan["tasks"]] == [
            *("Connect", "Read", "Compare", "Apply", "Invite", "Report")
        ]
        statuses = [task["status"] for task in plan["tasks"]]
        assert statuses == ["complete"] * 3 + ["in_progress"] + ["pending"] * 2
        said = json.dumps(plan)
        assert "2,340 people read on 3 pages" in said
        assert "40 of 120 applied" in said
        page = await world.as_(ADMIN)
        shown = await page.message("40 of 120", channel=CHANNEL)
        answer = await world.click(ADMIN, "Cancel", on=shown, sure=True)
        assert "stops within a few seconds" in answer.text


def cycle_item(cycle_id: str, channel: str | None = None) -> OutboxItem:
    return OutboxItem(
        id=1,
        key=f"cycle:{cycle_id}",
        stream=cycle_id,
        kind=EventKind.CYCLE_CARD,
        subject=cycle_id,
        channel=channel,
        payload={},
        attempts=0,
        created_at=None,
    )


async def test_a_card_under_way_is_edited_at_the_pace_and_its_end_is_not_kept_back(tmp_path):
    async with app_world(tmp_path, background=False) as world:
        await world.ask(ADMIN, "sync")
        cycle = (await world.core.history.list(CLI)).cycles[0]
        notifier = SlackNotifier(core=world.core, client=world.runtime.client)
        item = cycle_item(cycle.id)
        shown = await notifier.deliver(item, None)
        assert await notifier.deliver(item, shown) == shown
        await world.core.store.cycles.claim(owner="t", now=world.core.clock.now())
        with pytest.raises(TransientRemoteError) as caught:
            await notifier.deliver(item, shown)
        assert caught.value.code == "paced"
        assert 0 < caught.value.retry_after <= 2.5
        fence_free = SlackNotifier(core=world.core, client=world.runtime.client)
        assert (await fence_free.deliver(item, shown)).ts == shown.ts


async def test_no_person_is_named_in_the_channel_or_its_threads(world):
    await world.synced()
    await until(lambda: any("Errors by cause" in text for text in world.public_texts()))
    people = [record.person for record in world.directory.people.values()]
    shown = "\n".join(world.public_texts())
    for person in people:
        assert person.email not in shown
        assert person.display_name not in shown
    assert len(people) > 10


async def test_the_thread_tells_the_causes_once(world):
    await world.synced()
    await until(lambda: any(each.thread_ts for each in messages(world)))
    await world.synced()
    await until(lambda: sum(bool(each.thread_ts) for each in messages(world)) > 1)
    await asyncio.sleep(0.5)
    threads = [each.thread_ts for each in messages(world) if each.thread_ts]
    assert len(threads) == 2
    assert len(set(threads)) == 2


async def test_hostile_directory_data_is_live_nowhere(world):
    person = next(iter(world.directory.people.values())).person
    hostile = replace(person, display_name=HOSTILE, title=HOSTILE, department=HOSTILE)
    world.directory._update([hostile])
    await world.synced()
    for asked in ("users", f"user {person.email}", "show", "users --search Bobby"):
        answer = await world.ask(VIEWER, asked)
        raw = json.dumps(answer.message["blocks"], ensure_ascii=False)
        for part in live_texts(answer.message["blocks"]):
            assert "<!channel>" not in part
            assert "<https://evil" not in part
            assert "*Bobby*" not in part
        assert "Bobby" in raw or asked == "show"
    assert "<!channel>" not in "\n".join(world.public_texts())


def live_texts(value) -> list[str]:
    """Return the texts in which markup would be live."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            return [value["text"]]
        return [text for item in value.values() for text in live_texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in live_texts(item)]
    return []


async def many_leave(world: World, leavers: int = 12):
    await world.synced(OWNER)
    world.directory.do("leavers", leavers)
    page = await world.as_(OWNER)
    mark = page.mark()
    await world.synced(OWNER)
    return await page.message("removals held", channel=CHANNEL, after=mark), mark


async def held_card(world: World, user: str):
    page = await world.as_(user)

    def shown():
        found = (each for each in page.screen.messages(None) if "Review" in each.text)
        return next((each for each in found if not each.is_ephemeral), None)

    await page.wait_until(lambda: shown() is not None, what="the held card")
    return shown()


async def test_held_removals_are_reviewed_by_name_and_released_by_a_second_admin(tmp_path):
    async with app_world(tmp_path, people=40) as world:
        await many_leave(world)
        card = await held_card(world, ADMIN_2)
        review = await world.click(ADMIN_2, "Review", on=card)
        assert review.is_ephemeral
        assert review.text.count("@example.com") >= 12
        page = await world.as_(ADMIN_2)
        mark = page.mark()
        await page.click("Approve all 12", on=review)
        await page.wait_view("The provider is read again first")
        await page.submit({"reason": "The *Lyon* office\n was closed"})
        await page.wait_view("Approved. Cycle")
        done = await page.message(
            lambda text: finished(text) and "Approved by" in text, after=mark, patience=60
        )
        assert "*12* disabled" in done.text
        assert f"Approved by @{page.screen.people[ADMIN_2]['name']}" in done.text
        assert await page.message("Approved by", channel=CHANNEL)
        for shown in ("Why: The", "held*: approved by"):
            decided = await page.message(shown, channel=CHANNEL)
            assert "office was closed" in decided.text
            assert "*Lyon*" not in decided.text
        entries = await world.core.store.audit.list(limit=20)
        (entry,) = [each for each in entries if each.action == "release"]
        assert entry.reason == "The *Lyon* office was closed"


async def test_whoever_started_it_cannot_release_it_alone(tmp_path):
    async with app_world(tmp_path, people=40) as world:
        await world.ask(ADMIN_2, "status")
        await many_leave(world)
        card = await held_card(world, OWNER)
        review = await world.click(OWNER, "Review", on=card)
        answer = await world.click(OWNER, "Approve all 12", on=review)
        assert "cannot release its removals alone" in answer.text
        assert (await world.core.history.list(CLI)).total == 2


async def test_a_rejected_set_is_shown_as_rejected_and_a_stale_button_changes_nothing(tmp_path):
    async with app_world(tmp_path, people=40) as world:
        await many_leave(world)
        card = await held_card(world, ADMIN)
        review = await world.click(ADMIN, "Review", on=card)
        other = await world.click(ADMIN_2, "Review", on=await held_card(world, ADMIN_2))
        page, late = await world.as_(ADMIN), await world.as_(ADMIN_2)
        await late.click("Approve all 12", on=other)
        await late.wait_view("The provider is read again first")
        await page.click("Reject", on=review)
        await page.wait_view("These people stay")
        await page.submit({})
        await page.wait_view("all 12 stay")
        await late.submit({})
        await late.wait_view("rejected already")
        stale = await world.click(ADMIN_2, "Approve all 12", on=other)
        assert "rejected already" in stale.text
        await page.message("Rejected by", channel=CHANNEL)
        await page.message("removals held*: rejected by", channel=CHANNEL)
        assert (await world.core.history.list(CLI)).total == 2


async def test_a_viewer_cannot_see_who_is_held(tmp_path):
    async with app_world(tmp_path, people=40) as world:
        await many_leave(world)
        answer = await world.click(VIEWER, "Review", on=await held_card(world, VIEWER))
        assert "You may not do this" in answer.text
        assert "@example.com" not in answer.text


async def test_an_incomplete_listing_is_told_plainly_and_nobody_is_removed(world):
    await world.synced()
    world.directory.do("half")
    card = await world.synced()
    assert "Nobody was removed, because" in card.text
    assert "disabled" not in card.text


async def test_a_failure_is_told_with_what_to_do_and_its_end_in_the_same_place(world):
    await world.synced()
    world.directory.do("down")
    assert world.directory.condition is not Condition.NORMAL
    card = await world.synced()
    assert "Failure" in card.text
    page = await world.as_(ADMIN)
    alert = await page.message("people-scim: Sync failed", channel=CHANNEL, patience=60)
    world.directory.do("normal")
    await world.synced()
    resolved = await page.message("Sync recovered", channel=CHANNEL, patience=60)
    assert resolved.ts != alert.ts


async def scheduled(world: World):
    cycle = await world.core.sync.request(SYSTEM, None, trigger=Trigger.SCHEDULED)
    async for _ in world.core.sync.wait(cycle.id, poll=0.02):
        pass
    async with asyncio.timeout(10):
        while (await world.core.store.outbox.backlog())[0]:  # noqa: ASYNC110 - what is waited for is on the far side
            await asyncio.sleep(0.02)
    return (await world.core.history.card(cycle.id)).cycle


async def test_a_scheduled_cycle_that_has_nothing_new_to_tell_posts_nothing(world):
    await world.synced()
    await until(lambda: any(each.thread_ts for each in messages(world)))
    before = len(messages(world))
    cycle = await scheduled(world)
    assert cycle.counts.changed == 0
    assert cycle.counts.conflicts == 2
    assert len(messages(world)) == before


async def test_a_scheduled_cycle_that_changed_something_or_broke_anew_posts_its_card(world):
    await world.synced()
    world.directory.do("joiners", 2)
    await scheduled(world)
    assert len(cards(world)) == 2
    world.directory.do("half")
    await scheduled(world)
    assert len(cards(world)) == 3
    await scheduled(world)
    assert len(cards(world)) == 3


async def test_removals_that_wait_for_the_end_of_a_freeze_are_told_once_and_without_names(world):
    await world.synced()
    week = Freeze(week=(0, WEEK_MINUTES - 1)), Freeze(week=(WEEK_MINUTES - 1, 0))
    spec = (await world.core.store.configurations.all())[0].spec
    await world.core.store.configurations.apply(
        [replace(spec, freeze=week)], licenses_total=None, by=CLI, now=world.core.clock.now()
    )
    world.directory.do("leavers", 1)
    for _ in range(3):
        cycle = await scheduled(world)
        assert (cycle.counts.changed, cycle.counts.postponed) == (0, 1)
    (_, told) = cards(world)
    assert "1 removal waits*: not now, removals are frozen until" in str(told)


async def test_blocks_that_slack_refuses_are_sent_in_a_simpler_form_and_counted(tmp_path):
    async with app_world(tmp_path, background=False) as world:
        await world.ask(ADMIN, "sync")
        cycle = (await world.core.history.list(CLI)).cycles[0]
        client = world.runtime.client
        for times, kinds in ((1, {"section", "context"}), (2, set())):
            refused = Fault(kind=FaultKind.ERROR, error="invalid_blocks")
            world.faults.inject("chat.postMessage", refused, times=times)
            notifier = SlackNotifier(core=world.core, client=client)
            shown = await notifier.deliver(cycle_item(cycle.id), None)
            message = world.demo.workspace.message(shown.channel, shown.ts)
            used = {block["type"] for block in message.blocks}
            assert kinds <= used
            assert "plan" not in used
            assert "people-scim: queued" in message.text
        assert client.fallbacks["full:invalid_blocks"] == 2
        assert client.fallbacks["classic:invalid_blocks"] == 1


async def test_a_rate_limit_delays_a_card_and_loses_nothing(world):
    slow = Fault(kind=FaultKind.RATE_LIMITED, seconds=1)
    world.faults.inject("chat.postMessage", slow, times=2)
    card = await world.synced()
    assert "*12* created" in card.text
    assert len(cards(world)) == 1


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.DROP_BEFORE])
async def test_a_slack_that_breaks_for_a_while_gets_the_card_afterwards(world, kind):
    world.faults.inject("chat.postMessage", Fault(kind=kind), times=1)
    card = await world.synced()
    assert "*12* created" in card.text
    assert len(cards(world)) == 1


async def test_an_archived_channel_sends_the_card_to_whoever_started_it(world):
    id_ = world.demo.workspace.channel_named(CHANNEL).id
    page = await world.as_(ADMIN)
    mark = page.mark()
    world.demo.workspace.change_channel(id_, is_archived=True)
    await page.say("/dirsync sync", channel="dirsync")
    card = await page.message(finished, channel="dirsync", after=mark, patience=60)
    assert "*12* created" in card.text


async def test_a_deleted_card_is_posted_anew(tmp_path):
    async with app_world(tmp_path, background=False) as world:
        await world.ask(ADMIN, "sync")
        cycle = (await world.core.history.list(CLI)).cycles[0]
        notifier = SlackNotifier(core=world.core, client=world.runtime.client, pace=0)
        item = cycle_item(cycle.id)
        shown = await notifier.deliver(item, None)
        world.demo.workspace.delete(world.demo.workspace.message(shown.channel, shown.ts))
        await world.core.sync.cancel(CLI, cycle.id)
        again = await notifier.deliver(item, shown)
        assert again.ts != shown.ts
        assert len(cards(world)) == 1


async def test_a_revoked_token_is_a_class_of_its_own(tmp_path):
    async with app_world(tmp_path, background=False) as world:
        await world.ask(ADMIN, "sync")
        cycle = (await world.core.history.list(CLI)).cycles[0]
        notifier = SlackNotifier(core=world.core, client=world.runtime.client)
        world.demo.team.installation.refusal = "token_revoked"
        with pytest.raises(TerminalRemoteError) as caught:
            await notifier.deliver(cycle_item(cycle.id), None)
        assert caught.value.code == "token_revoked"
        assert notifier.token_refused == "token_revoked"


@pytest.mark.parametrize("admins", [(), (ADMIN,)])
async def test_syncs_from_a_terminal_without_a_channel_have_no_card_which_is_said_once(
    tmp_path, admins
):
    async with app_world(tmp_path, background=False, channel=None, admins=admins) as world:
        cycle = await world.core.sync.request(CLI, None)
        notifier = SlackNotifier(core=world.core, client=world.runtime.client)
        with capture_logs() as logs:
            for _ in range(2):
                assert await notifier.deliver(cycle_item(cycle.id), None) is None
        assert [each["event"] for each in logs] == ["slack_cards_left_out"]
        assert "chat.postMessage" not in world.demo.team.calls


async def test_a_preview_leaves_nothing_in_the_channel(world):
    page = await world.as_(ADMIN)
    mark = page.mark()
    await page.say("/dirsync preview", channel=CHANNEL)
    await page.message("Preview of", after=mark, patience=60)
    await asyncio.sleep(0.3)
    assert cards(world) == []


async def test_a_test_message_is_labelled_as_one(world):
    await world.ask(ADMIN, "notify test")
    page = await world.as_(ADMIN)
    shown = await page.message("Test message", channel=CHANNEL)
    assert "Nothing has happened." in shown.text
