"""What every suite of "each page by each fault" shares, whichever vendor's pages they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.http.limits import HttpLimits
from core.model.account import UserStatus
from tests.support.engine_world import World
from tests.support.faults import CHANGES, Change, Fault
from tests.support.figures import FULL, SEED

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


@dataclass(kw_only=True)
class Outcome:
    """The account behind the faults, and what became of its people."""

    account: World

    def removed(self) -> set[str]:
        """Return the ids of those who lost access."""
        gone = {UserStatus.DISABLED, UserStatus.DELETED}
        links, users = self.account.store.links, self.account.store.users
        return {one for one, link in links.items() if link.user and users[link.user].status in gone}

    def provisioned(self) -> set[str]:
        """Return the ids of those who have access."""
        return {one for one, link in self.account.store.links.items() if link.user} - self.removed()


def all_cases(
    *,
    pages: int,
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

    whole = [case for page in range(1, pages + 1) for case in of("users", page, faults["users"])]
    whole += [case for page in range(2, pages) for case in of("users", page, of_middle_pages)]
    return whole + [case for kind in paths if kind != "users" for case in of(kind, 1, faults[kind])]


def sampled(cases: list[Case]) -> list[Case]:
    """Return all of them at full scale, and otherwise a few drawn by the seed."""
    return [case for n, case in enumerate(cases) if FULL or n % 50 == SEED % 50]
