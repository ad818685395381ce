"""Licenses under acts in any order, several at once, against an account kept on paper."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core.model.account import PersonOutcome, UserStatus
from core.model.application import LoginName, LoginStatus, NamedBy
from core.model.configuration import AccountId, Guard
from core.model.reserves import Reserve
from core.store.licenses import alert_level
from core.store.logins import LoginAsked
from core.store.opening import open_store
from tests.support.engine_world import ManualClock, configuration
from tests.support.figures import FULL, figure
from tests.support.matching import most_matched
from tests.support.scripted_directory import ScriptedDirectory, people, team
from tests.support.store_world import StoreWorld

CROWD = 9
NUMBERS = st.integers(1, CROWD)
GROUPS = {"board": {1, 2, 3}, "night": {3, 4}}
ACTS = figure("license acts at random")
_accounts = itertools.count(1)
INVITED, WAITING, ACTIVE, DISABLED = (
    UserStatus.INVITED,
    UserStatus.WAITING,
    UserStatus.ACTIVE,
    UserStatus.DISABLED,
)


class Paper:
    """The pool as one would keep it on paper."""

    def __init__(self) -> None:
        self.total = 0
        self.kept = dict.fromkeys(GROUPS, 0)
        self.status = dict.fromkeys(range(1, CROWD + 1), INVITED)
        self.line: list[int] = []

    def active(self) -> list[int]:
        return [n for n, status in self.status.items() if status is ACTIVE]

    def fits(self, holders: list[int], person: int) -> bool:
        """Whether somebody may have a license beside these."""
        free = self.total - len(holders)
        left = self._left(holders)
        return free > 0 and (self._left([*holders, person]) < left or free > left)

    def _left(self, holders: list[int]) -> int:
        own = [[k for k, name in enumerate(GROUPS) if n in GROUPS[name]] for n in holders]
        limits = list(self.kept.values())
        return sum(limits) - most_matched(own, limits)

    def come(self, person: int) -> bool:
        """Let somebody come by a login; return whether they are in."""
        if self.status[person] is ACTIVE:
            return True
        waits = person in self.line
        ahead = self.line[: self.line.index(person)] if waits else self.line
        holders = self.active()
        for other in ahead:
            if self.fits(holders, other):
                holders.append(other)
        if self.fits(holders, person):
            self.give(person)
            return True
        if not waits:
            self.line.append(person)
            self.status[person] = WAITING
        return False

    def give(self, person: int) -> None:
        self.status[person] = ACTIVE
        self.line = [each for each in self.line if each != person]


class Machine(RuleBasedStateMachine):
    """One account of a database of its own number; every act is done there and on paper."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.url = url

    def run(self, work):
        with ACTS.trying():
            return self.runner.run(work)

    @initialize(total=st.integers(0, CROWD))
    def begin(self, total: int) -> None:
        self.runner.run(self._begin())
        self.paper = Paper()
        self.total(total)

    async def _begin(self) -> None:
        clock = ManualClock()
        store = await self.stack.enter_async_context(
            await open_store(
                self.url, clock=clock, migrate=False, account_id=AccountId(f"a{next(_accounts)}")
            )
        )
        teams = [team(name, [f"u{n}" for n in members]) for name, members in GROUPS.items()]
        source = ScriptedDirectory(people(CROWD), teams)
        self.world = StoreWorld(store, clock, source, configuration(guard=Guard(minimum=1000)))
        await self.world.apply()
        await self.world.cycle()

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    async def _log_in(self, numbers: list[int]):
        asked = [
            LoginAsked(
                name=LoginName(by=NamedBy.EMAIL, key=f"u{n}@example.com"), audit=self.world.audit()
            )
            for n in numbers
        ]
        return await self.world.store.logins.log_in(asked, now=self.world.clock.now())

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=5))
    def log_in(self, numbers: list[int]) -> None:
        answers = self.run(self._log_in(numbers))
        for number, answer in zip(numbers, answers, strict=True):
            if self.paper.status[number] is DISABLED:
                assert answer.status is LoginStatus.DISABLED
                continue
            inside = self.paper.come(number)
            assert inside == (answer.status in (LoginStatus.ACTIVATED, LoginStatus.ACTIVE))
            assert inside or answer.place == self.paper.line.index(number) + 1

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4, unique=True))
    def activate(self, numbers: list[int]) -> None:
        names = [f"u{n}@example.com" for n in numbers]
        work = self.world.store.activations.activate(names, audit=self.world.audit())
        for number, result in zip(numbers, self.run(work), strict=True):
            if self.paper.status[number] in (ACTIVE, DISABLED):
                assert result.outcome in (PersonOutcome.ALREADY_ACTIVE, PersonOutcome.DISABLED)
                continue
            fits = self.paper.fits(self.paper.active(), number)
            assert fits == (result.outcome is PersonOutcome.ACTIVATED)
            if fits:
                self.paper.give(number)

    @rule(count=st.integers(1, 4))
    def activate_waiting(self, count: int) -> None:
        work = self.world.store.activations.activate_waiting(count, audit=self.world.audit())
        given = [each.asked for each in self.run(work) if each.outcome is PersonOutcome.ACTIVATED]
        chosen: list[int] = []
        for person in list(self.paper.line):
            if len(chosen) < count and self.paper.fits(self.paper.active(), person):
                chosen.append(person)
                self.paper.give(person)
        assert given == [f"u{n}@example.com" for n in chosen]

    @rule(number=NUMBERS)
    def free(self, number: int) -> None:
        names = [f"u{number}@example.com"]
        (result,) = self.run(self.world.store.activations.free(names, audit=self.world.audit()))
        assert (result.outcome is PersonOutcome.FREED) is (self.paper.status[number] is ACTIVE)
        if self.paper.status[number] is ACTIVE:
            self.paper.status[number] = INVITED

    @rule(number=NUMBERS)
    def disable(self, number: int) -> None:
        self.world.directory.change(f"u{number}", active=False)
        self.run(self.world.cycle())
        self.paper.status[number] = DISABLED
        self.paper.line = [each for each in self.paper.line if each != number]

    @rule(total=st.integers(0, CROWD))
    def total(self, total: int) -> None:
        self.run(self.world.store.licenses.set_total(total, audit=self.world.audit()))
        self.paper.total = total

    @rule(name=st.sampled_from(list(GROUPS)), count=st.integers(0, 4))
    def keep(self, name: str, count: int) -> None:
        self.run(self._keep(name, count))
        self.paper.kept[name] = count

    async def _keep(self, name: str, count: int) -> None:
        found = await self.world.store.reserves.groups()
        group = next(each for each in found if each.name == name)
        wanted = Reserve(
            configuration_id=group.configuration_id,
            external_id=group.external_id,
            group=group.name,
            group_id=group.group_id,
            kept=count,
        )
        change = await self.world.store.reserves.look(wanted)
        seen = (change.before.total, change.kept_before)
        await self.world.store.reserves.keep(wanted, seen=seen, audit=self.world.audit())

    @rule(numbers=st.permutations(range(1, CROWD + 1)), total=st.integers(0, CROWD))
    def all_at_once(self, numbers: list[int], total: int) -> None:
        """Logins, an admin and a change of the total at the same moment, in any order."""
        before = len(self.paper.active())
        self.run(self._all_at_once(numbers, total))
        self.paper.total = total
        self.run(self._copy())
        assert len(self.paper.active()) <= max(before, total, self.paper_total_before)

    async def _all_at_once(self, numbers: list[int], total: int) -> None:
        self.paper_total_before = self.paper.total
        store, audit = self.world.store, self.world.audit
        await asyncio.gather(
            *(self._log_in([each]) for each in numbers[:6]),
            store.licenses.set_total(total, audit=audit()),
            store.activations.activate([f"u{n}@example.com" for n in numbers[6:]], audit=audit()),
            store.activations.activate_waiting(2, audit=audit()),
            store.activations.free([f"u{numbers[0]}@example.com"], audit=audit()),
        )

    async def _copy(self) -> None:
        """Take over on paper how it ended."""
        rows = await self.world.sql(
            "SELECT email, status FROM users WHERE account_id = :account ORDER BY place, id"
        )
        found = [(int(email[1:].partition("@")[0]), UserStatus(status)) for email, status in rows]
        self.paper.status.update(found)
        self.paper.line = [number for number, status in found if status is WAITING]

    @invariant()
    def the_store_is_as_on_paper(self) -> None:
        if not hasattr(self, "paper"):
            return
        pool = self.runner.run(self.world.store.licenses.summary())
        holders = self.paper.active()
        assert (pool.used, pool.waiting) == (len(holders), len(self.paper.line))
        left = self.paper._left(holders)
        assert pool.kept == min(left, max(0, self.paper.total - len(holders)))
        ready = list(holders)
        for person in self.paper.line:
            if self.paper.fits(ready, person):
                ready.append(person)
        assert pool.ready == len(ready) - len(holders)
        self.runner.run(self._one_alert(alert_level(pool, 100)))

    async def _one_alert(self, level: int) -> None:
        """There is at most one card, and it is open while everything is in use or kept."""
        rows = await self.world.sql(
            "SELECT payload FROM outbox WHERE account_id = :account AND kind = 'alert'"
        )
        assert len(rows) <= 1
        assert level != 100 or '"resolved":false' in rows[0][0]


def test_the_licenses_are_as_on_paper_whatever_is_done_in_whatever_order(database_url):
    examples = settings(max_examples=40 if FULL else 4, stateful_step_count=20 if FULL else 14)
    run_state_machine_as_test(lambda: Machine(database_url), settings=examples)
