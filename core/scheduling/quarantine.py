"""A configuration that keeps failing is tried less and less often, and given up in the end. Pure.

While it fails, tries take the place of its schedule's slots. Whatever succeeds, a sync by hand too,
ends the quarantine, and the schedule goes on from there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.model.configuration import Configuration

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)
DAILY = timedelta(days=1)
DAILY_FROM = 12
"""So many failures in a row, after a good day of tries, make it daily."""
GIVEN_UP_AFTER = timedelta(days=28)


def wait_after(failures: int) -> timedelta:
    """Return how long after so many failures in a row the next try is.

    5 minutes after the first, doubling up to 6 hours, then a day.
    """
    if failures >= DAILY_FROM:
        return DAILY
    return min(FIRST_WAIT * (1 << max(0, failures - 1)), LONGEST_WAIT)


def next_try(configuration: Configuration, *, last: datetime | None = None) -> datetime | None:
    """Return when a configuration in quarantine is tried next, or None for any other.

    `last` is the last slot that was taken: one that came to nothing is waited for once more.
    """
    if not configuration.quarantined or configuration.failed_at is None:
        return None
    wait = wait_after(configuration.failures)
    due = configuration.failed_at + wait
    return due if last is None or last < due else last + wait


def due_try(trial: datetime, now: datetime) -> datetime | None:
    """Return when a try that is due was to be, or None if its time has not come.

    One that is further off than any wait was put there by a clock that was ahead: it is due now.
    """
    if trial > now + 2 * DAILY:
        return now
    return trial if trial <= now else None


def is_given_up(configuration: Configuration, now: datetime) -> bool:
    """Whether it is time to disable it: it has failed for 28 days."""
    since = configuration.failing_since
    return configuration.quarantined and since is not None and now >= since + GIVEN_UP_AFTER
