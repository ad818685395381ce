"""Expressions of scope and mapping: CEL, compiled once, evaluated for one person at a time.

Source of the language: the CEL specification (cel-spec). The library parses and evaluates; which
attributes an expression reads is found by its tokens, so that the provider is asked for those.
An attribute that a person does not have is an empty text, unless the expression asks for it with
``has``. ``attributes["…"]`` reads one whose name is no identifier, such as that of an extension.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import cel
from cel.stdlib import EXTENSIONS

from core.engine.expression_names import ATTRIBUTES, LOOPS, Names, names_in
from core.errors import ConfigurationError, RecordError
from core.model.configuration import Configuration
from core.model.directory import ExternalId, ProviderUser

MAX_LENGTH = 1000
MAX_LOOPS = 2
"""Loops (map, filter, all, exists) in one expression: more could take minutes a person."""
MAX_RESULT = 10_000

_PATH = re.compile(r"[A-Za-z$][A-Za-z0-9_$-]*(\.[A-Za-z$][A-Za-z0-9_$-]*){0,7}")
_URN = re.compile(r"urn:[A-Za-z0-9:._-]+(:[A-Za-z0-9_$.-]+)?")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_FOUND = re.compile(r"(?:mismatched|extraneous) input '(.*?)' expecting|at input '(.*)'|at: '(.*)'")
_UNDEFINED = re.compile(r"Undefined variable or function: '([^']*)'")
_BUILT_IN = frozenset(
    {
        *("has", "size", "contains", "startsWith", "endsWith", "matches"),
        *("string", "int", "uint", "double", "bytes", "type", "dyn", "duration", "timestamp"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    }
)
_ADDED = (
    *("charAt", "indexOf", "lastIndexOf", "substring", "replace", "split", "join"),
    *("lowerAscii", "upperAscii", "trim"),
)
_FAULTS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


def is_path(text: str) -> bool:
    """Whether a mapping's value is a plain attribute path, and so no expression."""
    return bool(_PATH.fullmatch(text) or _URN.fullmatch(text))


class Expression:
    """A compiled expression.

    Attributes:
        source: as it was written.
        paths: the attributes that it reads.
        mentions: those of them that are named as such, and where.
    """

    def __init__(self, source: str) -> None:
        """Compile; raises `ConfigurationError` (code ``expression_invalid``) with the position.

        `ConfigurationError.line` counts within the expression.
        """
        self.source = source
        names = names_in(source)
        _refuse_excess(source, names)
        try:
            self._program = cel.compile(source)
        except ValueError as error:
            raise _syntax(source, str(error)) from None
        _refuse_unknown_functions(source, names)
        self.mentions = tuple(each for each in names.paths if each.path not in names.literal)
        self.paths = frozenset(mention.path for mention in names.paths)
        self._reads = [
            (path, path in names.literal, path in names.optional) for path in sorted(self.paths)
        ]
        _refuse_overlap(source, names)
        for mention in names.indexed:
            raise _wrong(source, mention.start, f"write {mention.path}, without brackets.")
        used = {mention.path for mention in names.functions}
        self._functions = {name: _FUNCTIONS[name] for name in _ADDED if name in used}

    def evaluate(self, user: ProviderUser) -> object:
        """Return the value for one person; raises `RecordError` (code ``expression_failed``)."""
        try:
            return self._run(self._variables(user))
        except _FAULTS as error:
            raise RecordError(
                f"The expression cannot be worked out: {_reason(error)}.",
                code="expression_failed",
                hint="Correct the record, or the expression in the configuration.",
            ) from None

    def _run(self, variables: dict[str, Any]) -> object:
        if self._functions:
            return self._program.execute(cel.Context(variables, self._functions))
        return self._program.execute(variables)

    def _variables(self, user: ProviderUser) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path, literal, optional in self._reads:
            value = _value(user, path)
            *parents, last = (ATTRIBUTES, path) if literal else path.split(".")
            holder = found
            for parent in parents:
                holder = holder.setdefault(parent, {})
            if value is not None or not optional:
                holder[last] = "" if value is None else value
        return found

    def trial(self) -> object:
        """Return the value for somebody made up, or None where that says nothing.

        Raises `ConfigurationError` for a name that means nothing.
        """
        try:
            return self._run(self._variables(_SOMEBODY))
        except _FAULTS as error:
            undefined = _UNDEFINED.match(str(error))
            if undefined is not None:
                raise _wrong(
                    self.source,
                    max(0, self.source.find(undefined[1])),
                    f"“{undefined[1]}” means nothing here.",
                ) from None
            return None


_SOMEBODY = ProviderUser(
    external_id=ExternalId("1"),
    user_name="ada",
    active=True,
    emails=("ada@example.com",),
)


def _value(user: ProviderUser, path: str) -> object:
    if path == "userName":
        return user.user_name
    if path == "active":
        return user.active
    if path == "emails":
        return list(user.emails) or None
    if path in {"email", "emails.value"}:
        return user.emails[0] if user.emails else user.attributes.get(path)
    if path in {"id", "externalId"}:
        return user.attributes.get(path, user.external_id)
    return user.attributes.get(path)


def paths_of(source: str) -> frozenset[str]:
    """Return the attributes that a mapping's value reads."""
    return frozenset({source}) if is_path(source) else Expression(source).paths


def wanted_paths(configuration: Configuration) -> frozenset[str]:
    """Return the attributes that mapping and scope read, those of the previous scope included."""
    scopes = [configuration.spec.scope, configuration.previous_scope]
    texts = [*configuration.mapping.values(), *(s.filter for s in scopes if s is not None)]
    found: set[str] = set()
    for text in texts:
        found |= paths_of(text) if text else set()
    return frozenset(found)


def check(source: str, *, known: Iterable[str], condition: bool) -> None:
    """Raise `ConfigurationError` with the position unless an expression can be used.

    `known` are the provider's attributes: one that is not among them and nearly like one of them
    is taken for a slip. A `condition` must come to true or false.
    """
    expression = Expression(source)
    attributes = list(known)
    for mention in expression.mentions:
        near = nearest(mention.path, attributes)
        if near:
            raise _wrong(source, mention.start, slip(mention.path, near))
    value = expression.trial()
    if condition and value is not None and not isinstance(value, bool):
        raise _wrong(source, 0, "the filter must come to true or false, as a comparison does.")


def slip(path: str, near: str) -> str:
    """Say that a path is no known attribute, and how to insist on it."""
    return (
        f'{path} is no known attribute. Did you mean {near}? If not, write {ATTRIBUTES}["{path}"].'
    )


def nearest(path: str, known: Sequence[str]) -> str:
    """Return the known attribute that a path is nearly like, or nothing if it is one itself."""
    if path in known or not known:
        return ""
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(path.casefold(), list(folded), n=1, cutoff=0.8)
    return folded[close[0]] if close else ""


def _refuse_excess(source: str, names: Names) -> None:
    if len(source) > MAX_LENGTH:
        raise _wrong(source, 0, f"an expression has at most {MAX_LENGTH:,} characters.")
    if names.loops > MAX_LOOPS:
        raise _wrong(source, 0, f"an expression has at most {MAX_LOOPS} of map, filter, all, …")


def _refuse_unknown_functions(source: str, names: Names) -> None:
    usable = _BUILT_IN | LOOPS | set(_ADDED)
    for mention in names.functions:
        if mention.path not in usable:
            close = difflib.get_close_matches(mention.path, sorted(usable), n=1, cutoff=0.6)
            advice = f" Did you mean {close[0]}?" if close else ""
            raise _wrong(source, mention.start, f"there is no function {mention.path}.{advice}")


def _refuse_overlap(source: str, names: Names) -> None:
    """Refuse an attribute beside a part of itself: it cannot be a text and hold others."""
    plain = {mention.path for mention in names.paths} - names.literal
    for mention in names.paths:
        parents = [p for p in plain if mention.path.startswith(f"{p}.")]
        if parents and mention.path in plain:
            raise _wrong(source, mention.start, f"{mention.path} cannot stand beside {parents[0]}.")


def _syntax(source: str, told: str) -> ConfigurationError:
    """Put the library's message in words; it may repeat the expression, which has no secrets."""
    place = _PLACE.search(told)
    if place is None:
        return _wrong(source, 0, "this is no expression.")
    line, column, text = int(place[1]), int(place[2]), place[3]
    start = sum(len(each) + 1 for each in source.split("\n")[: line - 1]) + column - 1
    found = _FOUND.search(text)
    if found is None:
        return _wrong(source, start, f"{text.strip(' .')}.")
    sign = next(each for each in found.groups() if each is not None).strip()
    if sign == "<EOF>":
        return _wrong(source, start, "the expression ends too early.")
    return _wrong(source, start, f"“{sign[:40]}” is not expected here.")


def _wrong(source: str, start: int, message: str) -> ConfigurationError:
    before = source[:start]
    line, column = before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1
    where = f"line {line}, column {column}" if "\n" in source.strip() else f"column {column}"
    return ConfigurationError(f"{where}: {message}", code="expression_invalid", line=line)


def _reason(error: Exception) -> str:
    """Say what went wrong without the person's values, which an error may repeat."""
    if isinstance(error, KeyError):
        return "an attribute that it needs is not there"
    if isinstance(error, IndexError):
        return "a list is shorter than it needs"
    if isinstance(error, ZeroDivisionError):
        return "it divides by zero"
    if isinstance(error, TypeError):
        return "a value is of another kind than it needs"
    return "a value does not fit"


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the library whose texts and lists stay small."""

    def call(*values: Any) -> Any:
        if sum(len(value) for value in values if isinstance(value, str | list)) > MAX_RESULT:
            raise ValueError("too long")
        result = function(*values)
        if isinstance(result, str | list) and len(result) > MAX_RESULT:
            raise ValueError("too long")
        return result

    return call


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    name: _bounded(EXTENSIONS["strings"][name]) for name in _ADDED
}
