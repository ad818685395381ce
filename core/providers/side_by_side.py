"""Working on a page's records a few at a time, in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

Work = Callable[[bytes], Awaitable[bytes]]


async def in_order(
    records: Sequence[bytes], work: Work, *, at_once: int
) -> AsyncGenerator[bytes, None]:
    """Yield what becomes of each record; so many are worked on at once."""
    running: deque[asyncio.Task[bytes]] = deque()
    try:
        for record in records:
            running.append(asyncio.create_task(_awaited(work, record)))
            if len(running) >= at_once:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _awaited(work: Work, record: bytes) -> bytes:
    return await work(record)
