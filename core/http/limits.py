"""How long, how much and how often the outbound client may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from core.ports import Clock

_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpLimits:
    """Bounds of every outbound request; times in seconds, sizes in bytes.

    Attributes:
        total: one attempt from its first byte out to its last byte in.
        max_body: of one answer, after decompression.
        max_download: of one file, after decompression.
        attempts: how often one request is tried in all.
        retry_wait: before the second attempt; doubles from there, with jitter.
        retry_total: for all attempts and the waits between them.
        retry_after_cap: a longer ``Retry-After`` is not waited for but handed to the caller.
        redirects: how many same-origin redirects are followed.
        per_second: requests a second on average, with bursts of as many.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 120.0
    max_body: int = 32 * _MIB
    max_download: int = 512 * _MIB
    attempts: int = 4
    retry_wait: float = 0.5
    retry_wait_max: float = 10.0
    retry_total: float = 180.0
    retry_after_cap: float = 60.0
    redirects: int = 3
    per_second: float = 200.0


class RateBudget:
    """A token bucket: waits until the next request may go out."""

    def __init__(self, *, per_second: float, clock: Clock) -> None:
        self._rate = per_second
        self._clock = clock
        self._tokens = per_second
        self._at = clock.monotonic()
        self._lock = asyncio.Lock()

    async def spend(self) -> None:
        """Take one request's worth, sleeping first if there is none."""
        async with self._lock:
            now = self._clock.monotonic()
            self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < 1:
                await self._clock.sleep((1 - self._tokens) / self._rate)
                self._tokens, self._at = 1.0, self._clock.monotonic()
            self._tokens -= 1
