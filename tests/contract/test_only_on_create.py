"""Attributes that are written when somebody is created, and never afterwards."""

from __future__ import annotations

from core.model.cycle import CycleResult
from core.model.one_person import PersonStep
from tests.support.scripted_directory import Person, person
from tests.support.store_world import StoreWorld, store_world

MAPPING = {"title": "title", "department": "department", "display_name": "name"}
ONCE = {"mapping": MAPPING, "only_on_create": ("display_name", "title")}


def employee(number: int, title: str, department: str = "Sales", name: str = "Ada") -> Person:
    values = {"title": title, "department": department, "name": name}
    return person(number, attributes=values)


async def profile(world: StoreWorld, number: int = 1) -> dict[str, object]:
    """Return what the account has of somebody."""
    found = await world.person(f"u{number}@example.com")
    assert found is not None
    kept = {name: found.profile.get(name) for name in ("title", "department")}
    return {**kept, "name": found.display_name}


async def test_it_is_written_at_first_and_stays_while_everything_else_follows(database_url):
    async with store_world(database_url, [employee(1, "Clerk"), employee(2, "x")], **ONCE) as world:
        await world.cycle()
        assert await profile(world) == {"title": "Clerk", "department": "Sales", "name": "Ada"}
        world.directory.people[0] = employee(1, "Chief", "Finance", "Eve")
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert await profile(world) == {"title": "Clerk", "department": "Finance", "name": "Ada"}
        (change,) = await world.changes(cycle)
        assert (change.before, change.after) == (
            {"department": "Sales"},
            {"department": "Finance"},
        )


async def test_nobody_is_changed_for_it_alone(database_url):
    async with store_world(database_url, [employee(1, "Clerk")], **ONCE) as world:
        await world.cycle()
        world.directory.people[0] = employee(1, "Chief")
        _, cycle = await world.cycle()
        assert (cycle.counts.changed, cycle.counts.unchanged) == (0, 1)
        _, again = await world.cycle()
        assert world.directory.decoded == 2, "settled under the new bytes"
        assert again.counts.changed == 0


async def test_whoever_comes_back_has_what_they_had(database_url):
    everybody = [employee(number, "Clerk") for number in (1, 2, 3)]
    async with store_world(database_url, everybody, **ONCE) as world:
        await world.cycle()
        world.directory.change("u1", active=False)
        await world.cycle()
        world.directory.people[0] = employee(1, "Chief", "Finance")
        _, cycle = await world.cycle()
        assert cycle.counts.enabled == 1
        assert await profile(world) == {"title": "Clerk", "department": "Finance", "name": "Ada"}


async def test_somebody_whom_the_account_had_already_keeps_theirs(database_url):
    async with store_world(database_url, [], **ONCE) as world:
        await world.sql(
            "INSERT INTO users (account_id, id, user_name, display_name, email, match_key, status,"
            " profile, created_at, updated_at) VALUES (:account, 900, 'u1', 'Old', "
            "'u1@example.com', 'u1@example.com', 'active', '{\"title\":\"Owner\"}', 1, 1)"
        )
        world.directory.people = [employee(1, "Clerk")]
        _, cycle = await world.cycle()
        assert cycle.counts.linked == 1
        found = await profile(world)
        assert (found["title"], found["department"]) == ("Owner", "Sales")


async def test_an_edit_that_lifts_it_brings_everybody_up_to_date(database_url):
    async with store_world(database_url, [employee(1, "Clerk")], **ONCE) as world:
        await world.cycle()
        world.directory.people[0] = employee(1, "Chief")
        await world.cycle()
        await world.apply(only_on_create=())
        _, cycle = await world.cycle()
        assert cycle.counts.updated == 1
        assert (await profile(world))["title"] == "Chief"
        await world.apply(only_on_create=("title",))
        _, cycle = await world.cycle()
        assert cycle.counts.changed == 0, "back again, nobody is changed for that"


async def test_the_steps_of_one_person_say_what_stays(database_url):
    async with store_world(database_url, [employee(1, "Clerk")], **ONCE) as world:
        await world.one_person("u1@example.com")
        world.directory.people[0] = employee(1, "Chief", "Finance")
        _, cycle = await world.one_person("u1@example.com")
        found = await world.store.cycles.person_run(cycle.id)
        (step,) = [each for each in found.steps if each.step is PersonStep.MAPPING]
        assert step.text.endswith("without display_name, title: only on create")
        assert (await profile(world))["title"] == "Clerk"
