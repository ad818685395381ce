"""The groups of one person, looked for upwards: who has them in it, who has that group in it.

The filters are those of a whole reading with a condition more, so that it finds what following all
members down would find; Active Directory's matching rule would also lead through groups elsewhere.
``memberOf`` is not looked at: not every server keeps it, and nowhere of the primary group.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

import msgspec

from core.errors import TransientRemoteError
from core.model.directory import ExternalId, Memberships, Page
from core.providers.ldap.dialect import texts
from core.providers.ldap.directory import Directory
from core.providers.ldap.groups import Groups
from core.providers.ldap.names import escaped, normal_dn
from core.providers.ldap.people import MEMBERS, PRIMARY_GROUP, People
from core.providers.ldap.records import GroupRecord
from core.providers.ldap.wire import ENTRY, Binary, Entry

_NAME: Final = "cn"
_USER_NAME: Final = "uid"
_NAMES: Final = "memberUid"
_SID: Final = "objectSid"
_NUMBER_BYTES: Final = 4
_AT_ONCE: Final = 50
"""Groups whose holders are asked for in one search."""


class MembershipSearch:
    """Lists groups, and finds out which of them have somebody in them."""

    def __init__(self, directory: Directory, people: People, groups: Groups) -> None:
        self._directory = directory
        self._people = people
        self._groups = groups

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Yield all groups with their names alone."""
        question = replace(await self._groups.question(), attributes=(_NAME,), names_only=True)
        number = 0
        async with aclosing(self._directory.pages(question)) as pages:
            async for found in pages:
                records = [_bare(ENTRY.decode(raw)) for raw in found.records]
                yield Page(records=records, last=found.last, total=None, token=str(number))
                number += 1

    async def held_by(
        self, condition: str, person: ExternalId, groups: Collection[ExternalId]
    ) -> Memberships:
        """Say which groups have the person in them; `condition` is the filter for their id.

        A search for each fifty groups that are on the way, and one for the person. Groups that
        list user names (RFC 2307 ``memberUid``) are compared without regard to case by a whole
        reading and with it by servers, so that with such groups "not in it" is not certain.
        """
        entry = await self._entry(condition, person)
        wanted, seen = set(groups), set[str]()
        held: set[ExternalId] = set()
        waiting = await self._holders(_direct(entry))
        while waiting and not wanted <= held:
            seen |= waiting.keys()
            held |= {ExternalId(group.id) for group in waiting.values()}
            found = await self._holders(_in_it(group.dn) for group in waiting.values())
            waiting = {dn: group for dn, group in found.items() if dn not in seen}
        whole = wanted <= held or not await self._names_people()
        return Memberships(groups=frozenset(held & wanted), whole=whole)

    async def _entry(self, condition: str, person: ExternalId) -> Entry:
        attributes = (_USER_NAME, PRIMARY_GROUP, _SID)
        found = await self._directory.few(await self._people.question(condition, attributes))
        for entry in found:
            if entry.id == person:
                return entry
        raise TransientRemoteError(
            f"{self._directory.host} does not show this person any more.",
            code="person_gone",
            hint="Sync again.",
        )

    async def _holders(self, conditions: Iterable[str]) -> dict[str, Entry]:
        """Return normal DN -> the group, for the groups that one of the conditions finds."""
        wanted = list(conditions)
        found: dict[str, Entry] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            condition = f"(|{''.join(wanted[start : start + _AT_ONCE])})"
            question = replace(await self._groups.question(condition), attributes=(_NAME,))
            async with aclosing(self._directory.pages(question)) as pages:
                async for page in pages:
                    entries = map(ENTRY.decode, page.records)
                    found |= {normal_dn(entry.dn): entry for entry in entries}
        return found

    async def _names_people(self) -> bool:
        return await self._directory.shows_any(await self._groups.question(f"({_NAMES}=*)"))


def _bare(entry: Entry) -> bytes:
    name = next(iter(texts(entry.values.get(_NAME, ()))), "")
    return msgspec.json.encode(
        GroupRecord(id=entry.id, name=name, users=[], groups=[], complete=False)
    )


def _direct(entry: Entry) -> list[str]:
    """Return the conditions for groups that list somebody, or are their primary group."""
    names = texts(entry.values.get(_USER_NAME, ()))
    primary = _primary_group(
        entry.values.get(_SID.lower(), ()), texts(entry.values.get(PRIMARY_GROUP.lower(), ()))
    )
    return [
        _in_it(entry.dn),
        *(f"({_NAMES}={escaped(name)})" for name in names),
        *([f"({_SID}={primary})"] if primary else []),
    ]


def _in_it(dn: str) -> str:
    return "".join(f"({attribute}={escaped(dn)})" for attribute in MEMBERS)


def _primary_group(sids: Sequence[str | Binary], numbers: Sequence[str]) -> str:
    """Return the primary group's security identifier, of the person's domain, for a filter."""
    for sid, number in zip(sids, numbers, strict=False):
        raw = sid.encode() if isinstance(sid, str) else base64.b64decode(sid.base64)
        if number.isdigit() and int(number) < 1 << 8 * _NUMBER_BYTES:
            last = int(number).to_bytes(_NUMBER_BYTES, "little")
            return "".join(f"\\{byte:02x}" for byte in raw[:-_NUMBER_BYTES] + last)
    return ""
