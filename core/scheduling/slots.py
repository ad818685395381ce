"""When a configuration's next cycle is due: pure, in UTC, right through daylight saving.

A cron expression that names hours keeps to the wall clock: each of its local times is one slot, the
first of two where the clock is put back, and the end of the gap where it is put forward. One that
runs in every hour keeps to elapsed time: each minute that shows one of its local times is a slot.
How the fields are spelled makes no difference. `cronsim` reads the fields and walks the calendar.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from core.model.configuration import Schedule

_WINDOWS = (timedelta(hours=2), timedelta(days=2), timedelta(days=35), timedelta(days=400))
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_HOURS = 24
_HORIZON = timedelta(days=366 * 50)
MOST_SPREAD = timedelta(seconds=60)
SPREAD_SHARE = 0.03
"""Starts are spread over this part of the time between two slots, at most over a minute."""


def due_slot(
    schedule: Schedule, *, anchor: datetime, since: datetime, now: datetime
) -> datetime | None:
    """Return the latest slot after `since` and not after `now`, or None if none was missed.

    However long the program was down, there is one slot to catch up with. Slots of `every` are
    counted from `anchor`; a cron expression speaks of its zone's local time.
    """
    slot: datetime | None
    if schedule.every is not None:
        slot = _last_interval(schedule, schedule.every, anchor, now)
    elif schedule.cron is not None:
        slot = _last_cron(schedule.cron, ZoneInfo(schedule.timezone), since, now)
    else:
        return None
    return slot if slot is not None and since < slot <= now else None


def next_slot(schedule: Schedule, *, anchor: datetime, now: datetime) -> datetime | None:
    """Return the first slot after `now`, or None for a schedule without any."""
    return next(upcoming(schedule, anchor=anchor, after=now), None)


def upcoming(schedule: Schedule, *, anchor: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the slots after `after` in order, each once; endless, or empty without any."""
    if schedule.every is not None:
        last = _last_interval(schedule, schedule.every, anchor, after)
        count = _nth(schedule, schedule.every, anchor, last)
        while True:
            count += 1
            yield _interval(schedule, schedule.every, anchor, count)
    if schedule.cron is not None:
        yield from _cron_slots(schedule.cron, ZoneInfo(schedule.timezone), after)


def spread(schedule: Schedule, *, anchor: datetime, slot: datetime, key: str) -> timedelta:
    """Return how long after a slot its cycle starts, so that not all start at once.

    The same for the same `key` and slot in every replica, and far less than the time to the next
    slot.
    """
    following = next_slot(schedule, anchor=anchor, now=slot)
    if following is None:
        return timedelta()
    room = min(MOST_SPREAD, (following - slot) * SPREAD_SHARE)
    part = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")
    return room * (part / 2**32)


def _local_days(schedule: Schedule, every: timedelta) -> bool:
    """Whether an interval is of whole days that begin at the same local time."""
    return schedule.timezone != "UTC" and not every % _DAY


def _interval(schedule: Schedule, every: timedelta, anchor: datetime, count: int) -> datetime:
    if not _local_days(schedule, every):
        return anchor + every * count
    zone = ZoneInfo(schedule.timezone)
    return _instant(_wall(anchor, zone) + every * count, zone)


def _last_interval(
    schedule: Schedule, every: timedelta, anchor: datetime, now: datetime
) -> datetime:
    """Return the latest slot of an interval that is not after `now`."""
    count = (now - anchor) // every + 1
    while (slot := _interval(schedule, every, anchor, count)) > now:
        count -= 1
    return slot


def _nth(schedule: Schedule, every: timedelta, anchor: datetime, slot: datetime) -> int:
    """Return which slot of an interval this is."""
    count = (slot - anchor) // every + 1
    while _interval(schedule, every, anchor, count) > slot:
        count -= 1
    return count


def _last_cron(cron: str, zone: ZoneInfo, since: datetime, now: datetime) -> datetime | None:
    """Look back in growing windows, so that neither a minute's nor a year's slots take long."""
    for window in _WINDOWS:
        start = max(since, now - window)
        found = list(takewhile(lambda slot: slot <= now, _cron_slots(cron, zone, start)))
        if found:
            return found[-1]
        if start == since:
            break
    return None


def _cron_slots(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    fields = CronSim(cron, _wall(after, zone))
    if len(fields.hours) == _HOURS:
        return _elapsed(fields, zone, after)
    return _by_the_clock(fields, zone, after)


def _by_the_clock(fields: CronSim, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the instants of local times, which `cronsim` lists on a calendar without zones."""
    last = after
    for wall in fields:
        slot = _instant(wall, zone)
        if slot > last:
            last = slot
            yield slot


def _elapsed(fields: CronSim, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Walk through the minutes of the days that fit, and leap over those that do not."""
    moment = after.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    while moment - after < _HORIZON:
        wall = _wall(moment, zone)
        if not _fits(fields, wall.date()):
            moment = _next_day(fields, wall.date(), zone)
            continue
        if wall.minute in fields.minutes:
            yield moment
        leap = min((minute - wall.minute - 1) % 60 + 1 for minute in fields.minutes) * _MINUTE
        as_far = _wall(moment + leap, zone) - wall == leap
        moment += leap if as_far else _MINUTE


def _fits(fields: CronSim, day: date) -> bool:
    return day.month in fields.months and fields.match_day(day)


def _next_day(fields: CronSim, day: date, zone: ZoneInfo) -> datetime:
    """Return when the next day that fits begins, within a year."""
    for _ in range(366):
        day += _DAY
        if _fits(fields, day):
            break
    return _instant(datetime.combine(day, time()), zone)


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when clocks first show a local time, or the end of the gap that it falls into."""
    while True:
        slot = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if _wall(slot, zone) == wall.replace(fold=0):
            return slot
        wall += _MINUTE
