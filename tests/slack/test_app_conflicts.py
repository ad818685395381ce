"""People whom two configurations claim, listed and decided in Slack."""

from __future__ import annotations

import pytest
from app_world import ADMIN, ADMIN_2, CHANNEL, CLI, FILE, MEMBER, VIEWER, app_world, until

from core.model.ownership import ConflictState

OWNER, CLAIMANT = "people-scim", "partners"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path, people=3) as made:
        await made.synced()
        await second(made)
        yield made


async def second(world) -> None:
    """Make a configuration that means the same people, and let it meet them."""
    text = FILE.format(
        licenses=10,
        url=world.demo.url,
        channel=world.demo.workspace.channel_named(CHANNEL).id,
        mapping="{title: '\"Partner\"', cost_center: enterprise.costCenter}",
        send="mail",
    )
    await world.core.configurations.apply(CLI, text.replace(OWNER, CLAIMANT), source="test")
    page = await world.as_(ADMIN)
    await world.ask(ADMIN, f"sync {CLAIMANT}")
    await page.message(lambda text: f"{CLAIMANT}: Partial" in text, channel=CHANNEL, patience=30)


async def owners(world) -> list[str]:
    """Return who owns each person, by name."""
    names = {each.id: each.name for each in await world.core.store.configurations.all()}
    return [names[user.configuration_id] for user in await world.core.store.people.search()]


async def test_conflicts_are_listed_to_viewers_and_decided_by_admins(world):
    listed = await world.ask(ADMIN, "conflicts")
    assert "3 conflicts to decide" in listed.text
    assert f"Keep with {OWNER}" in listed.text
    assert f"Move to {CLAIMANT}" in listed.text
    seen = (await world.ask(VIEWER, "conflicts")).text
    assert "belongs to *people-scim* and is claimed by *partners*" in seen
    assert "A move would change title. Priority: people-scim" in seen
    assert "Move to" not in seen
    assert "may not do this" in (await world.ask(MEMBER, "conflicts")).text
    moved = await world.click(ADMIN, f"Move to {CLAIMANT}", on=listed, sure=True)
    assert f"belongs to {CLAIMANT} now" in moved.text
    assert "2 conflicts to decide" in moved.text
    kept = await world.click(ADMIN, f"Keep with {OWNER}", on=moved, sure=True)
    assert f"stays with {OWNER}" in kept.text
    assert "1 in all" in kept.text
    assert sorted(await owners(world)) == [CLAIMANT, OWNER, OWNER]
    decided = (await world.ask(ADMIN, "conflicts --kept")).text
    assert "2 conflicts decided for the owner" in decided
    assert f"Decided by @tomasz: they stay with {OWNER}" in decided
    told = "decided about conflicts: 1 person move"
    await until(lambda: told in " ".join(world.public_texts()))
    records = " ".join(world.public_texts())
    email = (await world.core.store.people.search())[0].email
    assert email not in records


async def test_the_card_of_a_cycle_that_met_them_opens_the_list(world):
    page = await world.as_(ADMIN)
    card = await page.message(lambda text: f"{CLAIMANT}: Partial" in text, channel=CHANNEL)
    assert "Another configuration owns this person" in card.text
    assert "3 conflicts to decide" in (await world.click(ADMIN, "Conflicts", on=card)).text


async def test_whoever_decides_second_is_told_and_sees_what_is_left(world):
    first, other = await world.ask(ADMIN, "conflicts"), await world.ask(ADMIN_2, "conflicts")
    await world.click(ADMIN, f"Keep with {OWNER}", on=first, sure=True)
    told = await world.click(ADMIN_2, f"Move to {CLAIMANT}", on=other, sure=True)
    assert "nothing was decided" in told.text
    assert "2 conflicts to decide" in told.text
    assert await owners(world) == [OWNER] * 3


async def test_one_persons_conflict_is_shown_before_it_is_decided(world):
    email = (await world.core.store.people.search())[0].email
    asked = await world.ask(ADMIN, f"conflicts move {email}")
    assert email in asked.text
    assert await owners(world) == [OWNER] * 3
    await world.click(ADMIN, f"Move to {CLAIMANT}", on=asked, sure=True)
    assert sorted(await owners(world)) == [CLAIMANT, OWNER, OWNER]
    assert "Say whom" in (await world.ask(ADMIN, "conflicts keep")).text
    assert "may not do this" in (await world.ask(VIEWER, f"conflicts move {email}")).text


async def test_priority_decides_all_that_were_shown_and_nothing_else(world):
    asked = await world.ask(ADMIN, "conflicts priority")
    assert "3 people: stay with *people-scim*, not partners" in asked.text
    listed = await world.ask(ADMIN, "conflicts --of partners")
    await world.click(ADMIN, f"Move to {CLAIMANT}", on=listed, sure=True)
    again = await world.click(ADMIN, "Decide these 3", on=asked, sure=True)
    assert "2 people: stay with *people-scim*" in again.text
    done = await world.click(ADMIN, "Decide these 2", on=again, sure=True)
    assert "0 people moved, 2 people kept" in done.text
    _, kept = await world.core.store.conflicts.page(state=ConflictState.KEPT, limit=1)
    assert (kept, (await world.core.store.conflicts.count()).people) == (3, 0)


async def test_the_home_tab_says_what_is_claimed_and_opens_the_list(world):
    for user, named in ((ADMIN, True), (VIEWER, True), (MEMBER, False)):
        page = await world.as_(user)
        await page.open_home()
        await until(lambda page=page: page.screen.home is not None)
        shown = str(page.screen.home)
        assert "3 people are claimed by two configurations" in shown
        assert ("Conflicts: 3 people" in shown) == named
