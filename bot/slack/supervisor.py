"""Work that goes on after the acknowledgement: bounded, strongly referenced, drained at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any

import structlog

MOST = 1000
_log = structlog.get_logger(__name__)


class Supervisor:
    """Runs coroutines as tasks of its own.

    What is started never raises by contract of the caller; should it, that is logged here.
    """

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def room(self) -> bool:
        """Whether more work is taken."""
        return not self._stopping and len(self._tasks) < self._most

    @property
    def running(self) -> int:
        """How much is under way."""
        return len(self._tasks)

    def start(self, work: Coroutine[object, object, None]) -> bool:
        """Run `work`; return False, and drop it, when full or stopping."""
        if not self.room:
            work.close()
            _log.warning("slack_work_refused", running=len(self._tasks), stopping=self._stopping)
            return False
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return True

    async def drain(self, seconds: float) -> None:
        """Take nothing new, wait up to `seconds` for the rest, then cancel it."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait([*self._tasks], timeout=seconds)
        left = [*self._tasks]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=seconds)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("slack_work_failed", error=type(task.exception()).__name__)


async def end(tasks: Collection[asyncio.Task[Any]], *, again: float = 1.0) -> None:
    """Cancel tasks, once more every so many seconds, until all have ended.

    Once is not always enough: before Python 3.12 `asyncio.wait_for` may lose a cancellation.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again)
