"""Freeze windows over whole cycles and real stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest_asyncio

from core.model.account import UserStatus
from core.model.cycle import Action, CycleResult, HeldState
from core.model.freeze import Freeze, Frozen
from tests.support.scripted_directory import people, person
from tests.support.store_world import StoreWorld, store_world

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest_asyncio.fixture
async def world(database_url):
    async with store_world(database_url, people(30)) as made:
        await made.cycle()
        await sent(made)
        yield made


async def freeze(world: StoreWorld, length: timedelta, *of: Frozen) -> datetime:
    """Freeze from now on; return when it is over."""
    begin = world.clock.time.replace(tzinfo=None)
    await world.apply(freeze=(Freeze(dates=(begin, begin + length), of=of),))
    return world.clock.time + length


async def removed(world: StoreWorld) -> set[str]:
    found = await world.store.people.search(status=UserStatus.DISABLED, limit=1000)
    return {user.user_name for user in found}


async def sent(world: StoreWorld) -> set[str]:
    """Hand over what is due; return to whom."""
    found = await world.store.invitations.due(owner="w", limit=1000, now=world.clock.now())
    await world.store.invitations.sent(found, now=world.clock.now())
    return {each.email for each in found}


async def test_removals_wait_for_the_end_of_a_freeze_and_the_cycle_says_so(world: StoreWorld):
    over = await freeze(world, 2 * DAY, Frozen.REMOVALS)
    world.directory.remove("u1", "u2")
    world.directory.change("u3", active=False)
    world.directory.people.append(person(77))
    for created in (1, 0):
        _, cycle = await world.cycle()
        assert cycle.result is CycleResult.SUCCESS
        assert (cycle.postponed.removals, cycle.postponed.removals_until) == (3, over)
        counts = cycle.counts
        assert (counts.created, counts.disabled, counts.postponed) == (created, 0, 3)
        assert counts.read == counts.created + counts.unchanged + 1
    assert await removed(world) == set()
    world.clock.time = over
    _, cycle = await world.cycle()
    assert (cycle.postponed, cycle.counts.disabled) == (None, 3)
    assert await removed(world) == {"u1", "u2", "u3"}


async def test_a_preview_marks_what_waits(world: StoreWorld):
    await freeze(world, DAY, Frozen.REMOVALS)
    world.directory.remove("u1")
    world.directory.people.append(person(77))
    _, cycle = await world.cycle(dry_run=True)
    assert (cycle.counts.postponed, cycle.counts.disabled, cycle.counts.created) == (1, 0, 1)
    plan = {item.external_id: item for item in await world.store.cycles.plan(cycle.id)}
    assert plan["u1"].action is Action.DISABLE
    assert plan["u1"].reason.startswith("not now, removals are frozen: ")
    assert "not now" not in plan["u77"].reason


async def test_a_set_that_was_held_before_a_freeze_can_still_be_released(world: StoreWorld):
    world.directory.remove(*(f"u{number}" for number in range(20, 28)))
    outcome, _ = await world.cycle()
    await freeze(world, 30 * DAY, Frozen.REMOVALS)
    world.directory.remove("u10")
    _, cycle = await world.cycle()
    assert cycle.postponed.removals == 9
    assert (await world.store.held.get(outcome.held_set_id)).state is HeldState.OPEN
    _, released = await world.release(outcome.held_set_id)
    assert (released.counts.disabled, released.postponed.removals) == (8, 1)
    assert "u10" not in await removed(world)


async def test_invitations_are_written_in_a_freeze_and_sent_after_it(world: StoreWorld):
    over = await freeze(world, 2 * DAY, Frozen.INVITATIONS)
    world.directory.people += people(3, start=100)
    world.directory.remove("u1")
    _, cycle = await world.cycle()
    assert (cycle.counts.created, cycle.counts.invited, cycle.counts.disabled) == (3, 3, 1)
    assert cycle.postponed.invitations_until == over
    assert (await world.person("u100@example.com")).status is UserStatus.INVITED
    world.clock.time = over - HOUR
    assert await sent(world) == set()
    _, cycle = await world.cycle()
    assert cycle.postponed is None
    assert await sent(world) == {f"u{number}@example.com" for number in (100, 101, 102)}


async def test_a_freeze_that_is_edited_takes_its_invitations_along(world: StoreWorld):
    await freeze(world, 20 * DAY, Frozen.INVITATIONS)
    world.directory.people += people(2, start=100)
    await world.cycle()
    over = await freeze(world, 3 * DAY, Frozen.INVITATIONS)
    world.clock.time += DAY
    assert await sent(world) == set()
    world.clock.time = over
    assert len(await sent(world)) == 2
    await freeze(world, 20 * DAY, Frozen.INVITATIONS)
    world.directory.people += people(2, start=200)
    await world.cycle()
    await world.apply(freeze=())
    assert len(await sent(world)) == 2


async def test_somebody_who_comes_back_in_a_freeze_is_invited_again_after_it(world: StoreWorld):
    world.directory.people += people(1, start=100)
    await freeze(world, DAY, Frozen.INVITATIONS)
    await world.cycle()
    world.directory.remove("u100")
    await world.cycle()
    over = await freeze(world, 5 * DAY, Frozen.INVITATIONS)
    world.directory.people += people(1, start=100)
    _, cycle = await world.cycle()
    assert cycle.counts.enabled == 1
    assert await sent(world) == set()
    world.clock.time = over
    assert await sent(world) == {"u100@example.com"}


async def test_windows_are_stored_and_read_as_they_are(world: StoreWorld):
    week = Freeze(week=(60, 120), timezone="Europe/Berlin", of=(Frozen.INVITATIONS,))
    dates = Freeze(dates=(datetime(2026, 12, 20), datetime(2027, 1, 6, 8, 30)))  # noqa: DTZ001 - local
    found = await world.apply(freeze=(week, dates))
    assert found.spec.freeze == (week, dates)
    assert found.spec.freeze[1].end_at(datetime(2027, 1, 1, tzinfo=UTC)) is not None


async def test_one_person_on_demand_is_not_removed_in_a_freeze_and_is_told_until_when(world):
    over = await freeze(world, DAY, Frozen.REMOVALS, Frozen.INVITATIONS)
    world.directory.change("u1", active=False)
    world.directory.people.append(person(77))
    _, cycle = await world.one_person("u1")
    assert (cycle.result, cycle.postponed.removals_until) == (CycleResult.SUCCESS, over)
    assert (cycle.counts.disabled, cycle.counts.postponed) == (0, 1)
    run = await world.store.cycles.person_run(cycle.id)
    assert f"not now: removals are frozen until {over:%Y-%m-%d %H:%M} UTC" in run.steps[-1].text
    _, cycle = await world.one_person("u77")
    assert cycle.postponed.invitations_until == over
    assert await sent(world) == set()
    world.clock.time = over
    assert await sent(world) == {"u77@example.com"}
    _, cycle = await world.one_person("u1")
    assert (cycle.counts.disabled, cycle.postponed) == (1, None)


async def test_a_preview_from_before_a_freeze_is_refused_for_the_removals_in_it(world: StoreWorld):
    world.directory.remove("u1")
    preview, _ = await world.cycle(dry_run=True)
    over = await freeze(world, 2 * DAY, Frozen.REMOVALS)
    outcome, cycle = await world.cycle(bound_plan=preview.plan_digest)
    assert (cycle.result, outcome.error.code) == (CycleResult.CANCELLED, "frozen_since_preview")
    assert f"frozen until {over:%Y-%m-%d %H:%M} UTC" in outcome.error.message
    assert await removed(world) == set()
    again, _ = await world.cycle(dry_run=True)
    outcome, cycle = await world.cycle(bound_plan=again.plan_digest)
    assert (cycle.result, cycle.postponed.removals) == (CycleResult.SUCCESS, 1)


async def test_a_preview_from_within_a_freeze_is_refused_once_its_removals_would_be_made(
    world: StoreWorld,
):
    over = await freeze(world, DAY, Frozen.REMOVALS)
    world.directory.remove("u1")
    preview, _ = await world.cycle(dry_run=True)
    world.clock.time = over
    outcome, _ = await world.cycle(bound_plan=preview.plan_digest)
    assert outcome.error.code == "freeze_over_since_preview"
    assert await removed(world) == set()


async def test_a_preview_without_removals_is_applied_in_a_freeze_that_began_after_it(
    world: StoreWorld,
):
    world.directory.people += people(2, start=100)
    preview, _ = await world.cycle(dry_run=True)
    await freeze(world, DAY, Frozen.REMOVALS)
    world.directory.remove("u1")
    _, cycle = await world.cycle(bound_plan=preview.plan_digest)
    assert (cycle.result, cycle.counts.created) == (CycleResult.SUCCESS, 2)
    assert cycle.postponed.removals == 1


async def test_a_directory_that_changed_in_a_freeze_is_told_as_that(world: StoreWorld):
    await freeze(world, 2 * DAY, Frozen.REMOVALS)
    world.directory.remove("u1")
    preview, _ = await world.cycle(dry_run=True)
    world.directory.people.append(person(77))
    outcome, _ = await world.cycle(bound_plan=preview.plan_digest)
    assert outcome.error.code == "plan_changed"
