"""Requests that come while others are carried out go together into the next transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[Q, A]):
    """Carries requests out in batches, one batch at a time, in the order in which they came.

    A transaction costs nearly the same for one request as for a hundred, so that a crowd does not
    wait longer than a few people do.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], *, most: int) -> None:
        self._work = work
        self._most = most
        self._turn = asyncio.Lock()
        self._open: _Batch[Q, A] | None = None

    async def ask(self, request: Q) -> A:
        """Return the answer; raises what `work` raises. A caller who gives up changes nothing."""
        batch = self._open
        if batch is None or len(batch.requests) >= self._most:
            batch = self._open = _Batch()
            batch.task = asyncio.create_task(self._carry_out(batch))
        position = len(batch.requests)
        batch.requests.append(request)
        answers = await asyncio.shield(batch.task)
        return answers[position]

    async def _carry_out(self, batch: _Batch[Q, A]) -> Sequence[A]:
        async with self._turn:
            if self._open is batch:
                self._open = None
            return await self._work(batch.requests)


class _Batch(Generic[Q, A]):
    task: asyncio.Task[Sequence[A]]

    def __init__(self) -> None:
        self.requests: list[Q] = []
