"""A cycle is asked for, or writes, at the moment at which its configuration ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from core.model.configuration import LeaveBehind
from core.model.cycle import Cycle, CycleResult, CycleState, Trigger
from core.store.cycles import queue_cycle
from core.store.database import Transaction
from core.store.fencing import check_fence
from tests.support.people import ADA, Desk

LONG_ENOUGH = 0.2
"""Seconds in which an act is done that nothing holds up."""


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    await desk.configure(licenses=2)
    return desk


async def queued_while(desk: Desk, ending: Callable[[], Awaitable[object]]) -> Cycle:
    """Queue a cycle in a transaction during which somebody ends the configuration."""
    (configuration,) = await desk.store.configurations.all()

    async def work(tx: Transaction) -> tuple[Cycle, asyncio.Task[object]]:
        cycle = await queue_cycle(
            tx,
            configuration=configuration.id,
            trigger=Trigger.MANUAL,
            dry_run=False,
            actor=ADA,
            channel=None,
            now=desk.clock.now(),
        )
        task = asyncio.ensure_future(ending())
        await asyncio.wait({task}, timeout=LONG_ENOUGH)
        return cycle, task

    cycle, task = await desk.store.cycles._database.write(work)
    await task
    return await desk.store.cycles.get(cycle.id)


async def test_a_cycle_queued_while_its_configuration_is_disabled_ends_with_it(desk):
    (configuration,) = await desk.store.configurations.all()
    cycle = await queued_while(
        desk,
        lambda: desk.store.lifecycle.set_enabled(configuration.id, False, audit=desk.entry()),
    )
    assert (cycle.state, cycle.result) == (CycleState.FINISHED, CycleResult.CANCELLED)
    assert await desk.store.cycles.claim(owner="w", now=desk.clock.now()) is None


async def test_a_cycle_queued_while_its_configuration_is_deleted_holds_up_no_other(desk):
    (configuration,) = await desk.store.configurations.all()
    cycle = await queued_while(
        desk,
        lambda: desk.store.lifecycle.delete(
            configuration.id,
            people=LeaveBehind.STAY,
            revision=configuration.revision,
            by=ADA,
            audit=desk.entry(),
        ),
    )
    assert (cycle.state, cycle.result) == (CycleState.FINISHED, CycleResult.CANCELLED)
    await desk.configure()
    await desk.queue()
    assert (await desk.claim("w")).configuration.enabled


async def test_disabling_waits_for_the_batch_under_way(desk):
    """Whoever is told that it is disabled can rely on it that nothing is written any more."""
    fence = await desk.begin()

    async def batch(tx: Transaction) -> tuple[bool, asyncio.Task[object]]:
        await check_fence(tx, fence)
        disabling = desk.store.lifecycle.set_enabled(
            fence.configuration_id, False, audit=desk.entry()
        )
        task = asyncio.ensure_future(disabling)
        await asyncio.wait({task}, timeout=LONG_ENOUGH)
        return task.done(), task

    was_told, task = await desk.store.cycles._database.write(batch)
    assert not was_told
    assert not (await task).enabled
