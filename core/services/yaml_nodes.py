"""YAML as nodes that know their lines, read with every error told at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
)
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from core.errors import ConfigurationError

MAX_BYTES = 200_000
MAX_DEPTH = 12
MAX_EVENTS = 20_000
SHOWN_ERRORS = 20

_TAG = "tag:yaml.org,2002:"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhdw])")

T = TypeVar("T")
D = TypeVar("D")


class WrongHereError(Exception):
    """One value is wrong; the message says what is expected, never what was found."""


@dataclass(slots=True)
class Faults:
    """The errors of one file, in the order in which they were found."""

    source: str
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, node: Node, message: str) -> None:
        """Note an error at a node's line."""
        self.found.append((node.start_mark.line + 1, message))

    def add_at(self, node: Node, line: int, message: str) -> None:
        """Note an error in a text of several lines, at one of them."""
        block = isinstance(node, ScalarNode) and node.style in ("|", ">")
        self.found.append((node.start_mark.line + (1 + line if block else 1), message))

    def raise_if_any(self) -> None:
        """Raise `ConfigurationError` with all of them and the line of the first."""
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda fault: fault[0])
        lines = [f"{self.source}, line {line}: {text}" for line, text in ordered[:SHOWN_ERRORS]]
        if len(ordered) > SHOWN_ERRORS:
            lines.append(f"… and {len(ordered) - SHOWN_ERRORS} more.")
        raise ConfigurationError("\n".join(lines), code="file_invalid", line=ordered[0][0])


def read_tree(text: str, *, source: str) -> MappingNode:
    """Return the root of a YAML 1.2 document that is small, flat and free of aliases.

    Raises `ConfigurationError` with the line. Aliases are refused, because a short text with
    them can stand for more than memory holds.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise _wrong(source, 1, "the file is larger than 200 kB.")
    try:
        _survey(YAML(typ="safe", pure=True).parse(text), source)
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _wrong(
            source, line, "this is not valid YAML here (often a tab or a quote)."
        ) from None
    except (YAMLError, ValueError) as error:
        raise _wrong(source, 1, "this is not valid YAML.") from error
    if not isinstance(root, MappingNode):
        raise _wrong(source, 1, "expected keys such as licenses and configurations.")
    return root


def _survey(events: Iterable[Event], source: str) -> None:
    depth = documents = 0
    for count, event in enumerate(events):
        line = event.start_mark.line + 1
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        documents += isinstance(event, DocumentStartEvent)
        if isinstance(event, AliasEvent):
            raise _wrong(source, line, "anchors and aliases are not accepted.")
        if depth > MAX_DEPTH or count > MAX_EVENTS:
            raise _wrong(source, line, "the file is nested too deeply or too long.")
        if documents > 1:
            raise _wrong(source, line, "only one document is accepted.")


def _wrong(source: str, line: int, text: str) -> ConfigurationError:
    return ConfigurationError(f"{source}, line {line}: {text}", code="file_invalid", line=line)


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping of which every key is known.

    Attributes:
        label: how messages name it ("guard").
        nodes: key -> value, known keys only.
    """

    node: Node
    label: str
    nodes: Mapping[str, Node]
    faults: Faults

    def read(self, key: str, reader: Callable[[Node], T], default: D) -> T | D:
        """Return the value of a key read by `reader`; a fault is noted and gives the default."""
        node = self.nodes.get(key)
        if node is None or is_null(node):
            return default
        try:
            return reader(node)
        except WrongHereError as error:
            self.faults.add(node, f"{key}: {error}")
            return default

    def need(self, key: str, reader: Callable[[Node], T], default: D) -> T | D:
        """Read a key that must be there."""
        if key not in self.nodes or is_null(self.nodes[key]):
            self.faults.add(self.node, f"{self.label} needs the key {key}.")
            return default
        return self.read(key, reader, default)


def table(
    node: Node,
    label: str,
    known: Iterable[str],
    faults: Faults,
    *,
    later: Mapping[str, str] | None = None,
) -> Table:
    """Return a mapping node's values by key; unknown, later and repeated keys are noted.

    `later` has the keys that are planned, with what to say about them.
    """
    names = tuple(known)
    found: dict[str, Node] = {}
    if not isinstance(node, MappingNode):
        faults.add(node, f"{label}: expected keys: {', '.join(names)}.")
        return Table(node, label, found, faults)
    for key_node, value in node.value:
        key = key_node.value if isinstance(key_node, ScalarNode) else ""
        if key in found:
            faults.add(key_node, f"{label}: the key {key} is there twice.")
        elif key in names:
            found[key] = value
        elif later and key in later:
            faults.add(key_node, f"{label}: {key} {later[key]}")
        else:
            faults.add(key_node, f"{label}: {_unknown(key, names)}")
    return Table(node, label, found, faults)


def entries(node: Node) -> list[tuple[ScalarNode, Node]]:
    """Return the pairs of a mapping whose keys are free texts. Raises `WrongHereError`."""
    if not isinstance(node, MappingNode):
        raise WrongHereError("expected pairs of key: value.")
    pairs = [(key, value) for key, value in node.value if isinstance(key, ScalarNode)]
    if len(pairs) != len(node.value) or len({key.value for key, _ in pairs}) != len(pairs):
        raise WrongHereError("expected distinct texts as keys.")
    return pairs


def is_null(node: Node) -> bool:
    """Whether nothing was written."""
    return isinstance(node, ScalarNode) and node.tag == f"{_TAG}null"


def text(node: Node) -> str:
    """Return a text of one line and at most 2,000 characters; numbers are taken as written."""
    plain = isinstance(node, ScalarNode) and node.tag in {
        f"{_TAG}{kind}" for kind in ("str", "int", "float", "timestamp")
    }
    if not plain or not node.value.strip():
        raise WrongHereError("expected a text.")
    if len(node.value) > 2000 or not node.value.isprintable():  # noqa: PLR2004 - documented above
        raise WrongHereError("expected a text of one line without control characters.")
    return str(node.value)


def expression_text(node: Node) -> str:
    """Return an expression, which may have several lines."""
    if not isinstance(node, ScalarNode) or not node.value.strip():
        raise WrongHereError("expected an attribute path or an expression.")
    value = str(node.value).strip("\n")
    if len(value) > 2000 or not all(part.isprintable() for part in value.split("\n")):  # noqa: PLR2004 - as for every text
        raise WrongHereError("expected an expression without control characters.")
    return value


def texts(node: Node) -> tuple[str, ...]:
    """Return a list of texts without repetitions; a single text is a list of one."""
    if isinstance(node, ScalarNode):
        return (text(node),)
    if not isinstance(node, SequenceNode):
        raise WrongHereError("expected a list of texts.")
    return tuple(dict.fromkeys(text(item) for item in node.value))


def whole_number(low: int, high: int) -> Callable[[Node], int]:
    """Return a reader of whole numbers in a range."""

    def read(node: Node) -> int:
        digits = node.value if isinstance(node, ScalarNode) and node.tag == f"{_TAG}int" else ""
        if not re.fullmatch(r"-?[0-9]{1,12}", digits) or not low <= int(digits) <= high:
            raise WrongHereError(f"expected a whole number from {low} to {high:,}.")
        return int(digits)

    return read


def boolean(node: Node) -> bool:
    """Return true or false."""
    if not isinstance(node, ScalarNode) or node.tag != f"{_TAG}bool":
        raise WrongHereError("expected true or false.")
    return str(node.value).lower() == "true"


def duration(node: Node) -> timedelta:
    """Return a duration such as 30s, 15m, 1h, 30d or 2w."""
    match = _DURATION.fullmatch(text(node).strip())
    if match is None:
        raise WrongHereError("expected a duration such as 15m, 1h or 30d.")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def duration_text(value: timedelta) -> str:
    """Return a duration as `duration` reads it, in the largest unit that fits."""
    seconds = int(value.total_seconds())
    for unit, size in sorted(_UNITS.items(), key=lambda pair: -pair[1]):
        if unit != "w" and seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def one_of(*words: str) -> Callable[[Node], str]:
    """Return a reader of one of these words."""

    def read(node: Node) -> str:
        word = text(node)
        if word not in words:
            raise WrongHereError(f"expected one of {', '.join(words)}.{_near(word, words)}")
        return word

    return read


def _unknown(key: str, names: tuple[str, ...]) -> str:
    shown = key if re.fullmatch(r"[\w.-]{1,40}", key) else "this key"
    advice = _near(key, names) or " Known are " + ", ".join(names) + "."
    return f"{shown} is not a known key.{advice}"


def _near(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""
