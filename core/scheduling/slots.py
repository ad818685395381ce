"""When a configuration's next cycle is due: pure, in UTC, right through daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from core.model.configuration import Schedule

_WINDOWS = (timedelta(hours=2), timedelta(days=2), timedelta(days=35), timedelta(days=400))


def due_slot(
    schedule: Schedule, *, anchor: datetime, since: datetime, now: datetime
) -> datetime | None:
    """Return the latest slot after `since` and not after `now`, or None if none was missed.

    However long the program was down, there is one slot to catch up with. Slots of `every` are
    counted from `anchor`; a cron expression speaks of its zone's local time.
    """
    slot: datetime | None
    if schedule.every is not None:
        slot = _last_interval(schedule.every, anchor, now)
    elif schedule.cron is not None:
        slot = _last_cron(schedule.cron, ZoneInfo(schedule.timezone), since, now)
    else:
        return None
    return slot if slot is not None and since < slot <= now else None


def next_slot(schedule: Schedule, *, anchor: datetime, now: datetime) -> datetime | None:
    """Return the first slot after `now`, or None for a schedule without any."""
    if schedule.every is not None:
        return _last_interval(schedule.every, anchor, now) + schedule.every
    if schedule.cron is None:
        return None
    upcoming = next(CronSim(schedule.cron, now.astimezone(ZoneInfo(schedule.timezone))), None)
    return None if upcoming is None else upcoming.astimezone(UTC)


def _last_interval(every: timedelta, anchor: datetime, now: datetime) -> datetime:
    return anchor + every * ((now - anchor) // every)


def _last_cron(cron: str, zone: ZoneInfo, since: datetime, now: datetime) -> datetime | None:
    """Look back in growing windows, so that neither a minute's nor a year's slots take long."""
    for window in _WINDOWS:
        start = max(since, now - window)
        found = [slot.astimezone(UTC) for slot in _until(cron, start.astimezone(zone), now)]
        if found:
            return found[-1]
        if start == since:
            break
    return None


def _until(cron: str, start: datetime, now: datetime) -> takewhile[datetime]:
    return takewhile(lambda slot: slot <= now, CronSim(cron, start))
