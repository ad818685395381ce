"""Groups with their members' ids, out of lists of DNs and of user names."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from core.providers.ldap.dialect import texts
from core.providers.ldap.directory import ANYTHING, NO_ATTRIBUTES, Directory, Question
from core.providers.ldap.names import is_below, normal_dn
from core.providers.ldap.people import MEMBERS, PRIMARY_GROUP, People, PeopleIndex
from core.providers.ldap.records import GroupRecord
from core.providers.ldap.wire import ENTRY, Binary, Entry

_NAMES: Final = "memberUid"
_SID: Final = "objectSid"
_ATTRIBUTES: Final = ("cn", *MEMBERS, _NAMES, _SID)
_RANGE: Final = re.compile(r"(member|uniquemember);range=(\d+)-(\d+|\*)")
_NUMBER_BYTES: Final = 4
_SINGLE_LOOKS: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listed:
    """A group as it was listed.

    Attributes:
        members: normal DN -> the DN as it is written.
        names: case-folded user names.
        number: by which people have it as their primary group, or an empty string.
    """

    id: str
    dn: str
    name: str
    members: Mapping[str, str]
    names: frozenset[str]
    number: str


class Groups:
    """Reads groups; who is behind a name is known from the people, seen before and after.

    A name that leads to nobody below the bases, at either look, is not somebody whom this
    configuration reads: a device, an account elsewhere, or one that was deleted.
    """

    def __init__(self, directory: Directory, people: People) -> None:
        self._directory = directory
        self._people = people
        settings = directory.settings
        self._base = settings.groups_base or settings.base
        self._below = {normal_dn(settings.base), normal_dn(self._base)}

    async def records(self) -> AsyncGenerator[bytes, None]:
        """Yield every group's raw record, once all have been read."""
        index = await self._people.index()
        listed = [group async for group in self._listed()]
        ids = {group.dn: group.id for group in listed if group.id}
        if self._strangers(listed, index, ids):
            index.add(await self._people.index())
        for group in listed:
            yield msgspec.json.encode(_record(group, index, ids))

    async def changed(self, condition: str) -> AsyncGenerator[bytes, None]:
        """Yield the raw records of those groups that a condition admits.

        A list with a name that leads nowhere counts as incomplete: a delta looks only once.
        """
        listed = [group async for group in self._listed(condition)]
        if not listed:
            return
        index = await self._index_for(listed)
        strangers = {dn for group in listed for dn in group.members} - index.ids.keys()
        ids = await self._ids() if strangers else {}
        for group in listed:
            complete = not self._strangers([group], index, ids)
            record = _record(group, index, ids)
            yield msgspec.json.encode(msgspec.structs.replace(record, complete=complete))

    async def _index_for(self, listed: Sequence[_Listed]) -> PeopleIndex:
        """Return where the names in these groups lead, by single looks if they are few."""
        everybody = {dn: name for group in listed for dn, name in group.members.items()}
        members = {dn: name for dn, name in everybody.items() if self._is_inside(dn)}
        if len(members) > _SINGLE_LOOKS or any(group.names for group in listed):
            return await self._people.index()
        for group in listed:
            question = await self._people.question(f"({PRIMARY_GROUP}={group.number})")
            if group.number and await self._directory.shows_any(question):
                return await self._people.index()
        index = PeopleIndex()
        for dn, name in members.items():
            question = replace(await self._people.question(), base=name, subtree=False)
            found = await self._directory.found_at(question)
            if found is not None and found.id:
                index.ids[dn] = found.id
        return index

    async def _ids(self) -> dict[str, str]:
        """Return normal DN -> id of all groups."""
        ids: dict[str, str] = {}
        async with aclosing(self._directory.pages(await self.bare_question())) as pages:
            async for found in pages:
                entries = map(ENTRY.decode, found.records)
                ids.update({normal_dn(entry.dn): entry.id for entry in entries if entry.id})
        return ids

    def _is_inside(self, dn: str) -> bool:
        return any(is_below(dn, base) for base in self._below)

    async def question(self, more: str = "") -> Question:
        """Return the question for all groups; `more` is a further condition, a whole filter."""
        dialect = await self._directory.dialect()
        whole = f"(&{dialect.groups_filter}{more})" if more else dialect.groups_filter
        return Question(base=self._base, filter=whole, attributes=_ATTRIBUTES)

    async def bare_question(self) -> Question:
        """Return the question for nothing but which groups there are."""
        return replace(await self.question(), attributes=(NO_ATTRIBUTES,), names_only=True)

    async def _listed(self, condition: str = "") -> AsyncGenerator[_Listed, None]:
        async with aclosing(self._directory.pages(await self.question(condition))) as pages:
            async for found in pages:
                for raw in found.records:
                    entry = ENTRY.decode(raw)
                    yield _listed(entry, [*_members(entry.values), *await self._rest(entry)])

    async def _rest(self, entry: Entry) -> list[str]:
        """Return the members that Active Directory leaves for further questions.

        It shows at most MaxValRange values at once (MS-ADTS §3.1.1.3.1.3.3).
        """
        more: list[str] = []
        following = _following(entry.values)
        while following:
            question = Question(
                base=entry.dn, filter=ANYTHING, attributes=(following,), subtree=False
            )
            found = await self._directory.few(question)
            values = found[0].values if found else {}
            more += [dn for name in values if _RANGE.fullmatch(name) for dn in texts(values[name])]
            following = _following(values)
        return more

    def _strangers(
        self, listed: Iterable[_Listed], index: PeopleIndex, groups: Mapping[str, str]
    ) -> bool:
        """Say whether a name in a group could be somebody who came or moved meanwhile."""
        for group in listed:
            for dn in group.members:
                known = dn in index.ids or dn in groups
                if not known and self._is_inside(dn):
                    return True
            if group.names - index.by_name.keys():
                return True
        return False


def _members(values: Mapping[str, Sequence[str | Binary]]) -> list[str]:
    found: list[str] = []
    for name, held in values.items():
        if name in {"member", "uniquemember"} or _RANGE.fullmatch(name):
            found += texts(held)
    return found


def _following(values: Mapping[str, Sequence[str | Binary]]) -> str:
    """Return the attribute with the range after the one that was shown, or an empty text."""
    for name, held in values.items():
        shown = _RANGE.fullmatch(name)
        if shown is not None and shown.group(3) != "*" and held:
            return f"{shown.group(1)};range={int(shown.group(3)) + 1}-*"
    return ""


def _listed(entry: Entry, members: Iterable[str]) -> _Listed:
    values = entry.values
    return _Listed(
        id=entry.id,
        dn=normal_dn(entry.dn),
        name=next(iter(texts(values.get("cn", ()))), ""),
        members={normal_dn(dn): dn for dn in members},
        names=frozenset(name.casefold() for name in texts(values.get(_NAMES.lower(), ()))),
        number=_number(values.get(_SID.lower(), ())),
    )


def _number(sids: Sequence[str | Binary]) -> str:
    """Return the last part of a security identifier (MS-DTYP §2.4.2.2), as in primaryGroupID."""
    for sid in sids:
        raw = sid.encode() if isinstance(sid, str) else base64.b64decode(sid.base64)
        return str(int.from_bytes(raw[-_NUMBER_BYTES:], "little"))
    return ""


def _record(group: _Listed, index: PeopleIndex, groups: Mapping[str, str]) -> GroupRecord:
    users = {index.ids[dn] for dn in group.members if dn in index.ids}
    users |= {index.by_name[name] for name in group.names if name in index.by_name}
    users |= index.primary.get(group.number, set())
    nested = {groups[dn] for dn in group.members if dn in groups and dn != group.dn}
    return GroupRecord(
        id=group.id, name=group.name, users=sorted(users), groups=sorted(nested), complete=True
    )
