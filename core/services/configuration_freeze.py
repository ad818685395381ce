"""The freeze windows of a configuration file, read and written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time

from ruamel.yaml.nodes import Node, SequenceNode

from core.model.freeze import EVERYTHING, WEEK_MINUTES, Freeze, Frozen
from core.services import configuration_values as values
from core.services.yaml_nodes import Faults, WrongHereError, table, text, texts

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = WEEK_MINUTES // 7
_CLOCK = r"(?:[ Tt]([01][0-9]|2[0-3]):([0-5][0-9])(?::00)?)?"
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})" + _CLOCK)
_WEEKDAY = re.compile(rf"({'|'.join(WEEKDAYS)})" + _CLOCK, re.IGNORECASE)
_EXPECTED = "expected a date such as 2026-12-20 or 2026-12-20 18:00, or a weekday such as fri 18:00"

Moment = datetime | int
"""A local time, or minutes after Monday 00:00."""


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
    if isinstance(begin, datetime) and isinstance(end, datetime) and begin < end:
        return Freeze(of=of, timezone=zone, dates=(begin, end))
    if isinstance(begin, int) and isinstance(end, int) and begin != end:
        return Freeze(of=of, timezone=zone, week=(begin, end))
    faults.add(node, "freeze: expected two dates, until the later one, or two weekday times.")
    return None


def _moment(node: Node) -> Moment:
    value = text(node).strip()
    dated = _DATE.fullmatch(value)
    weekly = _WEEKDAY.fullmatch(value)
    found = dated or weekly
    if found is None:
        raise WrongHereError(f"{_EXPECTED}.")
    hour, minute = int(found[2] or 0), int(found[3] or 0)
    if weekly is not None:
        return WEEKDAYS.index(weekly[1].lower()) * _DAY_MINUTES + hour * 60 + minute
    try:
        return datetime.combine(date.fromisoformat(found[1]), time(hour, minute))
    except ValueError:
        raise WrongHereError(f"{_EXPECTED}; there is no such day.") from None


def _of(node: Node) -> tuple[Frozen, ...]:
    known = [each.value for each in EVERYTHING]
    named = texts(node)
    if not named or any(name not in known for name in named):
        raise WrongHereError(f"expected {' or '.join(known)}, or a list of both.")
    return tuple(each for each in EVERYTHING if each.value in named)


def _document(window: Freeze) -> dict[str, object]:
    begin, end = window.dates or window.week or ("", "")
    document: dict[str, object] = {"from": _text(begin), "until": _text(end)}
    if window.of != EVERYTHING:
        document["of"] = [each.value for each in window.of]
    if window.timezone != "UTC":
        document["timezone"] = window.timezone
    return document


def _text(moment: Moment | str) -> str:
    if isinstance(moment, datetime):
        return f"{moment:%Y-%m-%d}" if moment.time() == time() else f"{moment:%Y-%m-%d %H:%M}"
    if isinstance(moment, int):
        day, minutes = divmod(moment, _DAY_MINUTES)
        return f"{WEEKDAYS[day]} {minutes // 60:02}:{minutes % 60:02}"
    return moment
