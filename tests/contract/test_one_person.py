"""One person on demand: the decisions of a whole cycle for exactly one person."""

from __future__ import annotations

import dataclasses

import pytest

from core.engine.verdict import judge_end
from core.errors import AlreadyRunningError, SignInError, TransientRemoteError
from core.model.account import UserStatus
from core.model.configuration import Guard, InvitationWay, Scope
from core.model.cycle import Action, Cycle, CycleResult, HeldState, Trigger
from core.model.one_person import PersonRun, PersonStep, StepState
from tests.support.asked_directory import AskedDirectory
from tests.support.scripted_directory import people, person, team
from tests.support.store_world import ADA, StoreWorld, store_world

LEAVERS = [f"u{number}" for number in range(20, 29)]


async def steps(world: StoreWorld, cycle: Cycle) -> PersonRun:
    """Return what each step found."""
    run = await world.store.cycles.person_run(cycle.id)
    assert run is not None
    return run


async def texts(world: StoreWorld, cycle: Cycle) -> dict[PersonStep, str]:
    """Return the text of each step."""
    return {each.step: each.text for each in (await steps(world, cycle)).steps}


async def test_a_newcomer_is_created_and_invited_with_every_step_told(database_url):
    teams = [team("Engineering", ["u3"])]
    scope = Scope(groups=("Engineering",), domains=("example.com",))
    everybody = [*people(2), person(3, attributes={"title": "Engineer"})]
    async with store_world(
        database_url, everybody, teams, scope=scope, mapping={"title": "title"}
    ) as world:
        outcome, cycle = await world.one_person("u3@example.com")
        assert outcome.result is CycleResult.SUCCESS
        assert cycle.trigger is Trigger.ON_DEMAND
        assert (cycle.counts.read, cycle.counts.created, cycle.counts.invited) == (1, 1, 1)
        run = await steps(world, cycle)
        assert [each.step for each in run.steps] == list(PersonStep)
        assert {each.state for each in run.steps} == {StepState.OK}
        told = await texts(world, cycle)
        assert told[PersonStep.FOUND] == "u3@example.com, id u3, active"
        assert told[PersonStep.SCOPE] == "in scope: member of Engineering, address in example.com"
        assert told[PersonStep.PLAN] == "create: in scope and not in the account yet"
        assert told[PersonStep.DONE] == "created, and the invitation goes out by mail"
        mapped = next(each for each in run.steps if each.step is PersonStep.MAPPING)
        assert mapped.detail["title"] == "Engineer"
        assert (await world.person("u3@example.com")).status is UserStatus.INVITED
        assert await world.person("u1@example.com") is None


async def test_nobody_else_is_touched_whatever_has_become_of_them(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        before = await world.sql("SELECT * FROM users WHERE id > 1 ORDER BY id")
        links = await world.sql("SELECT * FROM links WHERE external_id <> 'u1' ORDER BY seq")
        world.directory.remove(*LEAVERS)
        world.directory.change("u2", active=False)
        world.directory.change("u1", email="new@example.com")
        _, cycle = await world.one_person("u1")
        assert [c.action for c in await world.changes(cycle)] == [Action.UPDATE]
        assert await world.sql("SELECT * FROM users WHERE id > 1 ORDER BY id") == before
        after = await world.sql("SELECT * FROM links WHERE external_id <> 'u1' ORDER BY seq")
        assert after == links


async def test_somebody_known_by_an_older_address_is_found_by_the_id(database_url):
    async with store_world(database_url, people(3)) as world:
        await world.cycle()
        world.directory.change("u1", email="married@example.com")
        outcome, cycle = await world.one_person("U1@Example.com")
        assert outcome.result is CycleResult.SUCCESS
        assert (await texts(world, cycle))[PersonStep.FOUND].startswith("married@example.com")
        assert await world.person("married@example.com") is not None


async def test_somebody_gone_is_told_and_stays_until_a_whole_cycle_proves_it(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.remove("u1")
        outcome, cycle = await world.one_person("u1@example.com")
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert outcome.error.code == "person_gone"
        run = await steps(world, cycle)
        assert [(each.step, each.state) for each in run.steps] == [
            (PersonStep.FOUND, StepState.STOPPED)
        ]
        assert run.external_id == "u1"
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED
        await world.cycle()
        assert (await world.person("u1@example.com")).status is UserStatus.DISABLED


async def test_somebody_whom_nobody_knows_is_a_failure_that_names_nobody(database_url):
    async with store_world(database_url, people(3)) as world:
        outcome, cycle = await world.one_person("ghost@example.com")
        assert outcome.result is CycleResult.FAILURE
        assert outcome.error.code == "person_not_found"
        assert "ghost" not in str(cycle.error)
        assert (await steps(world, cycle)).asked == "ghost@example.com"


async def test_somebody_disabled_in_the_directory_is_disabled_at_once(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        world.directory.change("u1", active=False)
        _, cycle = await world.one_person("u1@example.com")
        assert (await world.person("u1@example.com")).status is UserStatus.DISABLED
        told = await texts(world, cycle)
        assert told[PersonStep.PLAN] == "disable: disabled in the directory"
        world.directory.change("u1", active=True)
        await world.one_person("u1@example.com")
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED


async def test_the_guard_holds_one_person_back_too_and_leaves_the_open_held_set(database_url):
    guard = Guard(minimum=0, percent=0)
    async with store_world(database_url, people(30), guard=guard) as world:
        await world.cycle()
        world.directory.remove("u9")
        held, _ = await world.cycle()
        world.directory.change("u1", active=False)
        outcome, cycle = await world.one_person("u1@example.com")
        assert outcome.error.code == "held_by_guard"
        assert "held back by the guard" in (await texts(world, cycle))[PersonStep.PLAN]
        assert PersonStep.DONE not in await texts(world, cycle)
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED
        assert (await world.store.held.get(held.held_set_id)).state is HeldState.OPEN


async def test_a_rejected_removal_is_not_done_for_one_person_either(database_url):
    guard = Guard(minimum=0, percent=0)
    async with store_world(database_url, people(30), guard=guard) as world:
        await world.cycle()
        world.directory.change("u1", active=False)
        outcome, _ = await world.cycle()
        held = await world.store.held.get(outcome.held_set_id)
        await world.store.held.reject(
            held.id, digest=held.digest, by=ADA, audit=world.audit(), now=world.clock.now()
        )
        await world.apply(guard=Guard())
        outcome, cycle = await world.one_person("u1")
        assert outcome.error.code == "removal_not_done"
        assert "an admin rejected" in (await texts(world, cycle))[PersonStep.PLAN]
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED


async def test_an_unreadable_group_of_the_scope_removes_nobody(database_url):
    teams = [team("in", ["u1", "u2"])]
    async with store_world(database_url, people(4), teams, scope=Scope(groups=("in",))) as world:
        await world.cycle()
        world.directory.teams = [team("in", ["u2"], complete=False)]
        world.directory.change("u1", active=False)
        outcome, cycle = await world.one_person("u1")
        assert outcome.error.code == "removal_not_done"
        assert "could not be read in full" in (await texts(world, cycle))[PersonStep.PLAN]
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED


async def test_somebody_who_left_the_scope_at_the_provider_is_disabled_and_told_why(database_url):
    teams = [team("in", ["u1", "u2", "u3"])]
    async with store_world(database_url, people(4), teams, scope=Scope(groups=("in",))) as world:
        await world.cycle()
        world.directory.teams = [team("in", ["u2", "u3"])]
        _, cycle = await world.one_person("u1")
        told = await texts(world, cycle)
        assert told[PersonStep.SCOPE] == "not in scope: in none of the scope's groups (in)"
        assert (await world.person("u1@example.com")).status is UserStatus.DISABLED


async def test_a_scope_by_groups_costs_one_question_more_and_reads_no_members(database_url):
    teams = [team("in", ["u1"]), *(team(f"t{number}", ["u2"]) for number in range(99))]
    async with store_world(database_url, scope=Scope(groups=("in",))) as world:
        world.directory = AskedDirectory(people(4), teams, page_size=50)
        outcome, cycle = await world.one_person("u1@example.com")
        told = await texts(world, cycle)
        assert told[PersonStep.SCOPE] == "in scope: member of in"
        assert (outcome.requests, world.directory.read) == (4, 0), "found, two pages, one question"
        _, cycle = await world.one_person("u2@example.com")
        told = await texts(world, cycle)
        assert told[PersonStep.SCOPE] == "not in scope: in none of the scope's groups (in)"
        assert await world.person("u2@example.com") is None


async def test_a_fault_of_the_question_disables_nobody_and_the_steps_say_what_was_read(
    database_url,
):
    teams = [team("in", ["u1", "u2"])]
    async with store_world(database_url, scope=Scope(groups=("in",))) as world:
        world.directory = AskedDirectory(people(4), teams)
        await world.cycle()
        world.directory.fault = TransientRemoteError("The server is busy.")
        outcome, cycle = await world.one_person("u1")
        assert outcome.result is CycleResult.SUCCESS
        assert (await texts(world, cycle))[PersonStep.SCOPE] == (
            "in scope: member of in; all groups were read for it: 1"
        )
        world.directory.bend_groups = lambda pages: [TransientRemoteError("Busy."), *pages]
        _, cycle = await world.one_person("u1")
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED


async def test_who_may_be_in_a_group_that_cannot_be_read_is_not_said_to_be_out_of_scope(
    database_url,
):
    async with store_world(database_url, scope=Scope(groups=("in",))) as world:
        world.directory = AskedDirectory(people(4), [team("in", ["u1"])])
        world.directory.bend_names = lambda pages: [TransientRemoteError("Busy."), *pages]
        outcome, cycle = await world.one_person("u1")
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert outcome.error.code == "groups_unproven"
        (last,) = (await steps(world, cycle)).steps[-1:]
        assert (last.step, last.state) == (PersonStep.SCOPE, StepState.STOPPED)
        assert "not known whether" in last.text


async def test_twins_are_a_conflict_also_when_one_is_named_by_id(database_url):
    twins = [person(1, email="same@example.com"), person(2, email="same@example.com")]
    async with store_world(database_url, twins) as world:
        for name, step in (("u1", PersonStep.MATCH), ("same@example.com", PersonStep.FOUND)):
            outcome, cycle = await world.one_person(name)
            assert outcome.result is CycleResult.FAILURE
            assert (await steps(world, cycle)).steps[-1].step is step
            assert "same@example.com" not in str(cycle.error)
        assert await world.sql("SELECT count(*) FROM users") == [(0,)]


async def test_an_address_that_somebody_else_holds_is_a_conflict(database_url):
    async with store_world(database_url, people(2)) as world:
        await world.cycle()
        world.directory.people = [person(2), person(3, email="u1@example.com")]
        outcome, cycle = await world.one_person("u3")
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert cycle.counts.conflicts == 1
        assert (await texts(world, cycle))[PersonStep.DONE].startswith("left as it is")


async def test_an_unreadable_record_is_that_persons_error(database_url):
    async with store_world(database_url, people(2)) as world:
        await world.cycle()
        world.directory.change("u1", broken=True)
        outcome, cycle = await world.one_person("u1")
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert cycle.counts.errors == 1
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED


async def test_a_preview_of_one_person_changes_nothing(database_url):
    async with store_world(database_url, people(2)) as world:
        _, cycle = await world.one_person("u1", dry_run=True)
        (item,) = await world.store.cycles.plan(cycle.id)
        assert item.action is Action.CREATE
        assert await world.person("u1@example.com") is None
        assert "preview" in (await texts(world, cycle))[PersonStep.DONE]


async def test_a_staged_configuration_says_that_no_invitation_goes_out(database_url):
    async with store_world(database_url, people(2), invitations=InvitationWay.STAGED) as world:
        _, cycle = await world.one_person("u1")
        assert (await texts(world, cycle))[PersonStep.DONE] == (
            "created; no invitation is sent yet"
        )


async def test_the_next_whole_cycle_finds_nothing_left_to_do(database_url):
    async with store_world(database_url, people(10)) as world:
        await world.cycle()
        world.directory.change("u1", email="new@example.com")
        await world.one_person("u1")
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert cycle.counts.changed == 0


async def test_an_edit_of_the_scope_is_still_one_after_somebody_was_asked_for(database_url):
    """One person's cycle did not put the scope in force, so who never was in stays a newcomer."""
    teams = [team("a", ["u1", "u2"]), team("b", ["u3"]), team("c", ["u3"])]
    async with store_world(database_url, people(4), teams, scope=Scope(groups=("a",))) as world:
        await world.cycle()
        await world.apply(scope=Scope(groups=("b",)))
        await world.one_person("u3")
        await world.apply(scope=Scope(groups=("c",)))
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == 0
        assert (await world.person("u1@example.com")).status is UserStatus.INVITED


async def test_a_second_cycle_waits_its_turn(database_url):
    async with store_world(database_url, people(2)) as world:
        await world.queue(person="u1")
        with pytest.raises(AlreadyRunningError):
            await world.queue()


async def test_lost_credentials_are_told_and_other_failures_count_for_nothing(database_url):
    async with store_world(database_url, people(2)) as world:
        outcome, cycle = await world.one_person("ghost@example.com")
        configuration = dataclasses.replace(await world.configuration(), failures=3)

        def judged(result: CycleResult, error: object) -> object:
            ended = dataclasses.replace(cycle, result=result, error=error)
            return judge_end(configuration, ended)

        assert judged(outcome.result, outcome.error).success is None
        assert judged(CycleResult.SUCCESS, None).success is None
        lost = SignInError("No.")
        error = dataclasses.replace(outcome.error, code=lost.code)
        assert judged(CycleResult.FAILURE, error).stopped_reason == "sign_in_needed"


async def test_problems_of_others_are_still_told_after_it(database_url):
    everybody = [person(1, attributes={"shoe": "42"}), *people(3, start=2)]
    async with store_world(database_url, everybody, mapping={"shoe_size": "shoe"}) as world:
        await world.cycle()
        await world.one_person("u2")
        user = await world.person("u1@example.com")
        assert len(await world.store.people.problems(user.id)) == 1


async def test_a_slot_of_the_schedule_waits_for_one_persons_cycle_and_is_not_lost(database_url):
    async with store_world(database_url, people(2)) as world:
        configuration, now = await world.configuration(), world.clock.now()
        await world.queue(person="u1")
        assert await world.store.slots.offer(configuration.id, now, now=now) is None
        await world.run()
        queued = await world.store.slots.offer(configuration.id, now, now=now)
        assert queued is not None
        assert queued.trigger is Trigger.SCHEDULED
