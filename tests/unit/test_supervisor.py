"""Ending tasks, also those that lose a cancellation on the way."""

from __future__ import annotations

import asyncio

from bot.slack.supervisor import end


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same():
    lost = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if len(lost) == 2:
                    raise
                lost.append(True)

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    await end(tasks, again=0.01)
    assert lost == [True, True]
    assert all(task.done() for task in tasks)
