"""What every suite of "each page by each fault" shares, whichever vendor's pages they are."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from core.engine.context import CycleOutcome
from core.http.limits import HttpLimits
from core.model.account import UserStatus
from core.model.configuration import Guard, Scope
from core.model.cycle import CycleResult
from core.ports import IdentityProvider
from tests.support.engine_world import World
from tests.support.faultproxy import FaultProxy
from tests.support.faults import CHANGES, Change, Circumstances, Fault, Reply
from tests.support.figures import FULL, SEED

PEOPLE, PAGE = 60, 5
LIMITS = HttpLimits(
    connect=5,
    read=5,
    total=5,
    max_body=2**21,
    attempts=2,
    retry_wait=0.001,
    retry_wait_max=0.01,
    per_second=10_000,
)
HURRIED = replace(LIMITS, total=0.4, attempts=1)
SLOW = frozenset({"slow_drip"})

OF_BYTES: Mapping[str, Change] = {
    fault.value: CHANGES[fault]
    for fault in (
        Fault.CONNECTION_REFUSED,
        Fault.RESET_BEFORE_HEADERS,
        Fault.RESET_MID_BODY,
        Fault.CUT_SHORT_OF_LENGTH,
        Fault.CUT_WITH_RIGHT_LENGTH,
        Fault.EMPTY_200,
        Fault.LOGIN_PAGE,
        Fault.WRONG_CONTENT_TYPE,
        Fault.INVALID_JSON,
        Fault.DEEP_JSON,
        Fault.SLOW_DRIP,
        Fault.GZIP_BOMB,
        Fault.GZIP_CUT,
        Fault.REDIRECT_ELSEWHERE,
        Fault.REDIRECT_IN_CIRCLES,
    )
}
"""Faults that need no knowledge of what a page says."""


def body(text: str) -> Change:
    """Answer with this body."""
    return lambda reply, _: replace(reply, body=text.encode())


def of_a_name(field: str) -> Mapping[str, Change]:
    """Return the faults of one record's name, in which raw JSON takes its place."""
    return {
        "record_garbled": _in_place(field, b"@VALUE"),
        "record_surrogate": _in_place(field, rb'"VALUE\ud800"'),
        "record_nul": _in_place(field, rb'"VALUE\u0000"'),
        "record_deep": _in_place(field, b"[" * 5000 + b"]" * 5000),
        "record_huge_number": _in_place(field, b"9" * 70),
        "record_long_text": _in_place(field, b'"VALUE' + b"x" * 2**20 + b'"'),
    }


def _in_place(field: str, bad: bytes) -> Change:
    name = f'"{field}": '.encode()
    found = re.compile(name + rb'"([^"]*)"')

    def change(match: re.Match[bytes]) -> bytes:
        return name + bad.replace(b"VALUE", match.group(1))

    return lambda reply, _: replace(reply, body=found.sub(change, reply.body, count=1))


NAME_FAULTS = frozenset(of_a_name(""))


def of_the_page(edit: Callable[[dict], object]) -> Change:
    """Change a page that is a JSON object."""

    def change(reply: Reply, _: Circumstances) -> Reply:
        page = json.loads(reply.body)
        edit(page)
        return reply.with_json(page)

    return change


def of_the_first(edit: Callable[[dict], object]) -> Callable[[list], list]:
    """Change the first of some records."""

    def change(records: list) -> list:
        edit(records[0])
        return records

    return change


def error(status: int, fault: object) -> Change:
    """Answer with an error as the vendor words it."""
    text = json.dumps(fault).encode()
    kept = {"content-type": "application/json"}
    return lambda reply, _: Reply(status=status, headers=kept, body=text)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault of one page; `kind` says of what."""

    path: str
    page: int
    name: str
    change: Change
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}{self.page}-{self.name}"

    @property
    def account(self) -> World:
        """An account for everybody, or for one group of everybody; the guard lets all go."""
        scoped = self.page % 2 == 0 or self.kind != "users"
        return World(
            scope=Scope(groups=("Everybody",) if scoped else ()),
            guard=Guard(percent=100, minimum=1000),
        )


@dataclass(kw_only=True)
class Company(ABC):
    """A company of sixty, of whom everybody is in one group, what is in front of it, its account.

    Attributes:
        own: names of the faults that cost one person and nobody else.
        secret: must not be told.
    """

    own: ClassVar[frozenset[str]]
    secret: ClassVar[str]
    account: World
    proxy: FaultProxy

    @abstractmethod
    def opened(
        self, limits: HttpLimits, **url: str
    ) -> AbstractAsyncContextManager[IdentityProvider]:
        """Open a provider of pages of five, directly or at this `url`."""

    @abstractmethod
    def turn(self) -> set[str]:
        """Some people leave or are disabled, one joins; return who is out."""

    @abstractmethod
    def active(self) -> set[str]:
        """Return who may sign in."""

    def path_of(self, case: Case) -> str:
        """Return where the page is."""
        return case.path

    async def survives(self, case: Case) -> None:
        """Judge a cycle with a fault on a page, after one and before one without."""
        assert (await self._cycle(LIMITS)).result is CycleResult.SUCCESS
        assert len(self._provisioned()) == PEOPLE
        out = self.turn()
        injection = self.proxy.inject(case.change, page=case.page, path=self.path_of(case))

        limits = HURRIED if case.name in SLOW else LIMITS
        outcome = await self._cycle(limits, url=self.proxy.url)

        assert injection.struck, "the fault was never shown, so the case proves nothing"
        assert self._removed() <= out
        self._require_readable(outcome)
        if case.name in self.own:
            assert self._removed() == out
        assert (await self._cycle(LIMITS)).result is CycleResult.SUCCESS
        assert self._removed() == out
        assert self._provisioned() == self.active()

    async def _cycle(self, limits: HttpLimits, **url: str) -> CycleOutcome:
        """Run one cycle a day later, with a provider of its own."""
        async with self.opened(limits, **url) as provider:
            self.account.directory = provider
            self.account.clock.time += timedelta(hours=25)
            return await self.account.cycle()

    def _removed(self) -> set[str]:
        """Return the ids of those who lost access."""
        gone = {UserStatus.DISABLED, UserStatus.DELETED}
        links, users = self.account.store.links, self.account.store.users
        return {one for one, link in links.items() if link.user and users[link.user].status in gone}

    def _provisioned(self) -> set[str]:
        """Return the ids of those who have access."""
        links = self.account.store.links
        return {one for one, link in links.items() if link.user} - self._removed()

    def _require_readable(self, outcome: CycleOutcome) -> None:
        """Whatever is told is a sentence, and no secret."""
        told = [] if outcome.error is None else [outcome.error.message]
        told += [text for _, text in outcome.proof.failed] if outcome.proof else []
        assert outcome.result is CycleResult.SUCCESS or told or outcome.proof
        for text in told:
            assert len(text.split()) >= 4
            assert text.rstrip().endswith((".", "…"))
            assert self.secret not in text


def all_cases(
    *,
    paths: Mapping[str, str],
    faults: Mapping[str, Mapping[str, Change]],
    of_middle_pages: Mapping[str, Change],
) -> list[Case]:
    """Return each fault of each page of ``users``, and of the first page of every other kind.

    `paths` and `faults` go by kind.
    """

    def of(kind: str, page: int, changes: Mapping[str, Change]) -> list[Case]:
        return [
            Case(path=paths[kind], page=page, name=name, change=change, kind=kind)
            for name, change in changes.items()
        ]

    pages = PEOPLE // PAGE
    whole = [case for page in range(1, pages + 1) for case in of("users", page, faults["users"])]
    whole += [case for page in range(2, pages) for case in of("users", page, of_middle_pages)]
    return whole + [case for kind in paths if kind != "users" for case in of(kind, 1, faults[kind])]


def sampled(cases: list[Case]) -> list[Case]:
    """Return all of them at full scale, and otherwise a few drawn by the seed."""
    return [case for n, case in enumerate(cases) if FULL or n % 50 == SEED % 50]
