"""A small language for what a JSON value may be; `limits.py` writes Slack's rules in it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

UNLIMITED = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, and where (an RFC 6901 pointer into the payload)."""

    message: str
    at: str

    def __str__(self) -> str:
        return f"[ERROR] {self.message} [json-pointer:{self.at}]"


Problems = Iterator[Problem]
Object = Mapping[str, object]
Law = Callable[[Object, str], Problems]


class Rule(Protocol):
    """What a value may be."""

    def problems(self, value: object, at: str) -> Problems:
        """Yield what is wrong with `value`, which stands at the pointer `at`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Str:
    """A string of `least` to `most` characters, one of `choices` or like `pattern` if given."""

    least: int = 1
    most: int = UNLIMITED
    choices: frozenset[str] | None = None
    pattern: str | None = None
    what: str = "value"

    def problems(self, value: object, at: str) -> Problems:
        """Yield a wrong type, length or content."""
        if not isinstance(value, str):
            yield Problem(message="must provide a string", at=at)
        elif len(value) < self.least:
            yield Problem(message=f"must be more than {self.least - 1} characters", at=at)
        elif len(value) > self.most:
            yield Problem(message=f"must be less than {self.most + 1} characters", at=at)
        elif self.choices is not None and value not in self.choices:
            yield Problem(message=f"must be a valid enum value: {value}", at=at)
        elif self.pattern is not None and not re.match(self.pattern, value):
            yield Problem(message=f"must be a valid {self.what}", at=at)


@dataclass(frozen=True, kw_only=True)
class Int:
    """A whole number between `least` and `most`."""

    least: int = 0
    most: int = UNLIMITED * 10_000

    def problems(self, value: object, at: str) -> Problems:
        """Yield a wrong type or size."""
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(message="must provide an integer", at=at)
        elif not self.least <= value <= self.most:
            yield Problem(message=f"must be between {self.least} and {self.most}", at=at)


@dataclass(frozen=True, kw_only=True)
class Bool:
    """True or false."""

    def problems(self, value: object, at: str) -> Problems:
        """Yield a wrong type."""
        if not isinstance(value, bool):
            yield Problem(message="must provide a boolean", at=at)


@dataclass(frozen=True, kw_only=True)
class Anything:
    """A value that is none of our business."""

    def problems(self, value: object, at: str) -> Problems:  # noqa: ARG002 - the protocol's shape
        """Yield nothing."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class Items:
    """An array of `least` to `most` items that each obey `of`."""

    of: Rule
    least: int = 1
    most: int = UNLIMITED

    def problems(self, value: object, at: str) -> Problems:
        """Yield a wrong type or number, else what is wrong with each item."""
        if not isinstance(value, list):
            yield Problem(message="must provide an array", at=at)
        elif len(value) < self.least:
            yield Problem(message=f"no fewer than {self.least} items allowed", at=at)
        elif len(value) > self.most:
            yield Problem(message=f"no more than {self.most} items allowed", at=at)
        else:
            for index, item in enumerate(value):
                yield from self.of.problems(item, f"{at}/{index}")


@dataclass(frozen=True, kw_only=True)
class Obj:
    """An object with these properties and no others; `laws` join several of them."""

    required: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    laws: tuple[Law, ...] = ()

    def problems(self, value: object, at: str) -> Problems:
        """Yield missing, additional and wrong properties, then broken laws."""
        if not isinstance(value, dict):
            yield Problem(message="must provide an object", at=at)
            return
        found = [*self._shape(value, at)]
        yield from found
        if not found:
            for law in self.laws:
                yield from law(value, at)

    def _shape(self, value: Object, at: str) -> Problems:
        for name in self.required:
            if name not in value:
                yield Problem(message=f"missing required field: {name}", at=at)
        for name, item in value.items():
            rule = self.required.get(name) or self.optional.get(name)
            if rule is None:
                yield Problem(message=f"invalid additional property: {name}", at=at)
            else:
                yield from rule.problems(item, f"{at}/{name}")


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """An object whose `type` says which rule of the table holds for the rest."""

    table: Mapping[str, Rule]

    def problems(self, value: object, at: str) -> Problems:
        """Yield a missing or unsupported type, else what the type's rule yields."""
        if not isinstance(value, dict):
            yield Problem(message="must provide an object", at=at)
        elif "type" not in value:
            yield Problem(message="missing required field: type", at=at)
        elif not isinstance(value["type"], str) or value["type"] not in self.table:
            yield Problem(message=f"unsupported type: {value['type']}", at=f"{at}/type")
        else:
            yield from self.table[value["type"]].problems(value, at)
