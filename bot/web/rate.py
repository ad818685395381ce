"""How often an application may ask."""

from __future__ import annotations

import time
from collections.abc import Callable


class Rates:
    """A bucket of requests for each key, which fills up again steadily.

    Each process counts for itself: it is itself that it guards, and nothing that must be exact
    depends on it. That is the store's alone: who holds a license, and who is first in line.
    """

    def __init__(
        self, *, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, key: int) -> bool:
        """Take one request from a key's bucket; False if it is empty."""
        now = self._clock()
        left, since = self._buckets.get(key, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._per_second)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        return allowed
