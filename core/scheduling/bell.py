"""Something to wait at: until somebody rings, or until it is time to look anyway."""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes everybody who waits at it."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake those who wait now, or the next one to wait."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, at most so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()
