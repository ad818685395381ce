"""Groups in a delta: those that changed are enough, unless others or the scope depend on them."""

from __future__ import annotations

import pytest

from core.model.configuration import Scope
from tests.contract.test_delta_cycles import GROUP, page
from tests.support.scripted_directory import Team, people, team
from tests.support.store_world import StoreWorld, store_world

DELTA = {"delta": True}
TEAMS = [
    team("plain", ["u1", "u2"]),
    team("parent", ["u1"], groups=["g-child"]),
    team("child", ["u3"]),
]


def become(world: StoreWorld, *changed: Team) -> None:
    """Change groups in the directory, and have the delta tell them."""
    new = {each.id: each for each in changed}
    old = [each for each in world.directory.teams if each.id not in new]
    world.directory.teams = [*old, *new.values()]
    world.directory.changes = [page(*changed, kind=GROUP)]


async def members(world: StoreWorld, group: str) -> set[str]:
    rows = await world.sql(
        "SELECT m.external_id FROM memberships m JOIN groups g ON g.id = m.group_id"
        " WHERE g.external_id = :group",
        group=group,
    )
    return {str(name) for (name,) in rows}


async def test_a_group_by_itself_is_brought_up_to_date_without_reading_the_others(database_url):
    async with store_world(database_url, people(9), TEAMS, directory=DELTA) as world:
        await world.cycle()
        become(world, team("plain", ["u2", "u4"]), team("new", ["u5"]))
        _, cycle = await world.cycle()
        assert (cycle.reading, cycle.requests) == ("delta", 1), (
            "one page of changes, none of groups"
        )
        assert (cycle.counts.groups_updated, cycle.counts.groups_created) == (1, 1)
        assert await members(world, "g-plain") == {"u2", "u4"}
        assert await members(world, "g-new") == {"u5"}
        assert await members(world, "g-parent") == {"u1", "u3"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (team("child", ["u3", "u6"]), {"u1", "u3", "u6"}),
        (team("parent", ["u7"], groups=["g-child"]), {"u7", "u3"}),
        (team("parent", ["u7"]), {"u7"}),
    ],
)
async def test_one_that_holds_groups_or_is_held_has_all_groups_read(
    database_url, changed, expected
):
    async with store_world(database_url, people(9), TEAMS, directory=DELTA) as world:
        await world.cycle()
        become(world, changed)
        _, cycle = await world.cycle()
        assert cycle.reading == "delta"
        assert cycle.requests > 1
        assert await members(world, "g-parent") == expected


async def test_one_that_takes_a_group_in_for_the_first_time_has_all_groups_read(database_url):
    async with store_world(database_url, people(9), TEAMS, directory=DELTA) as world:
        await world.cycle()
        become(world, team("plain", ["u1"], groups=["g-child"]))
        _, cycle = await world.cycle()
        assert cycle.requests > 1
        assert await members(world, "g-plain") == {"u1", "u3"}


@pytest.mark.parametrize("name", ["plain", "renamed"])
async def test_one_that_the_scope_names_has_all_groups_read(database_url, name):
    scope = Scope(groups=("plain", "g-plain"))
    async with store_world(database_url, people(9), TEAMS, scope=scope, directory=DELTA) as world:
        await world.cycle()
        become(world, Team(id="g-plain", name=name, people=frozenset({"u1", "u2", "u5"})))
        if name == "renamed":
            await world.apply(scope=Scope(groups=("g-plain",)))
        _, cycle = await world.cycle()
        assert cycle.reading == "full"
        assert await world.person("u5@example.com") is not None
