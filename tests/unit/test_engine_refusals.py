"""What is not carried out where one sign is missing, however many others are there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.engine.guard import Load, judge, removal_limit
from core.errors import TransientRemoteError
from core.model.configuration import Guard
from core.model.cycle import Action, HeldItem
from core.model.directory import ExternalId, Page, Presence, ResourceKind
from tests.support.engine_world import World
from tests.support.scripted_directory import ScriptedDirectory, people, team


def leaver(number: int) -> HeldItem:
    return HeldItem(
        kind=ResourceKind.USER,
        external_id=ExternalId(f"u{number}"),
        label="",
        action=Action.DISABLE,
        reason="",
    )


def load(*, leaving: int, provisioned: int, recent: int) -> Load:
    return Load(
        removals=leaving,
        leaving=leaving,
        creations=0,
        provisioned=provisioned,
        recent=recent,
        settled=True,
    )


def test_more_than_half_is_counted_over_the_whole_day():
    generous, leavers = Guard(percent=100, minimum=100), [leaver(1), leaver(2)]
    after_four = judge(
        generous, load(leaving=2, provisioned=6, recent=4), leavers, released=frozenset()
    )
    assert len(after_four.held) == 2
    after_one = judge(
        generous, load(leaving=2, provisioned=6, recent=1), leavers, released=frozenset()
    )
    assert after_one.held == ()


def test_the_percentage_is_of_the_people_when_the_day_began():
    guard = Guard(percent=10, minimum=0)
    assert removal_limit(guard, load(leaving=2, provisioned=92, recent=8)) == 10


async def test_somebody_missing_who_is_still_there_keeps_even_those_who_are_said_to_be_disabled():
    world = World(people(12))
    await world.cycle()
    world.directory.remove("u12")
    world.directory.answers["u12"] = Presence.ACTIVE
    world.directory.change("u11", active=False)
    await world.cycle()
    assert world.store.removed() == set()
    world.directory.answers["u12"] = Presence.GONE
    await world.cycle()
    assert world.store.removed() == {"u11", "u12"}


def half_of_the_people(directory: ScriptedDirectory) -> None:
    directory.bend = lambda pages: [pages[0], TransientRemoteError("down")]


def broken_off_after_the_first_group(directory: ScriptedDirectory) -> None:
    directory.bend_groups = lambda pages: [*pages[:1], TransientRemoteError("down")]


def without_a_single_group(directory: ScriptedDirectory) -> None:
    end = Page(records=[], last=True, total=0, token="0")
    directory.bend_groups = lambda _: [end]


@pytest.mark.parametrize(
    "fault", [half_of_the_people, broken_off_after_the_first_group, without_a_single_group]
)
async def test_no_group_ends_by_a_reading_that_does_not_show_it(
    fault: Callable[[ScriptedDirectory], None],
):
    everything = {"read_one": False, "page_size": 1}
    world = World(people(4), [team("a", ["u1"]), team("b", ["u2"])], directory=everything)
    await world.cycle()
    world.directory.teams = world.directory.teams[:1]
    honest = world.directory.bend, world.directory.bend_groups
    fault(world.directory)
    await world.cycle()
    assert set(world.store.teams) == {"g-a", "g-b"}
    world.directory.bend, world.directory.bend_groups = honest
    await world.cycle()
    assert set(world.store.teams) == {"g-a"}
