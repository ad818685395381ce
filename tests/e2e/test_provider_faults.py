"""Each page of a real SCIM server by each fault, through whole cycles: nobody is lost by mistake.

A first cycle brings everybody. Then, for each case, the company changes a little, one answer is
spoilt on its way, and a cycle runs; then an undisturbed one does.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.model.cycle import Cycle, CycleResult
from tests.support.databases import fresh_database
from tests.support.engine_world import ManualClock
from tests.support.fault_world import (
    GROUP_PAGES,
    HURRIED,
    LIMITS,
    PAGE,
    USER_PAGES,
    Account,
    Directory,
    FaultWorld,
    Turn,
    directory,
    fault_world,
)
from tests.support.faults import Fault
from tests.support.figures import FULL, SEED, figure
from tests.support.scim_backend import TOKEN

FAULTS = figure("provider faults through whole cycles")
RECORD = {fault for fault in Fault if fault.value.startswith("record_")}
OF_CURSORS = {Fault.CURSOR_LOST, Fault.CURSOR_CIRCULAR, Fault.CURSOR_ENDLESS}
OF_INDEXES = {Fault.WRONG_ECHO}
REPEATS = {Fault.REPEATED_PAGE, Fault.REPEATED_PAGE_WITH_ECHO}
A_PERSONS_OWN = RECORD - {Fault.RECORD_DROPPED}
"""Faults of one record: that person's error, and everybody else's listing is whole."""
A_CLEAR_NO = {Fault.STATUS_404}
"""The server itself says that a person is gone."""

OF_ONE_ANSWER = [
    fault
    for fault in Fault
    if fault.value.startswith(("status_", "reset_", "cut_", "gzip_", "redirect_", "record_"))
    or fault
    in {
        Fault.CONNECTION_REFUSED,
        Fault.EMPTY_200,
        Fault.LOGIN_PAGE,
        Fault.WRONG_CONTENT_TYPE,
        Fault.INVALID_JSON,
        Fault.DEEP_JSON,
        Fault.SLOW_DRIP,
        Fault.SCIM_ERROR_WITH_200,
    }
]
"""Faults that any answer can have; but for those of a record they end a listing."""


@dataclass(frozen=True, kw_only=True)
class World:
    backend: str
    cursor: bool
    scoped: bool

    def __str__(self) -> str:
        way = "cursor" if self.cursor else "index"
        return f"{self.backend}-{way}-{'group' if self.scoped else 'everybody'}"


@dataclass(frozen=True, kw_only=True)
class Case:
    path: str
    page: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.path[1:].lower()}{self.page}-{self.fault}"

    @property
    def id(self) -> str:
        return str(self)


def meaningful(case: Case, *, cursor: bool) -> bool:
    """Leave out what changes no byte, so that every case that is counted is a fault."""
    if case.fault in OF_CURSORS:
        last = USER_PAGES if case.path == "/Users" else GROUP_PAGES
        return cursor and not (case.fault is Fault.CURSOR_LOST and case.page == last)
    if case.fault in OF_INDEXES and cursor:
        return False
    if case.fault in REPEATS and case.page == 1:
        return False
    if case.fault is Fault.DUPLICATE_ID and case.path == "/Groups" and case.page == GROUP_PAGES:
        return False  # the last page has one group only
    return case.path == "/Users" or case.fault not in A_PERSONS_OWN


def matrix(*, cursor: bool) -> list[Case]:
    pages = [("/Users", page) for page in range(1, USER_PAGES + 1)]
    pages += [("/Groups", page) for page in range(1, GROUP_PAGES + 1)]
    whole = [Case(path=path, page=page, fault=fault) for path, page in pages for fault in Fault]
    return [case for case in whole if meaningful(case, cursor=cursor)]


WHOLE = 10_000
SIZES: dict[World, tuple[int, int]] = {
    World(backend="sqlite", cursor=False, scoped=True): (4, WHOLE),
    World(backend="sqlite", cursor=True, scoped=False): (3, 60),
    World(backend="sqlite", cursor=False, scoped=False): (2, 20),
    World(backend="postgresql", cursor=False, scoped=True): (2, 30),
    World(backend="postgresql", cursor=True, scoped=True): (2, 20),
}
"""Cases of each kind of world: in the seeded sample, and at full scale."""
ONCE_WRONG = [
    (
        World(backend="sqlite", cursor=False, scoped=True),
        Case(path="/Groups", page=1, fault=Fault.TOTAL_ONE_LESS),
    ),
]


def chosen() -> list[tuple[World, Case]]:
    """Return a seeded sample, or at full scale each page by each fault, and more samples."""
    dice = random.Random(SEED)
    cases: list[tuple[World, Case]] = []
    for world, (few, many) in SIZES.items():
        every = matrix(cursor=world.cursor)
        size = min(len(every), many if FULL else few)
        cases += [(world, case) for case in dice.sample(every, size)]
    return [*(each for each in ONCE_WRONG if each not in cases), *cases]


class Worlds:
    """A database and a company for each kind of world, made once and used by all its cases."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._made: dict[World, tuple[str, Directory, ManualClock]] = {}

    def get(self, world: World) -> tuple[str, Directory, ManualClock]:
        if world not in self._made:
            folder = self._folder / str(world)
            folder.mkdir()
            self._made[world] = (
                self._stack.enter_context(fresh_database(world.backend, folder)),
                self._stack.enter_context(directory(cursor=world.cursor)),
                ManualClock(),
            )
        return self._made[world]

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    made = Worlds(tmp_path_factory.mktemp("faults"))
    yield made
    made.close()


@pytest.fixture
def given(request: pytest.FixtureRequest, worlds: Worlds) -> tuple[str, Directory, ManualClock]:
    return worlds.get(request.param)


@pytest.fixture
async def world(
    given: tuple[str, Directory, ManualClock], request: pytest.FixtureRequest
) -> AsyncIterator[FaultWorld]:
    url, company, clock = given
    scoped = request.node.callspec.params["given"].scoped
    async with fault_world(url, company, clock=clock, scoped=scoped) as running:
        if not company.round:
            company.round = 1
            first = await running.cycle()
            assert first.result is CycleResult.SUCCESS, first.error
            assert first.counts.created == len(company.truth.people)
        yield running


@pytest.mark.parametrize(("given", "case"), chosen(), indirect=["given"], ids=str)
async def test_a_fault_removes_nobody_and_the_next_cycle_puts_everything_right(
    world: FaultWorld, case: Case
) -> None:
    with FAULTS.trying():
        before = await world.account()
        turn = world.directory.turn()
        world.proxy.reset()
        injection = world.proxy.inject(case.fault, page=case.page, path=case.path)

        cycle = await world.cycle(HURRIED if case.fault is Fault.SLOW_DRIP else LIMITS)

        assert injection.changed, "the fault changed nothing, so the case proves nothing"
        after = await world.account()
        expect_nobody_lost(world, before, after)
        expect_readable(world, cycle)
        expect_what_arrived(world, cycle, case, turn, after)
        await expect_next_cycle_right(world)


def expect_nobody_lost(world: FaultWorld, before: Account, after: Account) -> None:
    truth = world.truth
    lost = (before.there & truth.people.keys()) - after.there
    assert not lost, f"removed although in the directory: {lost}"
    for group, members in truth.groups.items():
        had = before.groups.get(group, frozenset()) & members
        assert group in after.groups or group not in before.groups, f"group {group} is gone"
        assert had <= after.groups.get(group, frozenset()), f"taken out of group {group}"


def expect_readable(world: FaultWorld, cycle: Cycle) -> None:
    """A cycle that fell short says why and what to do, without a secret and without a crash."""
    crashes = [line for line in world.log if line["log_level"] in {"error", "critical"}]
    assert not crashes, crashes
    if cycle.result is CycleResult.SUCCESS:
        assert cycle.error is None
        return
    assert cycle.result in {CycleResult.PARTIAL_SUCCESS, CycleResult.FAILURE}
    assert cycle.error is not None
    assert cycle.error.code not in {"internal_error", "error", "remote_error"}
    assert len(cycle.error.message) > 20
    assert cycle.error.hint
    assert TOKEN not in f"{cycle.error}{cycle.proof}"


def expect_what_arrived(
    world: FaultWorld, cycle: Cycle, case: Case, turn: Turn, after: Account
) -> None:
    """People on pages that came before the fault are taken over; only a proof removes.

    Whether somebody new is in the scope's group is not known while groups are unproven.
    """
    proven = cycle.proof is not None and cycle.proof.proven
    if not proven:
        assert turn.leaver in after.there, "removed without a proof"
        assert not cycle.counts.disabled
        assert not cycle.counts.deleted
    if cycle.result is CycleResult.FAILURE:
        assert (
            case.path == "/Groups"
            or case.page == 1
            or case.fault
            in {
                Fault.STATUS_401,
                Fault.STATUS_403,
            }
        )
        return
    if case.path == "/Users" and case.fault in set(OF_ONE_ANSWER) - RECORD:
        assert cycle.proof is not None
        assert "read_fault" in dict(cycle.proof.failed)
    arrived = case.page - 1 if case.path == "/Users" else USER_PAGES
    known = [one for one in turn.order if one != turn.joiner or case.path == "/Users"]
    for person in known[: arrived * PAGE]:
        assert after.names[person] == world.truth.people[person], "a page that came was dropped"


async def expect_next_cycle_right(world: FaultWorld) -> None:
    world.proxy.reset()
    await world.proxy.listen_again()
    cycle = await world.cycle()
    assert cycle.result is CycleResult.SUCCESS, cycle.error
    account = await world.account()
    truth = world.truth
    assert account.there == set(truth.people)
    assert {one: account.names[one] for one in truth.people} == truth.people
    assert account.groups == {group: frozenset(ids) for group, ids in truth.groups.items()}


QUESTIONS = [fault for fault in OF_ONE_ANSWER if fault not in A_CLEAR_NO | {Fault.RECORD_DROPPED}]


@pytest.mark.parametrize(
    "given", [World(backend="sqlite", cursor=False, scoped=True)], indirect=True, ids=str
)
@pytest.mark.parametrize(
    "fault", QUESTIONS if FULL else random.Random(SEED).sample(QUESTIONS, 3), ids=str
)
async def test_whom_a_flawless_looking_listing_leaves_out_stays_if_the_question_fails(
    world: FaultWorld, fault: Fault
) -> None:
    """The listing lies in all its figures: only the question for the absentee is left."""
    with FAULTS.trying():
        before = await world.account()
        turn = world.directory.turn()
        while turn.order[-PAGE // 2] not in before.there:
            turn = world.directory.turn()  # who has just joined would not be asked for
        world.proxy.reset()
        world.proxy.inject(Fault.TOTAL_ONE_LESS, page=None)
        world.proxy.inject(Fault.RECORD_DROPPED, page=USER_PAGES)
        left_out = turn.order[-PAGE // 2]
        assert left_out in before.there
        question = world.proxy.inject(fault, page=None, path=f"/Users/{left_out}")

        cycle = await world.cycle(HURRIED if fault is Fault.SLOW_DRIP else LIMITS)

        assert question.changed, "nobody asked for the absentee"
        assert cycle.result is not CycleResult.SUCCESS
        expect_nobody_lost(world, before, await world.account())
        expect_readable(world, cycle)
        await expect_next_cycle_right(world)
