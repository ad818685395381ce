"""The freeze windows of a configuration file, read and written."""

from __future__ import annotations

from collections.abc import Sequence

from ruamel.yaml.nodes import Node, SequenceNode

from core.model.freeze import EVERYTHING, Freeze, Frozen
from core.services import configuration_values as values
from core.services.freeze_words import Moment, read_moment, window_of, write_moment
from core.services.yaml_nodes import Faults, WrongHereError, table, text, texts

_EXPECTED = "expected a date such as 2026-12-20 or 2026-12-20 18:00, or a weekday such as fri 18:00"


def read_freeze(node: Node, faults: Faults) -> tuple[Freeze, ...]:
    """Return the windows of a list; each fault is noted with its line."""
    if not isinstance(node, SequenceNode):
        raise WrongHereError("expected a list: one “- from: …” for each window.")
    found = [_window(item, faults) for item in node.value]
    return tuple(window for window in found if window is not None)


def freeze_documents(windows: Sequence[Freeze]) -> list[dict[str, object]]:
    """Return the windows with the keys of the file."""
    return [_document(window) for window in windows]


def _window(node: Node, faults: Faults) -> Freeze | None:
    rows = table(node, "freeze", ("from", "until", "of", "timezone"), faults)
    begin = rows.need("from", _moment, None)
    end = rows.need("until", _moment, None)
    of = rows.read("of", _of, EVERYTHING)
    zone = rows.read("timezone", values.timezone, "UTC")
    if begin is None or end is None:
        return None
    window = window_of(begin, end, of=of, timezone=zone)
    if window is not None:
        return window
    faults.add(node, "freeze: expected two dates, until the later one, or two weekday times.")
    return None


def _moment(node: Node) -> Moment:
    try:
        found = read_moment(text(node).strip())
    except ValueError:
        raise WrongHereError(f"{_EXPECTED}; there is no such day.") from None
    if found is None:
        raise WrongHereError(f"{_EXPECTED}.")
    return found


def _of(node: Node) -> tuple[Frozen, ...]:
    known = [each.value for each in EVERYTHING]
    named = texts(node)
    if not named or any(name not in known for name in named):
        raise WrongHereError(f"expected {' or '.join(known)}, or a list of both.")
    return tuple(each for each in EVERYTHING if each.value in named)


def _document(window: Freeze) -> dict[str, object]:
    begin, end = window.dates or window.week or (0, 0)
    document: dict[str, object] = {"from": write_moment(begin), "until": write_moment(end)}
    if window.of != EVERYTHING:
        document["of"] = [each.value for each in window.of]
    if window.timezone != "UTC":
        document["timezone"] = window.timezone
    return document
