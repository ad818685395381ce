"""How the licenses were used over the last 90 days, in a line of text and in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from bot.slack.blocks import Message, context, message, section
from core.model.desk import LicenseDay

DAYS = 90
CELLS = 30
LEVELS = "▁▂▃▄▅▆▇█"


def daily(days: Sequence[LicenseDay], as_of: date) -> list[LicenseDay]:
    """Return a figure for each of the last 90 days that are known, oldest first.

    `days` are those on which anything changed; between them the pool stood as before.
    """
    filled: list[LicenseDay] = []
    left = sorted(days, key=lambda each: each.day)
    for n in range(DAYS, -1, -1):
        day = as_of - timedelta(days=n)
        before = [each for each in left if each.day <= day]
        if before:
            last = before[-1]
            filled.append(
                LicenseDay(day=day, total=last.total, used=last.used, waiting=last.waiting)
            )
    return filled


def sparkline(days: Sequence[LicenseDay], as_of: date) -> str:
    """Return the used licenses as a line of at most 30 blocks, or "" for less than two days."""
    known = daily(days, as_of)
    if len(known) < 2:  # noqa: PLR2004 - one day is no trend
        return ""
    most = max(max(each.total, each.used) for each in known) or 1
    cells = min(CELLS, len(known))
    chosen = [known[round(n * (len(known) - 1) / (cells - 1))] for n in range(cells)]
    return "".join(LEVELS[each.used * (len(LEVELS) - 1) // most] for each in chosen)


def in_words(days: Sequence[LicenseDay], as_of: date) -> str:
    """Return the trend in two sentences, for those who do not see the picture; plain text."""
    known = daily(days, as_of)
    if not known:
        return "How the licenses were used is known from today on."
    first, last = known[0], known[-1]
    if first is last:
        return f"Licenses in use: {last.used:,} of {last.total:,}. A trend shows from tomorrow on."
    peak = max(known, key=lambda each: each.used)
    text = (
        f"Licenses in use: {first.used:,} of {first.total:,} on {first.day:%Y-%m-%d}, "
        f"{last.used:,} of {last.total:,} on {last.day:%Y-%m-%d}. "
        f"The most were {peak.used:,}, on {peak.day:%Y-%m-%d}."
    )
    waited = max(known, key=lambda each: each.waiting)
    if waited.waiting:
        text += f" At most {waited.waiting:,} waited, on {waited.day:%Y-%m-%d}."
    return text


def trend_text(days: Sequence[LicenseDay], as_of: date, *, why: str = "") -> Message:
    """Return the trend without a picture; `why` says why there is none."""
    line, said = sparkline(days, as_of), in_words(days, as_of)
    text = f"`{line}`\n{said}" if line else said
    return message(said, section(text), *([context(why)] if why else []))
