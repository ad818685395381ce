"""Schedules as people type them: ``every 1h``, ``daily 02:00 Europe/Berlin``, ``off``. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from core.errors import UsageError
from core.model.configuration import Schedule

SHORTEST_INTERVAL = timedelta(minutes=1)
LONGEST_INTERVAL = timedelta(days=3650)
LONGEST_CRON = 100
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
EXAMPLES = (
    "Write `every 1h`, `hourly`, `daily 02:00 Europe/Berlin`, `weekly mon 02:00`, "
    '`cron "0 2 * * *"` or `off`.'
)
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1)}
_UNITS |= {"h": timedelta(hours=1), "m": timedelta(minutes=1)}
_LENGTH = re.compile(
    r"([0-9]{1,7}) ?(m|h|d|w|min|mins|minutes?|hours?|days?|weeks?)", re.IGNORECASE
)
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_CRON_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT"),
)
_DAILY = re.compile(r"([0-9]{1,2}) ([0-9]{1,2}) \* \* \*")
_WEEKLY = re.compile(r"([0-9]{1,2}) ([0-9]{1,2}) \* \* ([0-6](?:,[0-6])*)")
_HOURLY = "0 * * * *"
_FREEZE = "freeze"


def parse_schedule(words: Sequence[str], *, zone: str = "UTC") -> Schedule | None:
    """Return what was typed, in `zone` unless it names one; None for ``off``.

    Raises `UsageError` that says what is wrong with which word.
    """
    form = words[0].casefold() if words else ""
    reader = _FORMS.get(form)
    if reader is None:
        shown = f"“{words[0][:40]}” is no kind of schedule." if words else "A schedule is missing."
        raise UsageError(shown, hint=EXAMPLES)
    return reader(list(words[1:]), zone)


def spell_schedule(schedule: Schedule | None) -> str:
    """Return a schedule as `parse_schedule` reads it, with its zone where that matters."""
    if schedule is None:
        return "off"
    if schedule.every is not None:
        zone = "" if schedule.every % timedelta(days=1) else f" {schedule.timezone}"
        return f"every {_length_text(schedule.every)}{zone}"
    return f"{_cron_text(schedule.cron or '')} {schedule.timezone}"


def name_and_words(name: str | None, words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Return the configuration and the schedule of what was typed, where the first may be missing.

    A word that begins a schedule is a configuration's name only before another such word.
    """
    follows = bool(words) and _is_form(words[0])
    off = name is not None and name.casefold() == _FREEZE and words[:1] == ("off",)
    if name is not None and _is_form(name) and (off or not follows):
        return None, (name, *words)
    return name, words


def _is_form(word: str) -> bool:
    return word.casefold() in (*_FORMS, _FREEZE)


def check_interval(every: timedelta) -> timedelta:
    """Return an interval that is neither too short nor too long."""
    if not SHORTEST_INTERVAL <= every <= LONGEST_INTERVAL:
        raise UsageError("An interval is from 1m to 3650d.")
    return every


def check_zone(name: str) -> str:
    """Return a time zone as the IANA database spells it; regardless of case."""
    known = available_timezones()
    if name in known:
        return name
    folded = {each.casefold(): each for each in known}
    if name.casefold() in folded:
        return folded[name.casefold()]
    raise UsageError(f"“{name[:40]}” is no time zone.{nearest_zone(name)}", hint=EXAMPLES)


def nearest_zone(name: str) -> str:
    """Return a sentence with the known zone that is most like this, or an empty string."""
    ends = {each.rpartition("/")[2].casefold(): each for each in sorted(available_timezones())}
    wanted = name.strip().replace(" ", "_").casefold()
    if wanted in ends:
        return f" Did you mean {ends[wanted]}?"
    whole = {each.casefold(): each for each in available_timezones()}
    for known, part in ((whole, wanted), (ends, wanted.rpartition("/")[2])):
        close = difflib.get_close_matches(part[:60], known, n=1, cutoff=0.7)
        if close:
            return f" Did you mean {known[close[0]]}?"
    return ""


def check_cron(text: str) -> str:
    """Return a cron expression of five fields that has a next time; the error names the field."""
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS) or len(text) > LONGEST_CRON:
        raise UsageError(
            f"A cron expression has five fields (minute, hour, day, month, weekday), at most "
            f"{LONGEST_CRON} characters in all; this one has {len(fields)}.",
            hint='For example `cron "0 2 * * *"`.',
        )
    for number, field in enumerate(fields):
        alone = ["*"] * len(fields)
        alone[number] = field
        if not _comes(" ".join(alone)):
            name, span = _CRON_FIELDS[number]
            raise UsageError(
                f"Field {number + 1} of the cron expression is the {name}, {span}: “{field[:40]}” "
                "is none.",
                hint='For example `cron "0 2 * * *"`.',
            )
    if not _comes(text):
        raise UsageError(f"The cron expression “{text[:40]}” never comes: no such day exists.")
    return " ".join(fields)


def _comes(cron: str) -> bool:
    try:
        return next(CronSim(cron, datetime.now(UTC)), None) is not None
    except CronSimError:
        return False


def _off(words: list[str], zone: str) -> Schedule | None:
    del zone
    _nothing_more(words)
    return None


def _every(words: list[str], zone: str) -> Schedule:
    """Read a length of time; of whole days, it begins at the same local time in its zone."""
    found = _LENGTH.fullmatch(words[0]) if words else None
    used = 1
    if found is None and len(words) > 1:
        found, used = _LENGTH.fullmatch(f"{words[0]} {words[1]}"), 2
    if found is None:
        raise UsageError("After `every`, write a length of time such as `30m`, `1h` or `1d`.")
    every = check_interval(int(found[1]) * _UNITS[found[2][0].lower()])
    rest = words[used:]
    if every % timedelta(days=1):
        if rest and rest[0] != "UTC":
            raise UsageError(
                "A time zone matters to days only.", hint="Leave it out: the interval goes on."
            )
        return Schedule(every=every)
    return Schedule(every=every, timezone=_zone(rest, zone))


def _hourly(words: list[str], zone: str) -> Schedule:
    return Schedule(cron=_HOURLY, timezone=_zone(words, zone))


def _daily(words: list[str], zone: str) -> Schedule:
    hour, minute, rest = _time(words, "daily 02:00")
    return Schedule(cron=f"{minute} {hour} * * *", timezone=_zone(rest, zone))


def _weekly(words: list[str], zone: str) -> Schedule:
    days = sorted({_weekday(day) for day in words[0].split(",")}) if words else []
    if not days:
        raise UsageError("After `weekly`, write a day and a time, such as `weekly mon 02:00`.")
    hour, minute, rest = _time(words[1:], "weekly mon 02:00")
    listed = ",".join(map(str, days))
    return Schedule(cron=f"{minute} {hour} * * {listed}", timezone=_zone(rest, zone))


def _cron(words: list[str], zone: str) -> Schedule:
    """Read an expression in one word or in five."""
    used = 1 if words and " " in words[0].strip() else len(_CRON_FIELDS)
    cron = check_cron(" ".join(words[:used]))
    return Schedule(cron=cron, timezone=_zone(words[used:], zone))


def _time(words: list[str], example: str) -> tuple[int, int, list[str]]:
    rest = words[1:] if words and words[0].casefold() == "at" else words
    found = _TIME.fullmatch(rest[0]) if rest else None
    if found is None:
        shown = f"“{rest[0][:40]}” is no time of day." if rest else "The time of day is missing."
        raise UsageError(shown, hint=f"From 00:00 to 23:59: `{example}`.")
    return int(found[1]), int(found[2]), rest[1:]


def _weekday(word: str) -> int:
    short = word[:3].casefold()
    whole = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
    if short not in WEEKDAYS or not whole[WEEKDAYS.index(short)].startswith(word.casefold()):
        raise UsageError(
            f"“{word[:40]}” is no day of the week.", hint=f"They are {', '.join(WEEKDAYS)}."
        )
    return WEEKDAYS.index(short)


def _zone(words: list[str], otherwise: str) -> str:
    _nothing_more(words[1:])
    return check_zone(words[0]) if words else otherwise


def _nothing_more(words: Sequence[str]) -> None:
    if words:
        raise UsageError(f"“{words[0][:40]}” is too much here.", hint=EXAMPLES)


def _length_text(every: timedelta) -> str:
    unit = next(unit for unit in ("d", "h", "m") if not every % _UNITS[unit])
    return f"{every // _UNITS[unit]}{unit}"


def _cron_text(cron: str) -> str:
    if cron == _HOURLY:
        return "hourly"
    for form, pattern in (("daily", _DAILY), ("weekly", _WEEKLY)):
        found = pattern.fullmatch(cron)
        if found:
            days = [WEEKDAYS[int(n)] for n in found[3].split(",")] if form == "weekly" else []
            time = f"{int(found[2]):02}:{int(found[1]):02}"
            return " ".join([form, *([",".join(days)] if days else []), time])
    return f'cron "{cron}"'


_FORMS: Mapping[str, Callable[[list[str], str], Schedule | None]] = {
    "off": _off,
    "every": _every,
    "hourly": _hourly,
    "daily": _daily,
    "weekly": _weekly,
    "cron": _cron,
}
