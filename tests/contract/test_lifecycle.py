"""Configurations that are disabled, enabled again and deleted, over both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.engine.cycle import run_cycle
from core.errors import ConflictError, FencedError, NotFoundError
from core.model.account import UserStatus
from core.model.configuration import LeaveBehind
from core.model.cycle import CycleResult, HeldState
from tests.support.scripted_directory import people
from tests.support.store_world import ADA, store_world


@pytest.fixture
async def world(database_url):
    """Give an account of six people of one configuration, three of them active."""
    async with store_world(database_url, people(6)) as found:
        await found.cycle()
        await found.store.licenses.set_total(3, audit=found.audit())
        names = [f"u{n}@example.com" for n in range(1, 4)]
        await found.store.activations.activate(names, audit=found.audit())
        yield found


async def delete(world, people_=LeaveBehind.STAY, revision=None, stored=None):
    stored = stored or await world.configuration()
    return await world.store.lifecycle.delete(
        stored.id,
        people=people_,
        revision=stored.revision if revision is None else revision,
        by=ADA,
        audit=world.audit(),
    )


async def statuses(world):
    return {key.value: n for key, n in (await world.store.people.statuses()).items() if n}


async def test_a_disabled_configuration_says_since_when_and_an_enabled_one_forgets(world):
    lifecycle, stored = world.store.lifecycle, await world.configuration()
    before = await statuses(world)
    disabled = await lifecycle.set_enabled(stored.id, False, audit=world.audit())
    assert (disabled.disabled.by, disabled.disabled.at) == (ADA.id, world.clock.now())
    assert disabled.revision == stored.revision + 1
    assert await statuses(world) == before
    again = await lifecycle.set_enabled(stored.id, True, audit=world.audit())
    assert (again.enabled, again.disabled) == (True, None)


async def test_of_two_admins_at_once_one_disables_and_the_other_is_told(world):
    stored = await world.configuration()

    async def disable():
        return await world.store.lifecycle.set_enabled(
            stored.id, False, revision=stored.revision, audit=world.audit()
        )

    found = await asyncio.gather(disable(), disable(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["Configuration", "ConflictError"]
    assert (await world.configuration()).revision == stored.revision + 1


async def test_people_of_a_deleted_configuration_stay_and_belong_to_nothing(world):
    before, stored = await statuses(world), await world.configuration()
    had = await delete(world)
    assert had.provisioned == 6
    assert await statuses(world) == before
    assert (await world.person("u1@example.com")).configuration_id is None
    assert await world.store.configurations.all() == []
    with pytest.raises(NotFoundError):
        await world.store.configurations.get(stored.id)
    cycles = await world.store.cycles.list(limit=9)
    assert [each.configuration_name for each in cycles] == [stored.name]


async def test_people_who_go_with_their_configuration_lose_licenses_and_links(world):
    due = await world.store.invitations.due(owner="w", limit=99, now=world.clock.now())
    token = next(each.token for each in due if each.email == "u5@example.com")
    world.clock.time += timedelta(minutes=1)
    await delete(world, LeaveBehind.DISABLE)
    assert await statuses(world) == {"disabled": 6}
    summary = await world.store.licenses.summary()
    assert (summary.used, summary.free) == (0, 3)
    assert await world.store.activations.accept(token, audit=world.audit()) is None
    newest = (await world.store.cycles.list(limit=1))[0]
    assert (newest.result, newest.counts.disabled) == (CycleResult.SUCCESS, 6)
    changes = await world.changes(newest)
    assert {each.before["status"] for each in changes} == {"active", "invited"}
    assert {each.external_id for each in changes} == {f"u{n}" for n in range(1, 7)}


async def test_the_protected_are_not_disabled_with_their_configuration(world):
    await world.sql("UPDATE users SET protected = TRUE WHERE email = 'u1@example.com'")
    await delete(world, LeaveBehind.DISABLE)
    assert (await world.person("u1@example.com")).status is UserStatus.ACTIVE
    assert await statuses(world) == {"active": 1, "disabled": 5}


async def test_a_deletion_that_saw_something_else_changes_nothing(world):
    stored = await world.configuration()
    with pytest.raises(ConflictError) as caught:
        await delete(world, revision=stored.revision - 1)
    assert caught.value.code == "configuration_changed"
    assert (await world.configuration()).id == stored.id


async def test_of_two_admins_who_delete_at_once_one_does(world):
    stored = await world.configuration()
    found = await asyncio.gather(
        delete(world, stored=stored),
        delete(world, stored=stored),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in found) == ["Belongings", "NotFoundError"]


async def test_a_cycle_that_runs_when_its_configuration_is_deleted_writes_nothing_more(world):
    queued = await world.queue()
    claim = await world.claim()
    await delete(world)
    world.directory.people = people(9)
    with pytest.raises(FencedError):
        await run_cycle(world.context(claim))
    cycle = await world.store.cycles.get(queued.id)
    assert cycle.result is CycleResult.CANCELLED
    assert await world.store.people.count() == 6


async def test_a_held_set_of_a_deleted_configuration_can_be_decided_no_more(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.people = people(4)
        outcome, _ = await world.cycle()
        held = outcome.held_set_id
        assert held is not None
        await delete(world)
        assert (await world.store.held.get(held)).state is HeldState.SUPERSEDED


async def test_a_deleted_name_can_be_used_again_and_its_people_are_taken_over(world):
    await delete(world)
    await world.apply(name="People")
    outcome, _ = await world.cycle()
    assert outcome.result is CycleResult.SUCCESS
    person = await world.person("u1@example.com")
    assert person.configuration_id == (await world.configuration()).id
    assert await statuses(world) == {"active": 3, "invited": 3}
