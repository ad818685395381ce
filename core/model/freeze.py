"""Windows in which removals or invitations wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

WEEK_MINUTES = 7 * 24 * 60
_MOST_IN_A_ROW = 100
_WEEK = timedelta(weeks=1)


class Frozen(StrEnum):
    """What a freeze keeps waiting."""

    REMOVALS = "removals"
    INVITATIONS = "invitations"


EVERYTHING = (Frozen.REMOVALS, Frozen.INVITATIONS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """A window in the local time of a zone: one in the calendar, or the same one every week.

    Exactly one of `dates` and `week` is given.

    Attributes:
        of: what waits.
        dates: when it begins and when it is over.
        week: the same in minutes after Monday 00:00; the end may be before the beginning, over
            the turn of the week.
    """

    of: tuple[Frozen, ...] = EVERYTHING
    timezone: str = "UTC"
    dates: tuple[datetime, datetime] | None = None
    week: tuple[int, int] | None = None

    def window(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return when it is frozen, now or next, in UTC; None if that is over for good."""
        zone = ZoneInfo(self.timezone)
        for begin, end in _local_windows(self, now.astimezone(zone).replace(tzinfo=None)):
            opens, closes = (m.replace(tzinfo=zone).astimezone(UTC) for m in (begin, end))
            if closes > now and opens < closes:
                return opens, closes
        return None

    def end_at(self, now: datetime) -> datetime | None:
        """Return when the window is over, in UTC, or None if `now` is in none."""
        zone = ZoneInfo(self.timezone)
        if self.dates is not None:
            begin, end = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in self.dates)
            return end if begin <= now < end else None
        if self.week is not None:
            return _end_in_week(*self.week, zone, now)
        return None


def frozen_until(windows: Sequence[Freeze], what: Frozen, now: datetime) -> datetime | None:
    """Return when `what` goes on, in UTC, or None if nothing keeps it waiting.

    Windows that overlap or follow each other without a gap are waited for together.
    """
    moment = now
    for _ in range(_MOST_IN_A_ROW):
        ends = [window.end_at(moment) for window in windows if what in window.of]
        later = max((end for end in ends if end is not None), default=None)
        if later is None:
            break
        moment = later
    return moment if moment > now else None


def _local_windows(freeze: Freeze, wall: datetime) -> list[tuple[datetime, datetime]]:
    if freeze.dates is not None:
        return [freeze.dates]
    if freeze.week is None:
        return []
    begin, end = freeze.week
    monday = datetime.combine(wall.date() - timedelta(days=wall.weekday()), datetime.min.time())
    length = timedelta(minutes=end - begin if end > begin else end - begin + WEEK_MINUTES)
    starts = [monday + n * _WEEK + timedelta(minutes=begin) for n in (-1, 0, 1, 2)]
    return [(start, start + length) for start in starts]


def _end_in_week(begin: int, end: int, zone: ZoneInfo, now: datetime) -> datetime | None:
    wall = now.astimezone(zone).replace(tzinfo=None)
    monday = datetime.combine(wall.date() - timedelta(days=wall.weekday()), datetime.min.time())
    for start in (monday - _WEEK, monday):
        opens = start + timedelta(minutes=begin)
        closes = start + timedelta(minutes=end if end > begin else end + WEEK_MINUTES)
        if opens <= wall < closes:
            over = closes.replace(tzinfo=zone).astimezone(UTC)
            return over if over > now else None
    return None
