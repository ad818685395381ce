"""The part of SCIM's filter language that the demo's provider understands (RFC 7644 §3.4.2.2)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bot.demo.directory import GroupRecord, PersonRecord

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_CORE = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:(?:user|group):", re.IGNORECASE)
_TERM = re.compile(r'\s*([A-Za-z][\w$.:-]*)\s+([A-Za-z]{2})\s+("(?:[^"\\]|\\.)*"|[^\s"]+)\s*')
_AND = re.compile(r"and\s", re.IGNORECASE)
_LONGEST = 2_000

_Getter = Callable[[Any], str | bool | datetime]
_Test = Callable[[Any], bool]

_PEOPLE: Mapping[str, Callable[[PersonRecord], str | bool | datetime]] = {
    "id": lambda r: r.person.id,
    "username": lambda r: r.person.user_name.casefold(),
    "displayname": lambda r: r.person.display_name.casefold(),
    "name.givenname": lambda r: r.person.given_name.casefold(),
    "name.familyname": lambda r: r.person.family_name.casefold(),
    "emails": lambda r: r.person.email.casefold(),
    "emails.value": lambda r: r.person.email.casefold(),
    "title": lambda r: r.person.title.casefold(),
    "active": lambda r: r.person.active,
    "meta.created": lambda r: r.created,
    "meta.lastmodified": lambda r: r.modified,
    f"{ENTERPRISE}:department".lower(): lambda r: r.person.department.casefold(),
    f"{ENTERPRISE}:employeeNumber".lower(): lambda r: r.person.employee_number.casefold(),
}
_GROUPS: Mapping[str, Callable[[GroupRecord], str | bool | datetime]] = {
    "id": lambda r: r.group.id,
    "displayname": lambda r: r.group.display_name.casefold(),
    "meta.created": lambda r: r.created,
    "meta.lastmodified": lambda r: r.modified,
}
_EQUALITY: Mapping[str, Callable[[Any, Any], bool]] = {"eq": operator.eq, "ne": operator.ne}
_TEXT = {
    **_EQUALITY,
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
}
_TIME = {
    **_EQUALITY,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


class FilterError(ValueError):
    """The filter is malformed, or beyond what this provider understands (invalidFilter)."""


def people_filter(text: str) -> Callable[[PersonRecord], bool]:
    """A test for the records of people: comparisons, joined by ``and``.

    Raises:
        FilterError: the text is no such filter.
    """
    return _parsed(text, _PEOPLE)


def groups_filter(text: str) -> Callable[[GroupRecord], bool]:
    """A test for the records of groups: comparisons, joined by ``and``.

    Raises:
        FilterError: the text is no such filter.
    """
    return _parsed(text, _GROUPS)


def _parsed(text: str, getters: Mapping[str, _Getter]) -> _Test:
    if len(text) > _LONGEST:
        raise FilterError("The filter is too long.")
    tests: list[_Test] = []
    at = 0
    while True:
        term = _TERM.match(text, at)
        if term is None:
            raise FilterError('A comparison such as userName eq "anna" is expected.')
        tests.append(_comparison(*term.groups(), getters=getters))
        if term.end() == len(text):
            return lambda record: all(test(record) for test in tests)
        joint = _AND.match(text, term.end())
        if joint is None:
            raise FilterError("Comparisons can be joined by and, nothing else.")
        at = joint.end()


def _comparison(path: str, op: str, literal: str, *, getters: Mapping[str, _Getter]) -> _Test:
    name = _CORE.sub("", path).lower()
    getter = getters.get(name)
    if getter is None:
        raise FilterError(f"The attribute {path} cannot be filtered on.")
    value = _value(name, literal)
    compare = _comparisons(value).get(op.lower())
    if compare is None:
        raise FilterError(f"The operator {op} does not fit {path}.")
    return lambda record: compare(getter(record), value)


def _comparisons(value: object) -> Mapping[str, Callable[[Any, Any], bool]]:
    if isinstance(value, bool):
        return _EQUALITY
    return _TEXT if isinstance(value, str) else _TIME


def _value(name: str, literal: str) -> str | bool | datetime:
    try:
        value = msgspec.json.decode(literal)
    except msgspec.DecodeError:
        raise FilterError(f"{literal} is no JSON value.") from None
    if name == "active":
        if isinstance(value, bool):
            return value
        raise FilterError("active is compared with true or false.")
    if not isinstance(value, str):
        raise FilterError(f"{name} is compared with a text in double quotes.")
    if name.startswith("meta."):
        return _time(value)
    return value if name == "id" else value.casefold()


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(f"{text} is no date and time.") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
