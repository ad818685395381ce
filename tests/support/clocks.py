"""The clock of the machine, for tests whose subject is not time."""

import asyncio
import time
from datetime import UTC, datetime


class WallClock:
    """Real time; see `core.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
