"""When the licenses run out, from how their use grew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

from core.model.account import LicenseSummary
from core.model.desk import Forecast, LicenseDay, Outlook

LOOK_BACK = 30
"""Over how many days the growth is looked at."""
FEWEST_DAYS = 7
HORIZON = 3_650


def forecast(days: Sequence[LicenseDay], pool: LicenseSummary, today: date) -> Forecast:
    """Return when no license is free any more, if the use goes on growing as it did.

    `days` are those on which anything changed, oldest first. The growth is that from the oldest
    known day of the last 30 to now, licenses that were given back counted off; at least 7 days
    must be known.
    """
    if not pool.free:
        return Forecast(outlook=Outlook.EXHAUSTED)
    start = _start(days, today)
    if start is None or (today - start.day).days < FEWEST_DAYS:
        return Forecast(outlook=Outlook.TOO_EARLY)
    over = (today - start.day).days
    per_day = (pool.used - start.used) / over
    if per_day <= 0 or pool.free / per_day > HORIZON:
        return Forecast(outlook=Outlook.LASTS, per_day=per_day, over=over)
    return Forecast(
        outlook=Outlook.RUNS_OUT,
        day=today + timedelta(days=math.ceil(pool.free / per_day)),
        per_day=per_day,
        over=over,
    )


def _start(days: Sequence[LicenseDay], today: date) -> LicenseDay | None:
    """Return how the pool stood when the look back begins, or when it is first known."""
    begin = today - timedelta(days=LOOK_BACK)
    before = [each for each in days if each.day <= begin]
    if before:
        last = before[-1]
        return LicenseDay(day=begin, total=last.total, used=last.used, waiting=last.waiting)
    return days[0] if days else None
