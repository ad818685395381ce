"""Freezes as people type them: ``fri 18:00 until mon 06:00 removals Europe/Berlin``. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time

from core.errors import UsageError
from core.model.freeze import EVERYTHING, WEEK_MINUTES, Freeze, Frozen
from core.services.schedule_words import check_zone

FREEZE = "freeze"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST = 50
EXAMPLES = (
    "Write `freeze 2026-12-20 until 2027-01-06`, `freeze fri 18:00 until mon 06:00 removals "
    "Europe/Berlin`, `freeze off 2` or `freeze off`."
)
_DAY_MINUTES = WEEK_MINUTES // 7
_CLOCK = r"(?:[ Tt]([01][0-9]|2[0-3]):([0-5][0-9])(?::00)?)?"
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})" + _CLOCK)
_NAMES = r"(mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_WEEKDAY = re.compile(_NAMES + _CLOCK, re.IGNORECASE)
_UNTIL = frozenset({"until", "to", "-"})

Moment = datetime | int
"""A local time, or minutes after Monday 00:00."""


def read_moment(text: str) -> Moment | None:
    """Return a date or a weekday with its time of day, which may be left out; None if neither.

    Raises `ValueError` for a day that no calendar has.
    """
    dated = _DATE.fullmatch(text)
    weekly = _WEEKDAY.fullmatch(text)
    found = dated or weekly
    if found is None:
        return None
    hour, minute = int(found[2] or 0), int(found[3] or 0)
    if weekly is not None:
        return WEEKDAYS.index(weekly[1][:3].lower()) * _DAY_MINUTES + hour * 60 + minute
    return datetime.combine(date.fromisoformat(found[1]), time(hour, minute))


def write_moment(moment: Moment) -> str:
    """Return a moment as `read_moment` reads it."""
    if isinstance(moment, datetime):
        return f"{moment:%Y-%m-%d}" if moment.time() == time() else f"{moment:%Y-%m-%d %H:%M}"
    day, minutes = divmod(moment, _DAY_MINUTES)
    return f"{WEEKDAYS[day]} {minutes // 60:02}:{minutes % 60:02}"


def window_of(
    begin: Moment, end: Moment, *, of: tuple[Frozen, ...], timezone: str
) -> Freeze | None:
    """Return the window between two moments, or None if they make none."""
    if isinstance(begin, datetime) and isinstance(end, datetime) and begin < end:
        return Freeze(of=of, timezone=timezone, dates=(begin, end))
    if isinstance(begin, int) and isinstance(end, int) and begin != end:
        return Freeze(of=of, timezone=timezone, week=(begin, end))
    return None


def parse_freezes(
    words: Sequence[str], present: Sequence[Freeze], *, zone: str, now: datetime
) -> tuple[Freeze, ...]:
    """Return the freezes as they are after what was typed behind ``freeze``.

    A new one is in `zone` unless it names one, and takes its place at the end. Raises `UsageError`.
    """
    if not words:
        return tuple(present)
    if words[0].casefold() == "off":
        return _without(words[1:], present)
    made = _parse(list(words), zone)
    if made.window(now) is None:
        raise UsageError("That freeze is over already.", hint=EXAMPLES)
    if made in present:
        raise UsageError("There is that freeze already.")
    if len(present) >= MOST:
        raise UsageError(f"There are {MOST} freezes already.", hint=EXAMPLES)
    return (*present, made)


def spell_freeze(window: Freeze) -> str:
    """Return a freeze as it is typed, with what it keeps waiting and its zone."""
    begin, end = window.dates or window.week or (0, 0)
    of = [] if window.of == EVERYTHING else [each.value for each in window.of]
    return " ".join([write_moment(begin), "until", write_moment(end), *of, window.timezone])


def _without(words: Sequence[str], present: Sequence[Freeze]) -> tuple[Freeze, ...]:
    if not words:
        return ()
    number = int(words[0]) if re.fullmatch(r"[0-9]{1,3}", words[0]) else 0
    if len(words) > 1 or not 1 <= number <= len(present):
        known = f"from 1 to {len(present)}" if present else "none, because nothing is frozen"
        raise UsageError(f"After `freeze off`, write the number of one: {known}.", hint=EXAMPLES)
    return tuple(each for place, each in enumerate(present, start=1) if place != number)


def _parse(words: list[str], zone: str) -> Freeze:
    if words[0].casefold() == "from":
        words.pop(0)
    cut = next((n for n, word in enumerate(words) if word.casefold() in _UNTIL), None)
    if cut is None:
        raise UsageError("Say until when: `until` is missing.", hint=EXAMPLES)
    begin, rest = _moment(words[:cut], "begins")
    _nothing_more(rest)
    end, rest = _moment(words[cut + 1 :], "ends")
    of, rest = _of(rest)
    _nothing_more(rest[1:])
    named = check_zone(rest[0]) if rest else zone
    window = window_of(begin, end, of=of, timezone=named)
    if window is None:
        raise UsageError(
            "A freeze is between two dates, until the later one, or between two weekdays.",
            hint=EXAMPLES,
        )
    return window


def _moment(words: list[str], what: str) -> tuple[Moment, list[str]]:
    """Read one or two words; return the moment and the words that are left."""
    for used in (2, 1):
        try:
            found = read_moment(" ".join(words[:used])) if len(words) >= used else None
        except ValueError:
            raise UsageError(f"“{words[0][:40]}” is no day.", hint=EXAMPLES) from None
        if found is not None:
            return found, words[used:]
    shown = f"“{' '.join(words)[:40]}” is neither a date nor a weekday" if words else "A day is due"
    raise UsageError(f"{shown}: say when it {what}.", hint=EXAMPLES)


def _of(words: list[str]) -> tuple[tuple[Frozen, ...], list[str]]:
    """Read what waits; return it and the words that are left."""
    parts = [part for word in words for part in word.split(",") if part and part != "and"]
    named = {part.casefold() for part in parts}
    of = tuple(each for each in EVERYTHING if each.value in named)
    known = {each.value for each in EVERYTHING}
    return of or EVERYTHING, [part for part in parts if part.casefold() not in known]


def _nothing_more(words: Sequence[str]) -> None:
    if words:
        raise UsageError(f"“{words[0][:40]}” is too much here.", hint=EXAMPLES)
