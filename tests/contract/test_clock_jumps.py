"""A clock that was far ahead for a while and was set right again."""

from __future__ import annotations

from datetime import timedelta

from core.errors import TransientRemoteError
from core.model.configuration import Schedule
from core.model.cycle import CycleResult
from core.scheduling.ticker import Ticker
from tests.contract.test_delta_cycles import DELTA, page
from tests.support.scripted_directory import people
from tests.support.store_world import StoreWorld, store_world

YEAR = timedelta(days=365, minutes=5)


async def scheduled(world: StoreWorld) -> CycleResult | None:
    """Let the clock tick once, and run the cycle that is due by that."""
    await Ticker(store=world.store, clock=world.clock, wake=lambda: None).tick()
    if await world.store.cycles.open_one((await world.configuration()).id) is None:
        return None
    return (await world.run()).result


async def test_slots_that_were_taken_in_the_future_do_not_stop_a_schedule(database_url):
    async with store_world(database_url, people(3)) as world:
        await world.apply(schedule=Schedule(every=timedelta(hours=1)))
        world.clock.time += YEAR
        assert await scheduled(world) is CycleResult.SUCCESS
        world.clock.time -= YEAR - timedelta(hours=2, minutes=5)
        assert await scheduled(world) is CycleResult.SUCCESS
        assert await scheduled(world) is None
        world.clock.time += timedelta(hours=1)
        assert await scheduled(world) is CycleResult.SUCCESS


async def test_a_failure_in_the_future_is_tried_again_now(database_url):
    """Certificates are over for a clock that is ahead."""
    async with store_world(database_url, people(3)) as world:
        await world.apply(schedule=Schedule(every=timedelta(hours=1)))
        honest = world.directory.bend
        world.directory.bend = lambda _: [TransientRemoteError("certificate has expired")]
        world.clock.time += YEAR
        assert await scheduled(world) is CycleResult.FAILURE
        world.directory.bend = honest
        world.clock.time -= YEAR - timedelta(hours=2, minutes=5)
        assert await scheduled(world) is CycleResult.SUCCESS
        world.clock.time += timedelta(hours=1)
        assert await scheduled(world) is CycleResult.SUCCESS


async def test_everything_is_read_where_the_last_whole_reading_was_in_the_future(database_url):
    async with store_world(database_url, people(3), directory=DELTA) as world:
        world.directory.changes = [page()]
        world.clock.time += YEAR
        await world.cycle()
        world.clock.time -= YEAR
        kinds = [(await world.cycle())[1].reading for _ in range(2)]
        assert kinds == ["full", "delta"]
