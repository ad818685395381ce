"""Okta's expression language, as far as its documentation allows it for people and groups.

A filter minds the case of values and knows a handful of properties; a search minds none and knows
every property. Whatever is not documented is refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

_TOKEN = re.compile(r'\s*(?:(\()|(\))|("(?:[^"\\]|\\.)*")|([A-Za-z_][\w.]*))')
_DATES = frozenset({"created", "lastUpdated", "lastMembershipUpdated", "statusChanged"})
_ORDER = {
    "eq": lambda left, right: left == right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "sw": lambda left, right: left.startswith(right),
}

Test = Callable[[Mapping], bool]


class RefusedError(ValueError):
    """An expression that Okta answers with a 400."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """Which operators each property allows; None stands for every other property."""

    operators: Mapping[str | None, frozenset[str]]
    folds: bool = False


_ANY_ORDER = frozenset({"eq", "gt", "ge", "lt", "le"})
_EQUAL = frozenset({"eq"})
USER_FILTER = Language(
    operators={
        "lastUpdated": _ANY_ORDER,
        **dict.fromkeys(
            (
                "status",
                "id",
                "profile.login",
                "profile.email",
                "profile.firstName",
                "profile.lastName",
            ),
            _EQUAL,
        ),
    }
)
USER_SEARCH = Language(operators={None: _ANY_ORDER | {"sw"}}, folds=True)
GROUP_FILTER = Language(
    operators={
        "id": _EQUAL,
        "type": _EQUAL,
        "lastUpdated": frozenset({"eq", "gt", "lt"}),
        "lastMembershipUpdated": frozenset({"eq", "gt", "lt"}),
    }
)


def compiled(expression: str, language: Language) -> Test:
    """Return the test that an expression stands for, or raise `RefusedError`."""
    parser = _Parser(_tokens(expression), language)
    test = parser.any_of()
    parser.end()
    return test


def _tokens(expression: str) -> list[str]:
    found, position = [], 0
    while position < len(expression.rstrip()):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise RefusedError(expression)
        found.append(match.group().strip())
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], language: Language) -> None:
        self._tokens = tokens
        self._language = language

    def any_of(self) -> Test:
        tests = [self._all_of()]
        while self._accept("or"):
            tests.append(self._all_of())
        return lambda record: any(test(record) for test in tests)

    def end(self) -> None:
        if self._tokens:
            raise RefusedError(self._tokens[0])

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._accept("and"):
            tests.append(self._one())
        return lambda record: all(test(record) for test in tests)

    def _one(self) -> Test:
        if self._accept("("):
            test = self.any_of()
            if not self._accept(")"):
                raise RefusedError("no closing bracket")
            return test
        if len(self._tokens) < 3:
            raise RefusedError("an expression has three parts")
        name, operator, literal = self._tokens[:3]
        del self._tokens[:3]
        return self._comparison(name, operator.lower(), literal)

    def _comparison(self, name: str, operator: str, literal: str) -> Test:
        allowed = self._language.operators
        if operator not in allowed.get(name, allowed.get(None, frozenset())):
            raise RefusedError(f"{name} {operator}")
        try:
            wanted = json.loads(literal)
            if name in _DATES:
                wanted = datetime.strptime(wanted, "%Y-%m-%dT%H:%M:%S.%f%z")
        except ValueError as error:
            raise RefusedError(literal) from error
        compare, prepare = _ORDER[operator], self._prepared(name)
        wanted = prepare(wanted) if name not in _DATES else wanted
        return lambda record: (
            (value := _value(record, name)) is not None and compare(prepare(value), wanted)
        )

    def _prepared(self, name: str) -> Callable:
        if name in _DATES:
            return lambda text: datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
        return str.casefold if self._language.folds else str

    def _accept(self, word: str) -> bool:
        if self._tokens and self._tokens[0].lower() == word:
            del self._tokens[0]
            return True
        return False


def _value(record: Mapping, name: str) -> str | None:
    for key in name.split("."):
        record = record.get(key) if isinstance(record, Mapping) else None
    return record
