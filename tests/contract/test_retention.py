"""What is kept and what goes when data has become old."""

from __future__ import annotations

from datetime import timedelta

from core.model.configuration import Schedule
from core.model.cycle import Action
from core.scheduling.ticker import Ticker
from tests.support.people import Desk, record
from tests.support.store_world import store_world

WEEK = timedelta(days=7)


async def test_a_slot_that_is_over_does_not_come_again_once_it_is_older_than_the_retention(
    database_url,
):
    async with store_world(database_url) as world:
        await world.apply(schedule=Schedule(cron="0 2 1 * *"))
        ticker = Ticker(store=world.store, clock=world.clock, wake=lambda: None, retention=WEEK)
        world.clock.time += timedelta(days=35)
        await ticker.tick()
        await world.run()
        for _ in range(2):
            world.clock.time += timedelta(days=10)
            await ticker.purge()
            await ticker.tick()
            assert await world.store.cycles.count() == 1
        world.clock.time += timedelta(days=10)
        await ticker.tick()
        assert await world.store.cycles.count() == 2


async def test_what_is_old_goes_in_parts_so_that_nobody_waits_for_all_of_it(store, clock):
    desk = Desk(store, clock)
    await desk.configure()
    await desk.cycle([record(f"p{n}") for n in range(8)])
    clock.time += timedelta(days=401)
    await desk.cycle(
        [record("p1"), record("new")],
        lambda pair: Action.NOTHING if pair.user_id else Action.CREATE,
    )
    before = clock.now() - timedelta(days=400)
    assert (await store.maintenance.purge(before=before, part=3))["changes"] == 8
    rows = await desk.sql("SELECT label FROM changes WHERE label <> ''")
    assert [label for (label,) in rows] == ["new@example.com"]
    assert (await store.maintenance.purge(before=before, part=3))["changes"] == 0
