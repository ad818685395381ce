"""A directory in memory, whose pages a test can bend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from core.errors import ConflictError, DirsyncError, RecordError
from core.model.directory import (
    Capabilities,
    ChangePage,
    CheckReport,
    ExternalId,
    Page,
    Presence,
    ProviderGroup,
    ProviderUser,
    Watermark,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A record as a directory has it."""

    id: str
    email: str = ""
    active: bool = True
    attributes: dict[str, object] = field(default_factory=dict)
    broken: bool = False
    nameless: bool = False


def person(number: int | str, **changes: object) -> Person:
    given = {"id": f"u{number}", "email": f"u{number}@example.com", **changes}
    return Person(**given)


def people(count: int, start: int = 1) -> list[Person]:
    return [person(number) for number in range(start, start + count)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Team:
    """A group; `groups` are the ids of groups in it."""

    id: str
    name: str
    people: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    complete: bool = True


def team(
    name: str, members: Iterable[str] = (), groups: Iterable[str] = (), **more: object
) -> Team:
    return Team(
        id=f"g-{name}", name=name, people=frozenset(members), groups=frozenset(groups), **more
    )


Bend = Callable[[list[Page]], Sequence[Page | DirsyncError]]


class ScriptedDirectory:
    """An `IdentityProvider` over lists that a test changes between cycles.

    `bend` and `bend_groups` turn the honest pages into what is really delivered: pages and,
    where one is, an error that is raised. `answers` overrides what is said of single people.
    """

    def __init__(
        self,
        persons: Iterable[Person] = (),
        teams: Iterable[Team] = (),
        *,
        groups: bool = True,
        read_one: bool = True,
        page_size: int = 4,
        announces: bool = True,
        delta: bool = False,
    ) -> None:
        self.people = list(persons)
        self.teams = list(teams)
        self.capabilities = Capabilities(
            groups=groups,
            read_one=read_one,
            announces_total=announces,
            delta=delta,
            page_size=page_size,
        )
        self.mark = Watermark("now")
        self.changes: Sequence[ChangePage | DirsyncError] = ()
        self.asked_since: list[Watermark] = []
        self.decoder_revision = "1"
        self.bend: Bend = list
        self.bend_groups: Bend = list
        self.answers: dict[str, Presence | DirsyncError] = {}
        self.asked: list[str] = []
        self.asked_groups: list[str] = []
        self.decoded = 0
        self.closed = 0
        self.requests = 0

    async def read_users(self) -> AsyncIterator[Page]:
        """Yield the people."""
        for page in self._deliver(self.bend(self._pages([_raw_person(p) for p in self.people]))):
            yield page

    async def read_groups(self) -> AsyncIterator[Page]:
        """Yield the groups."""
        for page in self._deliver(
            self.bend_groups(self._pages([_raw_team(t) for t in self.teams]))
        ):
            yield page

    async def watermark(self) -> Watermark | None:
        """Return `mark`, where changes can be listed."""
        return self.mark if self.capabilities.delta else None

    async def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:
        """Yield `changes` as they are."""
        self.asked_since.append(since)
        for page in self.changes:
            if isinstance(page, DirsyncError):
                raise page
            yield page

    def _deliver(self, script: Sequence[Page | DirsyncError]) -> Iterable[Page]:
        for page in script:
            self.requests += 1
            if isinstance(page, DirsyncError):
                raise page
            yield page

    def _pages(self, raws: list[bytes]) -> list[Page]:
        size = self.capabilities.page_size
        starts = range(0, len(raws), size) or [0]
        total = len(raws) if self.capabilities.announces_total else None
        return [
            Page(
                records=raws[start : start + size],
                last=start + size >= len(raws),
                total=total,
                token=str(start),
            )
            for start in starts
        ]

    def decode_user(self, raw: bytes) -> ProviderUser:
        """Decode a person, unless the script says that the record is broken."""
        self.decoded += 1
        record = msgspec.json.decode(raw)
        if record["broken"]:
            raise RecordError("The record cannot be read.", attribute="emails", value_kind="number")
        return ProviderUser(
            external_id=ExternalId(record["id"]),
            user_name=record["id"],
            active=record["active"],
            emails=(record["email"],) if record["email"] else (),
            attributes=record["attributes"],
        )

    def decode_group(self, raw: bytes) -> ProviderGroup:
        """Decode a group."""
        record = msgspec.json.decode(raw)
        return ProviderGroup(
            external_id=ExternalId(record["id"]),
            display_name=record["name"],
            member_users=frozenset(map(ExternalId, record["people"])),
            member_groups=frozenset(map(ExternalId, record["groups"])),
            complete=record["complete"],
        )

    def identify(self, raw: bytes) -> ExternalId | None:
        """Return a record's id, unless the script hides it."""
        record = msgspec.json.decode(raw)
        return None if record.get("nameless") else ExternalId(record["id"])

    async def read_user(self, external_id: ExternalId) -> Presence:
        """Answer from the script, or truthfully."""
        self.asked.append(external_id)
        answer = self.answers.get(external_id)
        if isinstance(answer, DirsyncError):
            raise answer
        if answer is not None:
            return answer
        mine = [p for p in self.people if p.id == external_id]
        if not mine:
            return Presence.GONE
        return Presence.ACTIVE if mine[0].active else Presence.DISABLED

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Answer from the script, or truthfully."""
        self.asked_groups.append(external_id)
        answer = self.answers.get(external_id)
        if isinstance(answer, DirsyncError):
            raise answer
        there = any(team.id == external_id for team in self.teams)
        return answer or (Presence.ACTIVE if there else Presence.GONE)

    async def find_user(self, name: str) -> bytes | None:
        """Return the one person of this id or e-mail."""
        self.requests += 1
        found = [p for p in self.people if name in (p.id, p.email)]
        if len(found) > 1:
            raise ConflictError(f"Several people are called {name}.", code="several_people")
        return _raw_person(found[0]) if found else None

    async def check(self) -> CheckReport:
        """Nothing to check."""
        return CheckReport(company="test", lines=())

    async def aclose(self) -> None:
        """Count the closings."""
        self.closed += 1

    def change(self, id_: str, **changes: object) -> None:
        """Change one person's record."""
        self.people = [replace(p, **changes) if p.id == id_ else p for p in self.people]

    def remove(self, *ids: str) -> None:
        """Take people out."""
        self.people = [p for p in self.people if p.id not in ids]


def _raw_person(one: Person) -> bytes:
    return msgspec.json.encode(one)


def _raw_team(one: Team) -> bytes:
    raw: bytes = msgspec.json.encode(one, order="deterministic")
    return raw
