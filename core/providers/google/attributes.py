"""Attribute paths: which field of a Google user each one is, and how to get its value.

The fields are those of the resource ``User`` of the Directory API. Where a field holds several
entries, such as phone numbers, the primary one counts, else the first; an entry of one type is
named by its type.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from core.providers.unreadable import Getter, plain

ALIASES: Final[Mapping[str, str]] = {
    "userName": "primaryEmail",
    "emails": "primaryEmail",
    "emails.value": "primaryEmail",
    "emails.work": "emails[work].address",
    "displayName": "name.fullName",
    "name.formatted": "name.fullName",
    "title": "organizations.title",
    "phoneNumbers": "phones.value",
    "phoneNumbers.work": "phones[work].value",
    "phoneNumbers.mobile": "phones[mobile].value",
    "preferredLanguage": "languages.languageCode",
    "locale": "languages.languageCode",
    "enterprise.employeeNumber": "externalIds[organization].value",
    "enterprise.costCenter": "organizations.costCenter",
    "enterprise.organization": "organizations.name",
    "enterprise.department": "organizations.department",
    "enterprise.manager": "relations[manager].value",
}
"""Path -> field. Google keeps the manager as an address, not as an id."""

DEFAULT_PATHS: Final = frozenset(ALIASES) | {"name.givenName", "name.familyName"}
_SEVERAL: Final = frozenset(
    {
        "addresses",
        "emails",
        "externalIds",
        "languages",
        "locations",
        "organizations",
        "phones",
        "relations",
        "websites",
    }
)
_OWN: Final = (
    "id",
    "primaryEmail",
    "suspended",
    "archived",
    "orgUnitPath",
)
_CUSTOM: Final = "customSchemas"
_PLAIN: Final = frozenset(
    {
        "agreedToTerms",
        "archivalTime",
        "changePasswordAtNextLogin",
        "creationTime",
        "customerId",
        "includeInGlobalAddressList",
        "isAdmin",
        "isDelegatedAdmin",
        "isEnforcedIn2Sv",
        "isEnrolledIn2Sv",
        "isGuestUser",
        "isMailboxSetup",
        "lastLoginTime",
        "recoveryEmail",
        "recoveryPhone",
        "suspensionReason",
        "suspensionTime",
    }
)
_OBJECTS: Final = frozenset({"gender", "guestAccountInfo", "name", "notes"})
FIELDS: Final = frozenset(_OWN) | _SEVERAL | _PLAIN | _OBJECTS | {_CUSTOM}
"""The fields of the resource that are ever asked for: Google refuses a request for others."""
KNOWN: Final = (
    DEFAULT_PATHS
    | {_field.replace("[", ".").replace("]", "") for _field in ALIASES.values()}
    | {
        "addresses.locality",
        "locations.buildingId",
        "name.displayName",
        "archived",
        "suspended",
        "id",
        "orgUnitPath",
    }
    | _PLAIN
)
"""The usual paths; beside them there are custom attributes, ``customSchemas.<schema>.<field>``."""


class AttributePlan:
    """The attributes that are wanted: what to ask for, how to decode, how to get each value.

    Attributes:
        paths: all wanted paths.
        getters: wanted path -> function from a decoded record to the value or None.
        struct: the type of a record; only what is wanted is looked at.
        selection: the user fields of a partial response ("Performance Tips").
        schemas: names of the custom schemas that are wanted.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self.paths = tuple(sorted(set(wanted) or DEFAULT_PATHS))
        self._heads: dict[str, str] = {name: f"field{n}" for n, name in enumerate(_OWN)}
        parts = {path: _parts(path) for path in self.paths}
        self.schemas = tuple(
            sorted({keys[1] for keys in parts.values() if keys[0] == _CUSTOM and len(keys) > 1})
        )
        self.getters: tuple[tuple[str, Getter], ...] = tuple(
            (path, plain(self._getter(keys))) for path, keys in parts.items()
        )
        self.struct: type[msgspec.Struct] = msgspec.defstruct(
            "GoogleUser",
            [(name, _kind(head), None) for head, name in self._heads.items()],
            rename={name: head for head, name in self._heads.items()},
            gc=False,
        )
        self.selection = ",".join(sorted(self._heads))

    def core(self, record: Any) -> tuple[str | None, str | None, bool | None, bool | None]:
        """Return id, primary address, whether suspended and whether archived."""
        return record.field0, record.field1, record.field2, record.field3

    def unit(self, record: Any) -> str | None:
        """Return the path of the organizational unit."""
        found: str | None = record.field4
        return found

    @property
    def projection(self) -> Mapping[str, str]:
        """The parameters that bring the wanted custom schemas."""
        if not self.schemas:
            return {"projection": "basic"}
        return {"projection": "custom", "customFieldMask": ",".join(self.schemas)}

    def _getter(self, keys: tuple[str, ...]) -> Getter:
        head, rest = keys[0], keys[1:]
        kind = ""
        if head.endswith("]"):
            head, _, kind = head[:-1].partition("[")
        if head not in FIELDS:
            return lambda _: None
        name = self._heads.setdefault(head, f"field{len(self._heads)}")
        whole = operator.attrgetter(name)
        if head in _SEVERAL:
            return lambda record: _within(_chosen(whole(record), kind), rest)
        if head == _CUSTOM:
            return lambda record: _first(_within(whole(record), rest))
        return (lambda record: _within(whole(record), rest)) if rest else whole


def _parts(path: str) -> tuple[str, ...]:
    """Return a path's field and the keys below; ``phones.work.value`` names a type, too."""
    keys = ALIASES.get(path, path).split(".")
    if keys[0] in _SEVERAL and len(keys) > 2:  # noqa: PLR2004 - field, type and key
        keys = [f"{keys[0]}[{keys[1]}]", *keys[2:]]
    return tuple(keys)


def _kind(head: str) -> Any:
    if head in {"suspended", "archived"}:
        return bool | None
    if head in {"id", "primaryEmail", "orgUnitPath"}:
        return str | None
    if head in _SEVERAL:
        return list[dict[str, Any]] | None
    return dict[str, Any] | None if head in _OBJECTS or head == _CUSTOM else Any


def _chosen(entries: list[dict[str, Any]] | None, kind: str) -> dict[str, Any] | None:
    """Return the primary or preferred entry, else the first; of one type, if one is named."""
    if not entries:
        return None
    if kind:
        entries = [one for one in entries if kind in (one.get("type"), one.get("customType"))]
    marked = (one for one in entries if one.get("primary") or one.get("preference") == "preferred")
    return next(marked, entries[0] if entries else None)


def _first(value: object) -> object:
    """Return a custom field's value; of several the first."""
    if isinstance(value, list):
        value = value[0] if value else None
        return value.get("value") if isinstance(value, dict) else value
    return value


def _within(value: object, keys: tuple[str, ...]) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
