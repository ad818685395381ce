"""What people type after ``notify``: ``#channel failures held``, ``mute licenses for 4h``. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.errors import UsageError
from core.model.subscriptions import NoticeKind
from core.services.schedule_words import WEEKDAYS, check_zone

EVERYTHING = frozenset(NoticeKind)
EXAMPLES = (
    "Write `notify #channel failures held`, `notify off #channel`, `notify mute licenses for 4h`, "
    "`notify unmute` or `notify test`."
)
LONGEST_MUTE = timedelta(days=7)
USUAL_MUTE = timedelta(hours=24)
_ALL = frozenset({"all", "everything"})
_ALIASES = {
    "result": NoticeKind.RESULTS,
    "cycles": NoticeKind.RESULTS,
    "errors": NoticeKind.PARTIAL,
    "failure": NoticeKind.FAILURES,
    "failed": NoticeKind.FAILURES,
    "signin": NoticeKind.SIGN_IN,
    "sign_in": NoticeKind.SIGN_IN,
    "removals": NoticeKind.HELD,
    "license": NoticeKind.LICENSES,
    "change": NoticeKind.CHANGES,
    "records": NoticeKind.CHANGES,
}
_CHANNEL = re.compile(r"#?([CG][A-Z0-9]{6,30})")
_LENGTH = re.compile(r"([0-9]{1,5})(m|h|d)", re.IGNORECASE)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


class NotifyAct(StrEnum):
    """What is asked for."""

    SHOW = "show"
    ADD = "add"
    REMOVE = "off"
    MUTE = "mute"
    UNMUTE = "unmute"
    TEST = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyWords:
    """What was typed.

    Attributes:
        kinds: all of them where none is named.
        until: when a mute ends.
    """

    act: NotifyAct
    channel: str | None = None
    configuration: str | None = None
    kinds: frozenset[NoticeKind] = EVERYTHING
    until: datetime | None = None


def parse_notify(words: Sequence[str], *, now: datetime) -> NotifyWords:
    """Return what was typed. Raises `UsageError` that says what is wrong with which word."""
    first = words[0].casefold() if words else NotifyAct.SHOW.value
    rest = list(words[1:])
    if first in (NotifyAct.MUTE, NotifyAct.UNMUTE):
        return _mute(NotifyAct(first), rest, now)
    if first in ("off", "remove"):
        return _remove(rest)
    if first == NotifyAct.TEST:
        channel = channel_of(rest.pop(0)) if rest else None
        _nothing_more(rest)
        return NotifyWords(act=NotifyAct.TEST, channel=channel)
    if not words or (first in ("show", "list") and not rest):
        return NotifyWords(act=NotifyAct.SHOW)
    return _add(list(words))


def parse_kinds(words: Sequence[str]) -> frozenset[NoticeKind]:
    """Return the kinds that are named, apart from each other or with commas; all if none is."""
    named = [part for word in words for part in word.casefold().split(",") if part]
    found = [_kind(name) for name in named if name != "on"]
    return frozenset().union(*found) if found else EVERYTHING


def channel_of(word: str) -> str:
    """Return a channel's id. Raises `UsageError` for what is none."""
    found = _CHANNEL.fullmatch(word)
    if found is None:
        raise UsageError(
            f"“{word[:40]}” is no channel that I know.",
            hint="Choose the channel that Slack offers while you type, or give its id (C…).",
        )
    return found[1]


def parse_until(words: Sequence[str], *, now: datetime) -> datetime:
    """Return when a mute ends: ``for 4h``, ``until 18:00``, ``until mon 08:00 Europe/Berlin``.

    At most seven days from now; without words, a day. Times without a zone are UTC.
    """
    rest = [word for word in words if word.casefold() not in ("for", "until")]
    if not rest:
        return now + USUAL_MUTE
    length = _LENGTH.fullmatch(rest[0])
    if length is not None:
        _nothing_more(rest[1:])
        end = now + int(length[1]) * _UNITS[length[2].lower()]
    else:
        end = _moment(rest, now)
    if end <= now:
        raise UsageError("That time is over already.", hint="Write `until tomorrow 08:00`.")
    return min(end, now + LONGEST_MUTE)


def _mute(act: NotifyAct, words: list[str], now: datetime) -> NotifyWords:
    starts = (n for n, word in enumerate(words) if _begins_time(word))
    at = next(starts, len(words))
    if act is NotifyAct.UNMUTE:
        _nothing_more(words[at:])
        return NotifyWords(act=act, kinds=parse_kinds(words))
    return NotifyWords(
        act=act, kinds=parse_kinds(words[:at]), until=parse_until(words[at:], now=now)
    )


def _begins_time(word: str) -> bool:
    return word.casefold() in ("for", "until") or _LENGTH.fullmatch(word) is not None


def _remove(words: list[str]) -> NotifyWords:
    channels = [word for word in words if _CHANNEL.fullmatch(word)]
    others = [word for word in words if word not in channels]
    if len(channels) != 1 or len(others) > 1:
        raise UsageError("Say which channel: `notify off #channel`.", hint=EXAMPLES)
    return NotifyWords(
        act=NotifyAct.REMOVE,
        channel=channel_of(channels[0]),
        configuration=others[0] if others else None,
    )


def _add(words: list[str]) -> NotifyWords:
    """Read a channel with kinds, perhaps after a configuration's name."""
    named = not words[0].startswith("#") and not _CHANNEL.fullmatch(words[0])
    configuration = words.pop(0) if named else None
    if not words or (named and not words[0].startswith("#") and not _CHANNEL.fullmatch(words[0])):
        shown = words[0] if words else configuration or ""
        raise UsageError(f"“{shown[:40]}” does not fit here.", hint=EXAMPLES)
    channel = channel_of(words.pop(0))
    return NotifyWords(
        act=NotifyAct.ADD, channel=channel, configuration=configuration, kinds=parse_kinds(words)
    )


def _kind(name: str) -> frozenset[NoticeKind]:
    if name in _ALL:
        return EVERYTHING
    if name in _ALIASES:
        return frozenset({_ALIASES[name]})
    found = [kind for kind in NoticeKind if kind.value.startswith(name)]
    if len(found) != 1:
        listed = ", ".join(kind.value for kind in NoticeKind)
        raise UsageError(f"“{name[:40]}” is no kind of notice.", hint=f"They are {listed} and all.")
    return frozenset(found)


def _moment(words: list[str], now: datetime) -> datetime:
    zone = UTC if _is_moment(words[-1]) else ZoneInfo(check_zone(words.pop()))
    here = now.astimezone(zone)
    clock = _CLOCK.fullmatch(words[-1]) if words else None
    at = time(int(clock[1]), int(clock[2])) if clock else time(0)
    days = words[:-1] if clock else words
    _nothing_more(days[1:])
    day = _day(days[0], here.date()) if days else here.date()
    end = datetime.combine(day, at, tzinfo=zone)
    if not days and end <= here:
        end = datetime.combine(day + timedelta(days=1), at, tzinfo=zone)
    return end.astimezone(UTC)


def _is_moment(word: str) -> bool:
    plain = word.casefold()
    known = plain == "tomorrow" or plain[:3] in WEEKDAYS
    return known or bool(_CLOCK.fullmatch(word) or re.fullmatch(r"[0-9-]{8,10}", word))


def _day(word: str, today: date) -> date:
    plain = word.casefold()
    if plain == "tomorrow":
        return today + timedelta(days=1)
    if plain[:3] in WEEKDAYS:
        ahead = (WEEKDAYS.index(plain[:3]) - today.isoweekday()) % 7
        return today + timedelta(days=ahead or 7)
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise UsageError(
            f"“{word[:40]}” is no day.",
            hint="Write `until 18:00`, `until tomorrow 08:00`, `until mon 08:00` or a date.",
        ) from None


def _nothing_more(words: Sequence[str]) -> None:
    if words:
        raise UsageError(f"“{words[0][:40]}” is too much here.", hint=EXAMPLES)
