"""Managers, whom LDAP names by DN and the account by id."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.errors import TerminalRemoteError
from core.providers.ldap.dialect import texts
from core.providers.ldap.directory import ANYTHING, Directory, Question
from core.providers.ldap.names import normal_dn
from core.providers.ldap.people import People
from core.providers.ldap.records import read_entry
from core.providers.ldap.wire import Binary, Entry

_MANAGER = "manager"


class Managers:
    """Puts ids in the place of managers' DNs, so that decoding a record needs nothing else."""

    def __init__(self, directory: Directory, people: People) -> None:
        self._directory = directory
        self._people = people

    async def index(self) -> Mapping[str, str]:
        """Return normal DN -> id of everybody who is read."""
        return (await self._people.index()).ids

    def named(self, raw: bytes, index: Mapping[str, str]) -> bytes:
        """Return a record with its manager's id; a manager who is not read is left out."""
        entry = read_entry(raw)
        names = texts(entry.values.get(_MANAGER, ()))
        if not names:
            return raw
        return _with_manager(entry, index.get(normal_dn(names[0]), ""))

    async def looked_up(self, raw: bytes) -> bytes:
        """Return one record with its manager's id, asking for that one entry."""
        entry = read_entry(raw)
        names = texts(entry.values.get(_MANAGER, ()))
        if not names:
            return raw
        question = Question(base=names[0], filter=ANYTHING, subtree=False)
        try:
            found = await self._directory.found_at(question)
        except TerminalRemoteError as error:
            if error.code != "referral_refused":
                raise
            found = None
        return _with_manager(entry, found.id if found else "")


def _with_manager(entry: Entry, manager: str) -> bytes:
    others: dict[str, list[str | Binary]] = {
        name: held for name, held in entry.values.items() if name != _MANAGER
    }
    if manager:
        others[_MANAGER] = [manager]
    changed = Entry(id=entry.id, dn=entry.dn, values=others)
    return msgspec.json.encode(changed, order="sorted")
