"""What a cycle says that it did, beside what it did."""

from __future__ import annotations

from core.model.configuration import Guard
from core.model.cycle import Action
from tests.support.scripted_directory import people, person
from tests.support.store_world import store_world

LEAVERS = [f"u{number}" for number in range(20, 29)]


async def test_people_who_left_are_not_taken_for_people_who_were_read(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        _, cycle = await world.release(outcome.held_set_id)
        counts = cycle.counts
        assert (counts.read, counts.disabled, counts.unchanged) == (21, 9, 21)


async def test_people_who_are_read_as_disabled_or_changed_are_not_unchanged(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove("u1")
        world.directory.change("u2", active=False)
        world.directory.change("u3", email="three@example.com")
        world.directory.change("u4", email="")
        world.directory.people.append(person("new"))
        _, preview = await world.cycle(dry_run=True)
        _, cycle = await world.cycle()
        for counts in (preview.counts, cycle.counts):
            assert (counts.read, counts.unchanged) == (30, 26)


async def test_a_preview_says_how_many_removals_would_be_held(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove(*LEAVERS)
        _, cycle = await world.cycle(dry_run=True)
        assert (cycle.counts.disabled, cycle.counts.held) == (0, 9)
        items = await world.store.cycles.plan(cycle.id)
        assert [item.action for item in items] == [Action.DISABLE] * 9


async def test_a_preview_says_how_many_creations_would_be_held(database_url):
    guard = Guard(max_creations=10)
    async with store_world(database_url, people(5), guard=guard) as world:
        await world.cycle()
        world.directory.people = people(20)
        _, cycle = await world.cycle(dry_run=True)
        assert (cycle.counts.created, cycle.counts.held, cycle.counts.unchanged) == (0, 15, 5)


async def test_a_set_that_is_still_held_counts_in_every_cycle_that_finds_it(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove(*LEAVERS)
        for _ in range(2):
            _, cycle = await world.cycle()
            assert (cycle.counts.disabled, cycle.counts.held) == (0, 9)


async def test_what_was_released_is_not_held_any_more(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        _, cycle = await world.release(outcome.held_set_id)
        assert (cycle.counts.disabled, cycle.counts.held) == (9, 0)
