"""Requests that go together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from core.services.together import Together


class Work:
    """Doubles numbers, each batch when the test lets it; keeps what came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Semaphore(0)
        self.go = asyncio.Semaphore(0)

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.begun.release()
        await self.go.acquire()
        if -1 in numbers:
            raise ValueError("minus one")
        return [2 * number for number in numbers]


async def test_what_comes_while_a_batch_is_carried_out_goes_together_into_the_next():
    work = Work()
    together = Together(work, most=3)
    first = asyncio.create_task(together.ask(1))
    await work.begun.acquire()
    others = [asyncio.create_task(together.ask(number)) for number in (2, 3, 4, 5)]
    for _ in range(3):
        work.go.release()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8, 10]
    assert work.batches == [[1], [2, 3, 4], [5]]


async def test_whoever_gives_up_changes_nothing_for_the_others():
    work = Work()
    together = Together(work, most=10)
    asked = [asyncio.create_task(together.ask(number)) for number in (1, 2, 3)]
    await work.begun.acquire()
    asked[1].cancel()
    work.go.release()
    assert await asked[2] == 6
    assert await asked[0] == 2
    assert work.batches == [[1, 2, 3]]


async def test_a_batch_that_fails_fails_for_its_own_only():
    work = Work()
    together = Together(work, most=10)
    bad = [asyncio.create_task(together.ask(number)) for number in (1, -1)]
    await work.begun.acquire()
    good = asyncio.create_task(together.ask(4))
    work.go.release()
    work.go.release()
    for task in bad:
        with pytest.raises(ValueError, match="minus one"):
            await task
    assert await good == 8
