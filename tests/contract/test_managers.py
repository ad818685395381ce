"""Managers: what the directory names becomes a person of the account, whenever they arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec

from core.model.account import Manager
from core.model.configuration import Guard, Scope
from core.model.cycle import CycleResult
from core.model.directory import ChangePage, ResourceKind, Watermark
from tests.support.scripted_directory import Person, person, team
from tests.support.store_world import StoreWorld, store_world

MAPPED = {"mapping": {"manager": "boss"}}


def reporting(number: int, to: str = "") -> Person:
    """Return somebody whose record names a manager."""
    return person(number, attributes={"boss": to} if to else {})


def delta(*people: Person) -> ChangePage:
    return ChangePage(
        kind=ResourceKind.USER,
        records=[msgspec.json.encode(each, order="deterministic") for each in people],
        last=True,
        token="1",
        watermark=Watermark("next"),
    )


async def found(world: StoreWorld, number: int) -> Manager | None:
    user = await world.person(f"u{number}@example.com")
    assert user is not None
    return await world.store.people.manager(user.id)


async def address(world: StoreWorld, number: int) -> str:
    """Return the address of somebody's manager, or nothing."""
    manager = await found(world, number)
    return manager.email if manager else ""


async def test_managers_are_people_of_the_account_whoever_was_read_first(database_url):
    circle = [reporting(1, "u2"), reporting(2, "u3"), reporting(3, "u1"), reporting(4, "u4")]
    async with store_world(database_url, [*circle, reporting(5)], **MAPPED) as world:
        outcome, cycle = await world.cycle(batch=2)
        assert outcome.result is CycleResult.SUCCESS
        assert (cycle.counts.created, cycle.counts.updated) == (5, 0)
        assert [await address(world, n) for n in range(1, 6)] == [
            "u2@example.com",
            "u3@example.com",
            "u1@example.com",
            "u4@example.com",
            "",
        ]
        _, again = await world.cycle()
        assert again.counts.changed == 0


async def test_a_manager_may_be_named_by_user_name_or_address_too(database_url):
    everybody = [reporting(1, "U3@Example.com"), reporting(2, "U3"), reporting(3)]
    async with store_world(database_url, everybody, **MAPPED) as world:
        await world.cycle()
        assert [await address(world, n) for n in (1, 2)] == ["u3@example.com"] * 2


async def test_a_manager_who_arrives_in_a_later_cycle_is_set_then_and_told(database_url):
    async with store_world(
        database_url, [reporting(1, "u9"), reporting(2)], directory={"delta": True}, **MAPPED
    ) as world:
        outcome, _ = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS, "a missing manager is no fault"
        assert await found(world, 1) == Manager(wanted="u9")
        world.directory.people.append(reporting(9))
        world.directory.changes = [delta(reporting(9))]
        _, cycle = await world.cycle()
        assert (cycle.reading, cycle.counts.created, cycle.counts.updated) == ("delta", 1, 1)
        assert await address(world, 1) == "u9@example.com"
        told = [each for each in await world.changes(cycle) if each.external_id == "u1"]
        assert [(each.reason, each.after) for each in told] == [
            ("the manager is in the account now", {"manager": "u9"})
        ]


async def test_a_manager_out_of_scope_is_nobody_and_no_fault_until_they_come_in(database_url):
    teams = [team("in", ["u1"])]
    async with store_world(
        database_url,
        [reporting(1, "u2"), reporting(2)],
        teams,
        scope=Scope(groups=("in",)),
        **MAPPED,
    ) as world:
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert cycle.counts.warnings == 0
        assert await found(world, 1) == Manager(wanted="u2")
        world.directory.teams = [team("in", ["u1", "u2"])]
        await world.cycle()
        assert await address(world, 1) == "u2@example.com"


async def test_a_changed_or_dropped_manager_follows_the_directory(database_url):
    everybody = [reporting(1, "u2"), reporting(2), reporting(3)]
    async with store_world(database_url, everybody, **MAPPED) as world:
        await world.cycle()
        world.directory.people[0] = reporting(1, "u3")
        await world.cycle()
        assert await address(world, 1) == "u3@example.com"
        world.directory.people[0] = reporting(1, "nobody")
        await world.cycle()
        assert await found(world, 1) == Manager(wanted="nobody")
        world.directory.people[0] = reporting(1)
        await world.cycle()
        assert await found(world, 1) is None


async def test_one_person_is_pointed_to_their_manager(database_url):
    async with store_world(database_url, [reporting(1, "u2"), reporting(2)], **MAPPED) as world:
        await world.one_person("u1@example.com")
        assert await found(world, 1) == Manager(wanted="u2")
        await world.one_person("u2@example.com")
        assert await address(world, 1) == "u2@example.com"


async def test_a_preview_points_nobody(database_url):
    async with store_world(database_url, [reporting(1), reporting(2)], **MAPPED) as world:
        await world.cycle()
        world.directory.people[0] = reporting(1, "u2")
        await world.cycle(dry_run=True)
        assert await found(world, 1) is None


async def test_who_is_deleted_for_good_is_nobodys_manager(database_url):
    everybody = [*[reporting(n, "u9") for n in (1, 2, 3)], reporting(9)]
    async with store_world(
        database_url, everybody, guard=Guard(percent=100), grace=timedelta(days=1), **MAPPED
    ) as world:
        await world.cycle()
        world.directory.people = [replace(each) for each in everybody[:3]]
        for _ in range(3):
            await world.cycle()
            world.clock.time += timedelta(days=2)
        assert await world.person("u9@example.com") is None
        assert await found(world, 1) == Manager(wanted="u9")
