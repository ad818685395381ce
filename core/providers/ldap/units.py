"""Organizational units: which one a scope means, and whether one was renamed or moved."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Final

from core.errors import ConfigurationError
from core.model.directory import UnitPath
from core.providers.ldap.dialect import id_condition
from core.providers.ldap.directory import ANYTHING, NO_ATTRIBUTES, Directory, Question
from core.providers.ldap.names import escaped, is_below, normal_dn, path_of, unit_value
from core.providers.ldap.wire import ENTRY

_CLASSES: Final = (
    *("organizationalUnit", "container", "organization", "locality", "country"),
    *("domain", "dcObject", "builtinDomain", "nsContainer"),
)
"""What entries are that hold others: RFC 4519 §3, RFC 2247, and Active Directory's own."""
_NAMING: Final = ("ou", "cn", "o", "l", "c", "dc")
_CONTAINERS: Final = f"(|{''.join(f'(objectClass={name})' for name in _CLASSES)})"
_DN: Final = re.compile(r"[A-Za-z0-9.-]+ *=")
_ID: Final = "id:"


class Units:
    """The units below the base, and the base itself."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._base = directory.settings.base

    async def find(self, name: str) -> UnitPath | None:
        """Return where the unit of this DN, id (``id:…``) or path below the base is, or None.

        Raises as listings do, and `ConfigurationError` if a path leads to two units
        (``scope_org_unit_ambiguous``) or nobody below it is read (``scope_org_unit_outside``).
        """
        if "\x00" in name or not _can_be_sent(name):
            return None
        if name.startswith(_ID):
            return await self._by_id(name.removeprefix(_ID))
        if _DN.match(name):
            return await self._by_dn(name)
        names = tuple(part.strip() for part in name.split("/") if part.strip())
        return await self._by_path(names) if names else path_of(self._base)

    async def changed(self, condition: str, created: str) -> bool:
        """Say whether a unit below the base meets a condition, one just created left aside.

        A renamed unit takes everybody below along without a change of their own. A renamed base
        needs no word: nothing is found there any more.
        """
        whole = f"(&{_CONTAINERS}{condition}(!{created}))"
        found = await self._directory.few(Question(base=self._base, filter=whole))
        return any(path_of(entry.dn) != path_of(self._base) for entry in found)

    async def _by_id(self, text: str) -> UnitPath | None:
        condition = id_condition(text, await self._directory.dialect())
        if not condition:
            return None
        found = await self._directory.few(Question(base=self._base, filter=condition))
        return path_of(found[0].dn) if found else None

    async def _by_dn(self, dn: str) -> UnitPath | None:
        found = await self._directory.found_at(
            Question(base=dn, filter=ANYTHING, attributes=(NO_ATTRIBUTES,), subtree=False)
        )
        if found is None:
            return None
        here, base = normal_dn(found.dn), normal_dn(self._base)
        if not (is_below(here, base) or is_below(base, here)):
            raise ConfigurationError(
                f"The scope's org unit “{dn}” is not below the base {self._base}, so nobody in it "
                "is read.",
                code="scope_org_unit_outside",
                hint="Take a base above it, or take the unit out of the scope.",
            )
        return path_of(found.dn)

    async def _by_path(self, names: tuple[str, ...]) -> UnitPath | None:
        """Return the one unit that these names lead to; asked for by the last of them."""
        last = "".join(f"({attribute}={escaped(names[-1])})" for attribute in _NAMING)
        question = Question(base=self._base, filter=f"(&{_CONTAINERS}(|{last}))", names_only=True)
        base, found = path_of(self._base), set[UnitPath]()
        wanted = tuple(map(unit_value, names))
        async with aclosing(self._directory.pages(question)) as pages:
            async for page in pages:
                places = (path_of(ENTRY.decode(raw).dn) for raw in page.records)
                found |= {place for place in places if _named(place, base) == wanted}
        if len(found) > 1:
            raise ConfigurationError(
                f"The directory has {len(found)} units at “{'/'.join(names)}”.",
                code="scope_org_unit_ambiguous",
                hint="Name the unit in the scope by its DN.",
            )
        return next(iter(found), None)


def _named(place: UnitPath, base: UnitPath) -> tuple[str, ...]:
    """Return the names of the way from the base to a unit, without what they are names of."""
    if place[: len(base)] != base:
        return ()
    return tuple(part.partition("=")[2] for part in place[len(base) :])


def _can_be_sent(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
