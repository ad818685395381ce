"""Held sets and rejections over whole cycles."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import AlreadyRunningError
from core.model.account import UserStatus
from core.model.configuration import Guard
from core.model.cycle import CycleResult, HeldSetId, HeldState
from core.model.directory import Presence
from tests.support.scripted_directory import people, person, team
from tests.support.store_world import ADA, StoreWorld, store_world

LEAVERS = [f"u{number}" for number in range(20, 29)]


async def state(world: StoreWorld, held: HeldSetId) -> HeldState:
    """Return what became of a held set."""
    return (await world.store.held.get(held)).state


async def reject(world: StoreWorld, held: HeldSetId) -> None:
    """Decide against a held set."""
    digest = (await world.store.held.get(held)).digest
    await world.store.held.reject(
        held, digest=digest, by=ADA, audit=world.audit(), now=world.clock.now()
    )


async def removed(world: StoreWorld) -> set[str]:
    """Return the addresses of the disabled."""
    found = await world.store.people.search(status=UserStatus.DISABLED, limit=1000)
    return {user.user_name for user in found}


async def test_a_set_whose_time_is_over_is_not_the_one_that_a_later_cycle_names(database_url):
    """Nobody has expired it yet, but nobody can release it any more either."""
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove(*LEAVERS)
        first, _ = await world.cycle()
        world.clock.time += timedelta(hours=24)
        second, _ = await world.cycle()
        assert second.held_set_id != first.held_set_id
        assert await state(world, second.held_set_id) is HeldState.OPEN
        await world.release(second.held_set_id)
        assert await removed(world) == set(LEAVERS)


async def test_people_who_were_rejected_came_back_and_left_again_are_held_again(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        everybody = list(world.directory.people)
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        await reject(world, outcome.held_set_id)
        outcome, _ = await world.cycle()
        assert outcome.held_set_id is None
        world.directory.people = everybody
        await world.cycle()
        world.directory.remove(*LEAVERS)
        outcome, cycle = await world.cycle()
        assert cycle.counts.held == 9
        assert await removed(world) == set()


async def test_a_group_that_was_rejected_came_back_and_vanished_again_is_deleted(database_url):
    teams = [team(f"t{number}", ["u1"]) for number in range(9)]
    async with store_world(database_url, people(30), teams) as world:
        await world.cycle()
        world.directory.teams = teams[:1]
        outcome, _ = await world.cycle()
        await reject(world, outcome.held_set_id)
        await world.cycle()
        world.directory.teams = teams
        await world.cycle()
        world.directory.teams = teams[:-1]
        _, cycle = await world.cycle()
        assert cycle.counts.groups_deleted == 1


async def test_a_rejected_group_does_not_protect_a_person_of_the_same_id(database_url):
    teams = [team(f"t{number}", ["u1"]) for number in range(9)]
    everybody = [*people(30), person("t8", id="g-t8")]
    async with store_world(database_url, everybody, teams) as world:
        await world.cycle()
        world.directory.teams = teams[:1]
        outcome, _ = await world.cycle()
        await reject(world, outcome.held_set_id)
        world.directory.remove("g-t8")
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == 1


async def test_a_release_applies_only_what_is_still_due_on_the_fresh_read(database_url):
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        everybody = list(world.directory.people)
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        back, more = LEAVERS[:3], [f"u{number}" for number in range(30, 38)]
        world.directory.people = [p for p in everybody if p.id not in {*LEAVERS[3:], *more}]
        again, cycle = await world.release(outcome.held_set_id)
        assert await removed(world) == set(LEAVERS[3:])
        assert not set(back) & await removed(world)
        held = {item.external_id for item in await world.store.held.items(again.held_set_id)}
        assert held == set(more)
        assert (cycle.counts.disabled, cycle.counts.held) == (6, 8)


async def test_a_release_of_somebody_who_is_still_there_removes_nobody(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        world.directory.answers[LEAVERS[0]] = Presence.ACTIVE
        again, _ = await world.release(outcome.held_set_id)
        assert again.result is CycleResult.PARTIAL_SUCCESS
        assert await removed(world) == set()


async def test_a_release_of_new_people_creates_exactly_them(database_url):
    async with store_world(database_url, people(5), guard=Guard(max_creations=10)) as world:
        await world.cycle()
        world.directory.people = people(20)
        outcome, _ = await world.cycle()
        world.directory.people = people(40)
        again, cycle = await world.release(outcome.held_set_id)
        assert (cycle.counts.created, cycle.counts.held) == (15, 20)
        assert again.held_set_id != outcome.held_set_id


async def test_a_release_while_a_cycle_runs_is_refused_and_the_set_stays_open(database_url):
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        await world.queue()
        with pytest.raises(AlreadyRunningError):
            await world.release(outcome.held_set_id)
        assert await state(world, outcome.held_set_id) is HeldState.OPEN
        await world.run()
        await world.release(outcome.held_set_id)
        assert await removed(world) == set(LEAVERS)


async def test_a_linked_person_who_is_protected_is_not_removed(database_url):
    async with store_world(database_url, people(10)) as world:
        await world.cycle()
        await world.sql(
            "UPDATE users SET configuration_id = NULL, protected = TRUE WHERE user_name = 'u3'"
        )
        await world.sql("DELETE FROM links WHERE external_id = 'u3'")
        _, cycle = await world.cycle()
        assert cycle.counts.linked == 1
        world.directory.remove("u3")
        await world.cycle()
        assert await removed(world) == set()
