"""The clock of the machine, right or wrong."""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class WallClock:
    """Real time; see `core.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class AheadClock(WallClock):
    """A machine's clock that is so much ahead of everybody else's."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead
