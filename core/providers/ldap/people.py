"""Who the people of a configuration are: the question for them, and where each one's DN leads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from core.errors import TerminalRemoteError
from core.providers.ldap.dialect import IN_CHAIN, Dialect, texts
from core.providers.ldap.directory import ANYTHING, NO_ATTRIBUTES, Directory, Question
from core.providers.ldap.names import escaped, normal_dn
from core.providers.ldap.wire import ENTRY, Found

PRIMARY_GROUP: Final = "primaryGroupID"
_USER_NAME: Final = "uid"
MEMBERS: Final = ("member", "uniqueMember")


@dataclass(frozen=True, kw_only=True, slots=True)
class PeopleIndex:
    """Where names lead.

    Attributes:
        ids: normal DN -> id.
        by_name: case-folded user name -> id, for groups that list names (RFC 2307 memberUid).
        primary: primary group's number -> ids; Active Directory lists these nowhere else.
    """

    ids: dict[str, str] = field(default_factory=dict)
    by_name: dict[str, str] = field(default_factory=dict)
    primary: dict[str, set[str]] = field(default_factory=dict)

    def add(self, other: PeopleIndex) -> None:
        """Learn what a later look found, and forget nothing of this one."""
        self.ids.update(other.ids)
        self.by_name.update(other.by_name)
        for number, ids in other.primary.items():
            self.primary.setdefault(number, set()).update(ids)


class People:
    """The people below the base, or those of them who are members of one group."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._base = directory.settings.base
        self._group = directory.settings.member_of

    async def question(self, more: str = "", attributes: Sequence[str] = ()) -> Question:
        """Return the question for them; `more` is a further condition, a whole filter."""
        dialect = await self._directory.dialect()
        conditions = [dialect.people_filter]
        if self._group and dialect.active_directory:
            conditions.append(f"(memberOf:{IN_CHAIN}:={escaped(self._group)})")
        if more:
            conditions.append(more)
        whole = conditions[0] if len(conditions) == 1 else f"(&{''.join(conditions)})"
        return Question(
            base=self._base, filter=whole, attributes=tuple(attributes) or (NO_ATTRIBUTES,)
        )

    async def members(self) -> frozenset[str] | None:
        """Return the normal DNs of the members where these have to be looked for by walking.

        None means that nobody has to be left out: there is no such group in the configuration, or
        the question itself asks for its members. Raises `TerminalRemoteError` without the group.
        """
        dialect = await self._directory.dialect()
        if not self._group or dialect.active_directory:
            return None
        groups = await self._group_names(dialect)
        waiting, seen, members = [normal_dn(self._group)], set[str](), set[str]()
        if waiting[0] not in groups:
            raise TerminalRemoteError(
                f"{self._directory.host} shows no group {self._group}.",
                code="group_missing",
                hint="Correct member_of in the configuration, or groups_base if it is elsewhere.",
            )
        while waiting:
            name = waiting.pop()
            seen.add(name)
            direct = await self._direct(groups[name])
            members |= direct - groups.keys()
            waiting += [one for one in direct & groups.keys() if one not in seen]
        return frozenset(members)

    async def pages(
        self, attributes: Sequence[str], *, names_only: bool = False
    ) -> AsyncGenerator[Found, None]:
        """Yield all of them, page by page."""
        members = await self.members()
        question = replace(await self.question(attributes=attributes), names_only=names_only)
        async with aclosing(self._directory.pages(question)) as pages:
            async for found in pages:
                yield found if members is None else _only(found, members)

    async def index(self) -> PeopleIndex:
        """Return where their names lead, by a listing of nothing but names."""
        dialect = await self._directory.dialect()
        extra = PRIMARY_GROUP if dialect.active_directory else _USER_NAME
        index = PeopleIndex()
        async with aclosing(self.pages([extra], names_only=True)) as pages:
            async for found in pages:
                for raw in found.records:
                    entry = ENTRY.decode(raw)
                    if not entry.id:
                        continue
                    index.ids[normal_dn(entry.dn)] = entry.id
                    for name in texts(entry.values.get(_USER_NAME, ())):
                        index.by_name[name.casefold()] = entry.id
                    for number in texts(entry.values.get(PRIMARY_GROUP.lower(), ())):
                        index.primary.setdefault(number, set()).add(entry.id)
        return index

    async def _group_names(self, dialect: Dialect) -> dict[str, str]:
        settings = self._directory.settings
        question = Question(
            base=settings.groups_base or settings.base,
            filter=dialect.groups_filter,
            names_only=True,
        )
        names: dict[str, str] = {}
        async with aclosing(self._directory.pages(question)) as pages:
            async for found in pages:
                entries = map(ENTRY.decode, found.records)
                names.update({normal_dn(entry.dn): entry.dn for entry in entries})
        return names

    async def _direct(self, dn: str) -> set[str]:
        question = Question(base=dn, filter=ANYTHING, attributes=MEMBERS, subtree=False)
        found: set[str] = set()
        for entry in await self._directory.few(question):
            for name in MEMBERS:
                found.update(map(normal_dn, texts(entry.values.get(name.lower(), ()))))
        return found


def _only(found: Found, members: frozenset[str]) -> Found:
    kept: list[msgspec.Raw] = [
        raw for raw in found.records if normal_dn(ENTRY.decode(raw).dn) in members
    ]
    return msgspec.structs.replace(found, records=kept)
