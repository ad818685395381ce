"""Working on a few things at a time, in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def in_order(
    records: Iterable[T], work: Callable[[T], Awaitable[R]], *, at_once: int
) -> AsyncGenerator[R, None]:
    """Yield what becomes of each one; so many are worked on at once."""
    running: deque[asyncio.Task[R]] = deque()
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


async def _awaited(work: Callable[[T], Awaitable[R]], record: T) -> R:
    return await work(record)
