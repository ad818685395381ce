"""Attribute paths: what a mapping may name, which properties that asks for, how a value is got.

The usual paths are those of SCIM, so that a mapping fits any provider; every property of the
"user resource type" that a listing can return may be named as Graph calls it, too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from core.providers.unreadable import Getter, plain

ALIASES: Final[Mapping[str, str]] = {
    "userName": "userPrincipalName",
    "active": "accountEnabled",
    "emails": "mail",
    "emails.work": "mail",
    "name.givenName": "givenName",
    "name.familyName": "surname",
    "nickName": "mailNickname",
    "title": "jobTitle",
    "phoneNumbers": "businessPhones",
    "phoneNumbers.work": "businessPhones",
    "phoneNumbers.mobile": "mobilePhone",
    "phoneNumbers.fax": "faxNumber",
    "enterprise.employeeNumber": "employeeId",
    "enterprise.costCenter": "employeeOrgData.costCenter",
    "enterprise.division": "employeeOrgData.division",
    "enterprise.organization": "companyName",
    "enterprise.department": "department",
    "enterprise.manager": "manager.id",
    "enterprise.manager.displayName": "manager.displayName",
    "manager": "manager.id",
}
DEFAULT_PATHS: Final = frozenset(
    {
        "userName",
        "displayName",
        "name.givenName",
        "name.familyName",
        "emails",
        "title",
        "preferredLanguage",
        "userType",
        "phoneNumbers",
        "phoneNumbers.mobile",
        "enterprise.employeeNumber",
        "enterprise.organization",
        "enterprise.department",
    }
)
_CORE: Final = ("id", "userPrincipalName", "accountEnabled", "mail")
_TEXTS: Final = frozenset(
    {
        "id",
        "userPrincipalName",
        "mail",
        "displayName",
        "givenName",
        "surname",
        "mailNickname",
        "jobTitle",
        "mobilePhone",
        "faxNumber",
        "employeeId",
        "employeeType",
        "companyName",
        "department",
        "officeLocation",
        "preferredLanguage",
        "usageLocation",
        "userType",
        "city",
        "country",
        "postalCode",
        "state",
        "streetAddress",
        "onPremisesImmutableId",
        "onPremisesSamAccountName",
    }
)
_LISTS: Final = frozenset({"businessPhones", "otherMails", "imAddresses", "proxyAddresses"})
_MANAGER: Final = "manager"
KNOWN: Final = frozenset(ALIASES) | frozenset(ALIASES.values()) | _TEXTS | _LISTS
"""The usual paths; tenants have extension properties beside them."""


class AttributePlan:
    """The attributes that are wanted.

    Attributes:
        struct: the type of a person's record; only what is wanted is looked at.
        texts: wanted paths of plain texts, in the order of what `read_texts` returns.
        others: the other wanted paths -> function from a decoded record to the value or None.
        selection: the ``$select`` of a listing.
        expansion: its ``$expand``, or an empty string. With one, Graph returns 100 people a page
            at most, so that managers are read only where the mapping wants them.
        tracked: the ``$select`` of a delta query, which names relationships like properties.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self.paths = tuple(sorted(set(wanted) or DEFAULT_PATHS))
        self._fields: dict[str, tuple[str, Any]] = {}
        self._names = {one: self._add(one) for one in _CORE}
        getters = [(path, *self._compiled(ALIASES.get(path, path))) for path in self.paths]
        self.texts = tuple(path for path, straight, _ in getters if straight)
        self.others: tuple[tuple[str, Getter], ...] = tuple(
            (path, get) for path, straight, get in getters if not straight
        )
        self.read_texts: Callable[[Any], tuple[str | None, ...]] = _several(
            [straight for _, straight, _ in getters if straight]
        )
        self.struct: type[msgspec.Struct] = msgspec.defstruct(
            "EntraUser",
            [(name, kind, None) for name, kind in self._fields.values()],
            rename={name: wire for wire, (name, _) in self._fields.items()},
            gc=False,
        )
        plain_names = sorted(set(self._fields) - {_MANAGER, "id"})
        self.selection = ",".join(["id", *plain_names])
        managed = _MANAGER in self._fields
        self.expansion = f"{_MANAGER}($select=id,displayName)" if managed else ""
        self.tracked = ",".join([*plain_names, _MANAGER]) if managed else ",".join(plain_names)

    @property
    def properties(self) -> frozenset[str]:
        """The plain properties that a listing returns."""
        return frozenset(self._fields) - {_MANAGER}

    def core(self, record: Any) -> tuple[str | None, str | None, bool | None, str | None]:
        """Return id, user principal name, whether enabled, and mail of a decoded record."""
        return record.field0, record.field1, record.field2, record.field3

    def _add(self, wire: str) -> str:
        """Make the record have this property and return its field's name."""
        if wire not in self._fields:
            self._fields[wire] = (f"field{len(self._fields)}", _kind(wire))
        return self._fields[wire][0]

    def _compiled(self, path: str) -> tuple[str, Getter]:
        """Return the field of a plain text (or nothing), and the getter."""
        head, _, rest = path.partition(".")
        name = self._add(head)
        whole = operator.attrgetter(name)
        if not rest and head in _TEXTS:
            return name, whole
        if head in _LISTS:
            return "", lambda record: next(iter(whole(record) or ()), None)
        if rest:
            return "", plain(lambda record: _within(whole(record), rest))
        return "", plain(whole)


def _kind(wire: str) -> Any:
    if wire in _TEXTS:
        return str | None
    if wire in _LISTS:
        return list[str] | None
    return bool | None if wire == "accountEnabled" else Any


def _several(names: list[str]) -> Callable[[Any], tuple[str | None, ...]]:
    if not names:
        return lambda _: ()
    if len(names) == 1:
        only = operator.attrgetter(names[0])
        return lambda record: (only(record),)
    return operator.attrgetter(*names)


def _within(value: object, path: str) -> object:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
