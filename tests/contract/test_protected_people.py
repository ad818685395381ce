"""People whom a configuration names are never removed by it."""

from __future__ import annotations

import pytest

from core.model.account import UserStatus
from core.model.configuration import Guard, LeaveBehind, Scope
from tests.support.scripted_directory import people, team
from tests.support.store_world import ADA, StoreWorld, store_world

LOOSE = Guard(percent=100, minimum=20)
NAMED = Guard(percent=100, minimum=20, protected=(" U9@Example.com ", "u10", "u11"))


async def standing(world: StoreWorld, *numbers: int) -> list[UserStatus]:
    found = [await world.person(f"u{number}@example.com") for number in numbers]
    return [one.status for one in found if one is not None]


@pytest.mark.parametrize("way", ["gone", "disabled", "out of scope"])
async def test_whoever_is_named_stays_whatever_the_directory_says(database_url, way):
    everybody = people(12)
    ids = [p.id for p in everybody]
    scope = Scope(groups=("staff",)) if way == "out of scope" else Scope()
    async with store_world(
        database_url, everybody, [team("staff", ids)], guard=NAMED, scope=scope
    ) as world:
        await world.cycle()
        if way == "gone":
            world.directory.remove("u9", "u10", "u11", "u12")
        if way == "disabled":
            for one in ("u9", "u10", "u11", "u12"):
                world.directory.change(one, active=False)
        world.directory.teams = [team("staff", ids[:8])]
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == 1
        assert await standing(world, 9, 10, 11, 12) == [
            *[UserStatus.INVITED] * 3,
            UserStatus.DISABLED,
        ]
        await world.apply(guard=Guard(percent=100, minimum=20, protected=("u11",)))
        await world.cycle()
        assert await standing(world, 9, 10) == [UserStatus.DISABLED] * 2
        assert (await world.person("u11@example.com")).protected
        await world.apply(guard=LOOSE)
        await world.cycle()
        assert await standing(world, 11) == [UserStatus.DISABLED]


async def test_whoever_is_named_keeps_what_they_have_when_the_configuration_is_deleted(
    database_url,
):
    async with store_world(database_url, people(5, 9), guard=NAMED) as world:
        await world.cycle()
        found = await world.configuration()
        await world.store.lifecycle.delete(
            found.id,
            people=LeaveBehind.DISABLE,
            revision=found.revision,
            by=ADA,
            audit=world.audit(),
        )
        after = [UserStatus.INVITED] * 3 + [UserStatus.DISABLED] * 2
        assert await standing(world, *range(9, 14)) == after
