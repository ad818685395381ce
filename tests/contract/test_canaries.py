"""The people whose presence proves a listing."""

from __future__ import annotations

from core.model.configuration import Guard
from tests.support.scripted_directory import people
from tests.support.store_world import store_world

LONGEST_HERE = ("u1", "u2", "u3")


async def test_whoever_has_lost_most_of_the_picked_canaries_is_told_what_to_do(database_url):
    """They may have left indeed, and the proof would then fail for ever."""
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.remove(*LONGEST_HERE)
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == 0
        assert cycle.error.code == "snapshot_unproven"
        assert "guard.canaries" in cycle.error.hint
        await world.apply(guard=Guard(canaries=("u9@example.com",)))
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == len(LONGEST_HERE)


async def test_a_named_canary_that_was_never_there_is_told_and_removes_nobody(database_url):
    async with store_world(database_url, people(40), guard=Guard(canaries=("boss",))) as world:
        _, cycle = await world.cycle()
        assert cycle.counts.created == 40
        assert "guard.canaries" in cycle.error.hint
        world.directory.remove("u9")
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == 0
