"""Expressions in whole cycles: a filter in the scope, values in the mapping."""

from __future__ import annotations

from core.model.account import UserStatus
from core.model.configuration import Guard, Scope
from core.model.cycle import CycleResult
from core.model.one_person import PersonStep
from tests.support.scripted_directory import person
from tests.support.store_world import StoreWorld, store_world

SALES = Scope(filter='department == "Sales"')
GUARD = Guard(minimum=100, percent=100)


def employee(number: int, department: object = "Sales") -> object:
    return person(number, attributes={"department": department})


async def statuses(world: StoreWorld) -> dict[str, UserStatus]:
    """Return where everybody stands, by user name."""
    return {user.user_name: user.status for user in await world.store.people.search(limit=100)}


async def test_a_filter_says_who_is_provisioned(database_url):
    everybody = [employee(1), employee(2, "Finance"), person(3), employee(4)]
    async with store_world(database_url, everybody, scope=SALES) as world:
        outcome, _ = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert set(await statuses(world)) == {"u1", "u4"}
        _, second = await world.cycle()
        assert second.counts.changed == 0
        assert world.directory.decoded == 4, "settled people are not decoded again"


async def test_who_moves_to_another_department_leaves_the_scope_and_comes_back(database_url):
    everybody = [employee(number) for number in range(1, 30)]
    async with store_world(database_url, everybody, scope=SALES, guard=GUARD) as world:
        await world.cycle()
        world.directory.change("u1", attributes={"department": "Finance"})
        await world.cycle()
        assert (await statuses(world))["u1"] is UserStatus.DISABLED
        world.directory.change("u1", attributes={"department": "Sales"})
        await world.cycle()
        assert (await statuses(world))["u1"] is UserStatus.INVITED


async def test_an_edit_of_the_filter_keeps_who_was_in(database_url):
    everybody = [employee(1), employee(2), employee(3, "Finance")]
    async with store_world(database_url, everybody, scope=SALES, guard=GUARD) as world:
        await world.cycle()
        await world.apply(scope=Scope(filter='department == "Finance"'))
        _, cycle = await world.cycle()
        assert (cycle.counts.created, cycle.counts.disabled) == (1, 0)
        assert set((await statuses(world)).values()) == {UserStatus.INVITED}


async def test_a_filter_that_fails_for_one_person_is_that_persons_error_and_removes_nobody(
    database_url,
):
    scope = Scope(filter='department.startsWith("S")')
    everybody = [employee(1), employee(2), employee(3)]
    async with store_world(database_url, everybody, scope=scope, guard=GUARD) as world:
        await world.cycle()
        world.directory.change("u1", attributes={"department": 7})
        world.directory.people.append(employee(4, 7))
        world.directory.change("u2", attributes={"department": "Finance"})
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert cycle.counts.errors == 2
        found = await statuses(world)
        assert found == {
            "u1": UserStatus.INVITED,
            "u2": UserStatus.DISABLED,
            "u3": UserStatus.INVITED,
        }
        user = await world.person("u1@example.com")
        (problem,) = await world.store.people.problems(user.id)
        assert problem.problem.code == "filter_failed"


async def test_a_filter_that_comes_to_no_answer_touches_nobody(database_url):
    everybody = [employee(1), employee(2)]
    async with store_world(database_url, everybody, guard=GUARD) as world:
        await world.cycle()
        await world.apply(scope=Scope(filter="department"))
        _, cycle = await world.cycle()
        assert (cycle.counts.errors, cycle.counts.disabled) == (2, 0)


async def test_values_of_the_mapping_are_worked_out_and_one_failure_is_a_warning(database_url):
    mapping = {"title": 'department + " team"', "organization": "'Example'"}
    everybody = [employee(1), employee(2, 7)]
    async with store_world(database_url, everybody, mapping=mapping) as world:
        _, cycle = await world.cycle()
        assert cycle.counts.warnings == 1
        ada, other = [await world.person(f"u{n}@example.com") for n in (1, 2)]
        assert ada.profile["title"] == "Sales team"
        assert "title" not in other.profile
        assert other.profile["organization"] == "Example"


async def test_one_person_is_told_what_the_filter_says(database_url):
    everybody = [employee(1), employee(2, "Finance")]
    async with store_world(database_url, everybody, scope=SALES) as world:
        for name, text in (
            ("u1", "in scope: the filter holds"),
            ("u2", "not in scope: the filter does not hold"),
        ):
            _, cycle = await world.one_person(name)
            run = await world.store.cycles.person_run(cycle.id)
            said = {each.step: each.text for each in run.steps}
            assert said[PersonStep.SCOPE] == text
