"""One person is judged as a whole cycle judges them, however the groups are asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.context import Meter
from core.engine.person_scope import PersonScope, scope_of
from core.errors import (
    ConfigurationError,
    PermissionMissingError,
    SignInError,
    TransientRemoteError,
)
from core.model.configuration import Scope
from core.model.directory import ProviderUser
from tests.support.asked_directory import AskedDirectory, ReadableDirectory
from tests.support.engine_world import World
from tests.support.figures import FULL
from tests.support.scripted_directory import ScriptedDirectory, Team, team

PEOPLE = ("u1", "u2", "u3")
NAMES = ("a", "b", "c", "d", "e")
IDS = tuple(f"g-{name}" for name in NAMES)

teams = st.lists(st.sampled_from(NAMES), unique=True).flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                team,
                st.just(name),
                st.frozensets(st.sampled_from(PEOPLE), max_size=2),
                st.frozensets(st.sampled_from(IDS), max_size=3),
                complete=st.integers(0, 4).map(bool),
            )
            for name in names
        )
    )
)


async def judged(directory: ScriptedDirectory, scope: Scope, before: Scope | None) -> object:
    """Return what is found of each person, or the error that ends the cycle."""
    world = World(scope=scope)
    world.directory = directory
    world.configuration = replace(world.configuration, previous_scope=before)
    ctx = world.context()
    try:
        return {one: await scope_of(ctx, Meter(ctx), one) for one in PEOPLE}
    except ConfigurationError as error:
        return error.code


def is_judged_alike(whole: PersonScope, asked: PersonScope, name: str) -> bool:
    """Whether the verdict is the same; whoever is found to be a member needs no more proof."""
    user = ProviderUser(external_id=name, user_name=name, active=True)
    answers = {found.scoping.answer(user, f"{name}@example.com") for found in (whole, asked)}
    holds = {found.scoping.holds(name) for found in (whole, asked)}
    proof = asked.proven == whole.proven or bool(asked.holders)
    names = set(asked.holders) <= set(whole.holders) and bool(asked.holders) == bool(whole.holders)
    return len(answers) == len(holds) == 1 and proof and names


@settings(max_examples=300 if FULL else 60, deadline=None)
@given(
    teams,
    st.lists(st.sampled_from((*NAMES, "A", "g-b")), min_size=1, max_size=3, unique=True),
    st.none() | st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    st.booleans(),
)
def test_whoever_is_asked_about_is_judged_as_when_all_groups_are_read(found, names, before, sure):
    scope = Scope(groups=tuple(names))
    previous = None if before is None else Scope(groups=tuple(before))
    whole = asyncio.run(judged(ScriptedDirectory(teams=found), scope, previous))
    for kind in (AskedDirectory, ReadableDirectory):
        directory = kind(teams=found)
        directory.sure = sure
        asked = asyncio.run(judged(directory, scope, previous))
        if isinstance(whole, str):
            assert asked == whole
            continue
        for name in PEOPLE:
            assert is_judged_alike(whole[name], asked[name], name)


CREW = Scope(groups=("crew",))


def crowded(kind: type[AskedDirectory]) -> AskedDirectory:
    """Return a directory with a hundred groups, two of which matter."""
    others = [team(f"t{number}", ["u1"]) for number in range(98)]
    return kind(teams=[*others, team("inner", ["u1"]), team("crew", ["u3"], ["g-inner"])])


async def scoped(directory: ScriptedDirectory, name: str) -> PersonScope:
    world = World(scope=CREW)
    world.directory = directory
    ctx = world.context()
    return await scope_of(ctx, Meter(ctx), name)


async def test_nobodys_members_are_read_where_asking_is_enough():
    directory = crowded(AskedDirectory)
    found = await scoped(directory, "u1")
    assert (found.holders, found.proven, found.note) == (("crew",), True, "")
    assert (await scoped(directory, "u2")).holders == ()
    assert directory.read == 0


async def test_what_is_not_certain_is_read_of_the_groups_that_matter():
    directory = crowded(ReadableDirectory)
    directory.sure = False
    found = await scoped(directory, "u2")
    assert (found.holders, found.proven) == ((), True)
    assert found.note == "the members of 2 groups were read for it"
    assert directory.read == 2


async def test_what_is_not_certain_and_cannot_be_read_singly_takes_all_groups():
    directory = crowded(AskedDirectory)
    directory.sure = False
    found = await scoped(directory, "u2")
    assert (found.holders, found.proven) == ((), True)
    assert found.note == "all groups were read for it: 100"


@pytest.mark.parametrize("error", [TransientRemoteError, PermissionMissingError])
async def test_a_fault_while_asking_is_never_taken_for_not_a_member(error):
    directory = crowded(ReadableDirectory)
    directory.fault = error("No.")
    found = await scoped(directory, "u1")
    assert (found.holders, found.proven) == (("crew",), True)
    assert found.note == "all groups were read for it: 100"


async def test_lost_credentials_end_the_cycle():
    directory = crowded(AskedDirectory)
    directory.fault = SignInError("No.")
    with pytest.raises(SignInError):
        await scoped(directory, "u1")


async def test_a_listing_without_an_end_proves_nothing_and_keeps_who_was_in():
    directory = AskedDirectory(teams=[team("crew", ["u3"])])
    directory.bend_names = lambda pages: [replace(page, last=False) for page in pages]
    found = await scoped(directory, "u2")
    assert not found.proven


async def test_a_scope_without_groups_asks_for_none():
    directory = crowded(AskedDirectory)
    world = World(scope=Scope(domains=("example.com",)))
    world.directory = directory
    ctx = world.context()
    found = await scope_of(ctx, Meter(ctx), "u1")
    assert found.proven
    assert directory.requests == 0


def test_a_circle_of_groups_is_walked_once():
    circle = [
        Team(id="g-a", name="a", groups=frozenset({"g-b"})),
        Team(id="g-b", name="b", groups=frozenset({"g-a"}), people=frozenset({"u1"})),
    ]
    directory = ReadableDirectory(teams=circle)
    directory.sure = False
    found = asyncio.run(judged(directory, Scope(groups=("a",)), None))
    assert found["u1"].holders == ("a",)
    assert (found["u2"].holders, found["u2"].proven) == ((), True)
