"""When an outbound request is worth another attempt, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.errors import TransientRemoteError
from core.http.limits import HttpLimits
from core.ports import Clock

RetryRule = Callable[[Exception], bool | float]
"""stamina's backoff hook: whether to try again after an error, or after how many seconds."""


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, or None (RFC 9110 §10.2.3).

    Both forms are understood, seconds and an HTTP date; nonsense is None and a past date is 0.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def retry_rule(limits: HttpLimits, clock: Clock) -> RetryRule:
    """Return the rule for one request that starts now.

    Transient faults are retried while `HttpLimits.retry_total` lasts; a ``Retry-After`` beyond
    the cap, or beyond that time, is left to the caller.
    """
    started = clock.monotonic()

    def worth_it(error: Exception) -> bool | float:
        if not isinstance(error, TransientRemoteError):
            return False
        wait = error.retry_after
        if wait is None:
            return clock.monotonic() - started < limits.retry_total
        left = limits.retry_total - (clock.monotonic() - started)
        return wait if wait <= min(limits.retry_after_cap, left) else False

    return worth_it
