"""Who is deleted for good is in no table any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.model.configuration import Guard, LeaveBehind
from core.store.schema import metadata
from tests.support.scripted_directory import people, person, team
from tests.support.store_world import ADA, StoreWorld, store_world

MARK = "zebra"


async def tables_that_name(world: StoreWorld, mark: str) -> set[str]:
    """Return the tables with the mark anywhere in a row."""
    found = set()
    for table in metadata.sorted_tables:
        for row in await world.sql(f"SELECT * FROM {table.name}"):
            if mark in repr(row).lower():
                found.add(table.name)
    return found


async def draft(world: StoreWorld, canary: str) -> None:
    """Begin to edit the configuration, and leave it at that."""
    about = await world.configuration()
    await world.store.drafts.begin(
        "slack:U1",
        about.id,
        revision=about.revision,
        fields={"canaries": canary.upper()},
        now=world.clock.now(),
    )


async def test_somebody_deleted_for_good_is_named_nowhere(database_url):
    marked = person(
        MARK, id=f"id-{MARK}", email=f"{MARK}@example.com", attributes={"shoe": f"{MARK} size"}
    )
    teams = [team("all", [marked.id, "u1"])]
    async with store_world(
        database_url,
        [*people(20), marked],
        teams,
        mapping={"shoe_size": "shoe"},
        guard=Guard(percent=0, minimum=0, canaries=(f"{MARK}@example.com", MARK)),
    ) as world:
        await world.cycle(dry_run=True)
        await world.cycle()
        await world.apply(mapping={"shoe_size": "shoe"}, guard=Guard(percent=0, minimum=0))
        await draft(world, f"{MARK}2@example.com")
        await world.cycle()
        world.directory.change(marked.id, email=f"{MARK}2@example.com")
        await world.cycle()
        await world.one_person(f"{MARK}2@example.com")
        assert {
            "users",
            "changes",
            "links",
            "problems",
            "personal_cycles",
            "drafts",
        } <= await tables_that_name(world, MARK)
        world.directory.remove(marked.id)
        for _ in range(3):
            outcome, _ = await world.cycle(dry_run=True)
            outcome, _ = await world.cycle()
            if outcome.held_set_id:
                await world.release(outcome.held_set_id)
            world.clock.time += timedelta(days=31)
        assert await tables_that_name(world, MARK) == set()


async def test_a_deleted_configuration_names_nobody(database_url):
    guard = Guard(canaries=(f"{MARK}@example.com", MARK))
    async with store_world(database_url, people(3), guard=guard) as world:
        await world.apply(guard=replace(guard, percent=20))
        assert await tables_that_name(world, MARK) == {"configurations"}
        found = await world.configuration()
        await world.store.lifecycle.delete(
            found.id,
            people=LeaveBehind.STAY,
            revision=found.revision,
            by=ADA,
            audit=world.audit(),
        )
        assert await tables_that_name(world, MARK) == set()


async def test_whoever_was_deleted_for_good_and_comes_back_is_in_their_groups_again(database_url):
    """The directory still names them in the group, while they are gone too."""
    everybody = people(21)
    teams = [team("all", ["u1", "u21"])]
    async with store_world(database_url, everybody, teams) as world:
        await world.cycle()
        world.directory.remove("u21")
        for _ in range(3):
            await world.cycle()
            world.clock.time += timedelta(days=31)
        assert await world.person("u21@example.com") is None
        world.directory.people = everybody
        for _ in range(2):
            await world.cycle()
        assert (await world.person("u21@example.com")).groups == ("all",)
