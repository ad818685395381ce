"""A configuration that keeps failing: tried less and less often, given up, and back again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest_asyncio

from core.errors import SignInError, TerminalRemoteError, TransientRemoteError
from core.model.configuration import Configuration, Schedule
from core.model.cycle import Cycle, CycleResult, Trigger
from core.scheduling.quarantine import next_try, wait_after
from core.scheduling.ticker import Ticker
from core.scheduling.worker import Worker
from tests.support.scripted_directory import ScriptedDirectory, people
from tests.support.store_world import ADA, StoreWorld, store_world

HOURLY = Schedule(every=timedelta(hours=1))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WAITS = [5, 10, 20, 40, 80, 160, 320, 360, 360, 360, 360, 1440, 1440]


class Turns:
    """A worker and tickers that do one thing when the test says so."""

    def __init__(self, world: StoreWorld) -> None:
        self.world = world
        self.ended = asyncio.Event()
        self.worker = self._worker()

    def _worker(self) -> Worker:
        return Worker(
            store=self.world.store,
            clock=self.world.clock,
            open_provider=self._open,
            poll=0.01,
            wake=self.ended.set,
        )

    async def _open(self, _: object) -> ScriptedDirectory:
        return self.world.directory

    async def tick(self, replicas: int = 1) -> None:
        tickers = [self._ticker() for _ in range(replicas)]
        await asyncio.gather(*(one.tick() for one in tickers))

    def _ticker(self) -> Ticker:
        return Ticker(store=self.world.store, clock=self.world.clock, wake=self.worker.poke)

    async def work(self) -> None:
        """Carry out what is queued."""
        self.ended.clear()
        running = asyncio.create_task(self.worker.run())
        async with asyncio.timeout(60):
            await self.ended.wait()
        await self.worker.stop(within=30.0)
        await running
        self.worker = self._worker()

    async def sync(self) -> Cycle:
        """Sync by hand."""
        queued = await self.world.queue()
        await self.work()
        return await self.world.store.cycles.get(queued.id)

    async def wait_for_a_cycle(self, step: timedelta, most: timedelta) -> datetime | None:
        """Tick every so often until a cycle starts, and carry it out; None if none does."""
        end = self.world.clock.time + most
        while self.world.clock.time < end:
            self.world.clock.time += step
            await self.tick()
            if await self.world.store.cycles.open_one((await self.now()).id):
                started = self.world.clock.time
                await self.work()
                return started
        return None

    async def now(self) -> Configuration:
        return await self.world.configuration()

    async def told(self) -> list[str]:
        rows = await self.world.sql("SELECT payload FROM outbox WHERE kind = 'alert' ORDER BY id")
        kinds = ("sign_in_needed", "sync_failed", "recovered", "given_up")
        return [kind for (payload,) in rows for kind in kinds if f'"{kind}"' in str(payload)]


@pytest_asyncio.fixture
async def turns(database_url: str) -> AsyncIterator[Turns]:
    async with store_world(database_url, people(6), schedule=HOURLY) as world:
        yield Turns(world)


def failing(turns: Turns, error: Exception | None = None) -> None:
    fault = error or TransientRemoteError("The provider is down.")
    turns.world.directory.bend = lambda _: [fault]


def test_the_waits_double_from_five_minutes_to_six_hours_and_become_daily():
    waits = [wait_after(failures) for failures in range(1, 60)]
    assert [wait // MINUTE for wait in waits[: len(WAITS)]] == WAITS
    assert waits == sorted(waits)
    assert set(waits[len(WAITS) :]) == {DAY}


async def test_tries_take_the_place_of_the_schedule_and_are_told_once(turns: Turns):
    failing(turns)
    assert await turns.wait_for_a_cycle(MINUTE, 2 * HOUR) is not None
    for minutes in WAITS[:5]:
        failed_at = (await turns.now()).failed_at
        assert next_try(await turns.now()) == failed_at + minutes * MINUTE
        tried = await turns.wait_for_a_cycle(MINUTE, DAY)
        assert tried - failed_at == minutes * MINUTE
    assert (await turns.now()).failures == 6
    assert await turns.told() == ["sync_failed"]


async def test_a_sync_by_hand_ends_it_and_the_schedule_goes_on_without_catching_up(turns: Turns):
    failing(turns)
    for _ in range(6):
        await turns.wait_for_a_cycle(5 * MINUTE, DAY)
    turns.world.directory.bend = list
    turns.world.clock.time += 100 * MINUTE
    assert (await turns.sync()).result is CycleResult.SUCCESS
    found = await turns.now()
    assert (found.failures, found.failing_since, found.quarantined) == (0, None, False)
    await turns.tick()
    assert await turns.world.store.cycles.open_one(found.id) is None
    started = await turns.wait_for_a_cycle(MINUTE, 2 * HOUR)
    assert started - found.created_at >= HOUR
    assert (started - found.created_at) % HOUR <= MINUTE
    assert await turns.told() == ["sync_failed", "recovered"]


async def test_a_cycle_that_has_ended_has_ended_the_quarantine_as_well(turns: Turns):
    """No worker comes after the cycle here, as if it had been killed."""
    failing(turns)
    await turns.world.cycle()
    assert ((await turns.now()).quarantined, await turns.told()) == (True, ["sync_failed"])
    turns.world.directory.bend = list
    await turns.world.cycle()
    assert not (await turns.now()).quarantined
    assert await turns.told() == ["sync_failed", "recovered"]


async def test_each_reason_is_told_once_until_it_works_again(turns: Turns):
    down, refused = TransientRemoteError("Down."), TerminalRemoteError("Refused.")
    for error in (down, refused, down, refused, down):
        failing(turns, error)
        await turns.sync()
        turns.world.clock.time += MINUTE
    assert await turns.told() == ["sync_failed", "sync_failed"]
    turns.world.directory.bend = list
    await turns.sync()
    turns.world.clock.time += MINUTE
    failing(turns, down)
    await turns.sync()
    assert await turns.told() == ["sync_failed", "sync_failed", "recovered", "sync_failed"]


async def test_on_day_28_it_is_disabled_once_however_many_replicas_tick(turns: Turns):
    failing(turns)
    await turns.sync()
    begun = (await turns.now()).failing_since
    tries = 0
    while (await turns.now()).enabled and tries < 60:
        turns.world.clock.time = max(next_try(await turns.now()), turns.world.clock.time + MINUTE)
        turns.world.clock.time = min(turns.world.clock.time, begun + 28 * DAY)
        await turns.tick(replicas=3)
        if await turns.world.store.cycles.open_one((await turns.now()).id):
            tries += 1
            await turns.work()
    found = await turns.now()
    assert turns.world.clock.time == begun + 28 * DAY
    assert 30 < tries < 45
    assert (found.enabled, found.disabled.reason) == (False, "failed for 28 days")
    assert await turns.told() == ["sync_failed", "given_up"]
    audited = await turns.world.store.audit.list(limit=100)
    assert [each.action for each in audited].count("config.disable") == 1
    await turns.tick()
    assert await turns.world.store.cycles.open_one(found.id) is None


async def test_enabled_again_it_starts_anew_and_at_the_next_slot(turns: Turns):
    failing(turns)
    await turns.sync()
    turns.world.clock.time += 29 * DAY
    await turns.tick()
    found = await turns.now()
    assert not found.enabled
    turns.world.clock.time += 3 * DAY
    audit = turns.world.audit()
    await turns.world.store.lifecycle.set_enabled(found.id, True, audit=audit)
    await turns.tick()
    assert (await turns.now()).enabled
    assert await turns.world.store.cycles.open_one(found.id) is None
    turns.world.clock.time += HOUR + MINUTE
    await turns.tick()
    assert (await turns.world.store.cycles.open_one(found.id)).trigger is Trigger.SCHEDULED


async def test_it_is_not_given_up_while_a_sync_runs_or_after_one_worked(turns: Turns):
    failing(turns)
    await turns.sync()
    turns.world.clock.time += 29 * DAY
    await turns.world.queue()
    await turns.tick()
    assert (await turns.now()).enabled
    turns.world.directory.bend = list
    await turns.work()
    await turns.tick()
    assert (await turns.now()).enabled
    assert await turns.told() == ["sync_failed", "recovered"]


async def test_a_try_that_was_cancelled_comes_again(turns: Turns):
    failing(turns)
    await turns.sync()
    turns.world.clock.time += 5 * MINUTE
    await turns.tick()
    found = await turns.now()
    tried = await turns.world.store.cycles.open_one(found.id)
    await turns.world.store.cycles.request_cancel(
        tried.id, by=ADA, audit=turns.world.audit(), now=turns.world.clock.now()
    )
    await turns.tick()
    assert await turns.world.store.cycles.open_one(found.id) is None
    turns.world.clock.time += 5 * MINUTE
    await turns.tick()
    assert await turns.world.store.cycles.open_one(found.id) is not None


async def test_lost_credentials_stop_every_slot_until_somebody_signs_in_again(turns: Turns):
    failing(turns, SignInError("The token was refused."))
    assert await turns.wait_for_a_cycle(MINUTE, 2 * HOUR) is not None
    stopped = await turns.now()
    assert (stopped.stopped_reason, stopped.quarantined) == ("sign_in_needed", False)
    assert await turns.wait_for_a_cycle(6 * HOUR, 40 * DAY) is None
    assert (await turns.now()).enabled
    turns.world.directory.bend = list
    assert (await turns.sync()).result is CycleResult.SUCCESS
    assert (await turns.now()).stopped_reason is None
    await turns.tick()
    assert await turns.world.store.cycles.open_one(stopped.id) is None
    assert await turns.wait_for_a_cycle(MINUTE, 2 * HOUR) is not None
    assert await turns.told() == ["sign_in_needed", "recovered"]


async def test_without_a_schedule_nothing_is_tried(turns: Turns):
    await turns.world.apply(schedule=None)
    failing(turns)
    await turns.sync()
    found = await turns.now()
    assert not found.quarantined
    assert next_try(replace(found, failures=9)) is None
    assert await turns.wait_for_a_cycle(6 * HOUR, 40 * DAY) is None
    assert (await turns.now()).enabled
