"""A held set is only ended by a reading that shows that nothing is to be held any more."""

from __future__ import annotations

from datetime import timedelta

from core.errors import TransientRemoteError
from core.model.cycle import HeldState
from core.model.freeze import Freeze, Frozen
from tests.support.scripted_directory import people
from tests.support.store_world import store_world


async def test_a_held_set_outlives_a_reading_that_proves_nothing_and_a_freeze(database_url):
    async with store_world(database_url, people(12)) as world:
        await world.cycle()
        world.directory.people = people(6)
        outcome, _ = await world.cycle()
        held = outcome.held_set_id
        honest = world.directory.bend
        world.directory.bend = lambda pages: [pages[0], TransientRemoteError("down")]
        await world.cycle()
        assert (await world.store.held.get(held)).state is HeldState.OPEN
        world.directory.bend = honest
        begins = world.clock.now().replace(tzinfo=None)
        today = (begins, begins + timedelta(hours=3))
        await world.apply(freeze=(Freeze(of=(Frozen.REMOVALS,), dates=today),))
        await world.cycle()
        assert (await world.store.held.get(held)).state is HeldState.OPEN
        await world.apply(freeze=())
        world.directory.people = people(12)
        await world.cycle()
        assert (await world.store.held.get(held)).state is HeldState.SUPERSEDED


async def test_a_release_of_long_ago_excuses_no_removal_of_today(database_url):
    """The same people came back since, and leave again."""
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.people = people(32)
        outcome, _ = await world.cycle()
        await world.release(outcome.held_set_id)
        world.directory.people = people(40)
        await world.cycle()
        world.clock.time += timedelta(days=10)
        world.directory.people = people(35)
        assert (await world.cycle())[1].counts.disabled == 5
        world.directory.people = people(32)
        outcome, cycle = await world.cycle()
        assert (outcome.held_set_id is not None, cycle.counts.disabled) == (True, 0)
