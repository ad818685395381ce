"""Attribute paths: which property of an Okta profile each one is, and how to get its value."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from core.providers.unreadable import Getter, plain

KEYS: Final = {
    "userName": "login",
    "emails": "email",
    "emails.value": "email",
    "displayName": "displayName",
    "nickName": "nickName",
    "name.givenName": "firstName",
    "name.middleName": "middleName",
    "name.familyName": "lastName",
    "name.honorificPrefix": "honorificPrefix",
    "name.honorificSuffix": "honorificSuffix",
    "title": "title",
    "userType": "userType",
    "profileUrl": "profileUrl",
    "preferredLanguage": "preferredLanguage",
    "locale": "locale",
    "timezone": "timezone",
    "phoneNumbers": "primaryPhone",
    "phoneNumbers.work": "primaryPhone",
    "phoneNumbers.mobile": "mobilePhone",
    "enterprise.employeeNumber": "employeeNumber",
    "enterprise.costCenter": "costCenter",
    "enterprise.organization": "organization",
    "enterprise.division": "division",
    "enterprise.department": "department",
    "enterprise.manager": "managerId",
    "enterprise.manager.displayName": "manager",
}
"""Path -> property of Okta's default profile; any other is ``profile.`` and the property's name."""

_MORE_TEXTS: Final = (
    "secondEmail",
    "city",
    "state",
    "zipCode",
    "countryCode",
    "postalAddress",
    "streetAddress",
)
_TEXTS: Final = frozenset(KEYS.values()) | frozenset(_MORE_TEXTS)
_PREFIX: Final = "profile."


def key_of(path: str) -> str | None:
    """Return the profile property that a path means, or None if it means none."""
    if path in KEYS:
        return KEYS[path]
    name = path.removeprefix(_PREFIX)
    return None if "." in name or ":" in name or path in {"id", "externalId"} else name


class AttributePlan:
    """The properties that are wanted: what to ask for, how to decode, how to get each value.

    Attributes:
        struct: the type of a profile; only what is wanted is looked at.
        texts: wanted paths of plain texts, in the order of what `read_texts` returns.
        others: wanted paths of other values, with their getters.
        paths: all wanted paths.
        selection: the ``fields`` parameter, which names each property once.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self.paths = tuple(sorted(set(wanted) or KEYS))
        keys = {path: key for path in self.paths if (key := key_of(path))}
        names = {key: f"field{n}" for n, key in enumerate(sorted({*keys.values()}))}
        names |= {"login": "login", "email": "email"}
        self.struct: type[msgspec.Struct] = msgspec.defstruct(
            "OktaProfile",
            [(name, str | None if key in _TEXTS else Any, None) for key, name in names.items()],
            rename={name: key for key, name in names.items()},
            gc=False,
        )
        self.texts = tuple(path for path, key in keys.items() if key in _TEXTS)
        self.others: tuple[tuple[str, Getter], ...] = tuple(
            (path, plain(operator.attrgetter(names[key])))
            for path, key in keys.items()
            if key not in _TEXTS
        )
        straight = (names[keys[path]] for path in self.texts)
        self._get_texts = operator.attrgetter("login", "login", *straight)
        self.selection = f"status,profile:({','.join(sorted(names))})"

    def read_texts(self, profile: Any) -> tuple[str | None, ...]:
        """Return the values of `texts` in one step."""
        found: tuple[str | None, ...] = self._get_texts(profile)
        return found[2:]
