"""Keeping below the limits that a server announces in its answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from core.http.retry import parse_retry_after
from core.ports import Clock

_LONGEST_WAIT: Final = 120.0
_ROUNDING: Final = 1.0
_KEPT_FREE: Final = 10

Hear = Callable[[Mapping[str, str]], None]
"""Takes an answer's headers, with lower-case names."""


class HeldBack:
    """The pace of a server that says by ``Retry-After`` when it wants to be asked again.

    One throttled request holds all others back, as each of them would count against the limit.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0

    @asynccontextmanager
    async def turn(self, path: str) -> AsyncIterator[Hear]:  # noqa: ARG002 - all are alike
        """Wait as long as an answer asked for; within, tell the next answer's headers."""
        while (wait := self._until - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)
        yield self.hear

    def hear(self, headers: Mapping[str, str]) -> None:
        """Hold back as long as these headers ask for."""
        wait = parse_retry_after(headers.get("retry-after"), now=self._clock.now())
        if wait is not None:
            until = self._clock.monotonic() + min(wait, _LONGEST_WAIT)
            self._until = max(self._until, until)


class Unhurried:
    """The pace of a server that announces nothing."""

    @asynccontextmanager
    async def turn(self, path: str) -> AsyncIterator[Hear]:  # noqa: ARG002 - all are alike
        """Wait for nothing and learn nothing."""
        yield lambda _: None


def server_time(headers: Mapping[str, str]) -> float | None:
    """Return the time that an answer's ``Date`` says (RFC 9110 §6.6.1), or None."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return None


@dataclass(kw_only=True, slots=True)
class _Window:
    """One kind of request: what is left until `ends`, on the monotonic clock."""

    in_flight: int = 0
    left: int | None = None
    floor: int = 0
    ends: float = 0.0

    def opens_in(self, now: float) -> float:
        """Return how long to wait before one more request."""
        if now >= self.ends:
            self.left = None
        if self.left is None or self.left - self.in_flight > self.floor:
            return 0.0
        return self.ends - now


class RateWindows:
    """Obeys ``X-Rate-Limit-Limit``, ``-Remaining`` and ``-Reset`` before they run out.

    A tenth of each limit is left for others. The reset, a time of the server's clock in seconds,
    is compared with the answer's own ``Date``, so that a clock that is wrong here does not matter.

    Args:
        kind_of: from a path to the kind of request that is counted together.
    """

    def __init__(self, *, clock: Clock, kind_of: Callable[[str], str]) -> None:
        self._clock = clock
        self._kind_of = kind_of
        self._windows: dict[str, _Window] = {}

    @asynccontextmanager
    async def turn(self, path: str) -> AsyncIterator[Hear]:
        """Wait until a request of this kind may go out; within, tell the answer's headers."""
        window = self._windows.setdefault(self._kind_of(path), _Window())
        while (wait := window.opens_in(self._clock.monotonic())) > 0:
            await self._clock.sleep(wait)
        window.in_flight += 1
        try:
            yield lambda headers: self._hear(window, headers)
        finally:
            window.in_flight -= 1

    def _hear(self, window: _Window, headers: Mapping[str, str]) -> None:
        try:
            limit, left, reset = (
                int(headers[f"x-rate-limit-{name}"]) for name in ("limit", "remaining", "reset")
            )
        except (KeyError, ValueError):
            return
        said = server_time(headers)
        wait = reset - (self._clock.now().timestamp() if said is None else said) + _ROUNDING
        ends = self._clock.monotonic() + min(max(wait, _ROUNDING), _LONGEST_WAIT)
        same = window.left is not None and ends - window.ends <= _ROUNDING
        window.left = min(left, window.left) if same and window.left is not None else left
        window.floor, window.ends = limit // _KEPT_FREE, ends
