"""Whole cycles through the real stores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.engine.cycle import run_cycle
from core.errors import ConflictError
from core.model.account import UserStatus
from core.model.configuration import Guard, Scope
from core.model.cycle import Action, CycleResult, HeldState
from core.model.directory import Presence
from tests.support.scripted_directory import people, person, team
from tests.support.store_world import ADA, StoreWorld, store_world

WATCH = """
CREATE TRIGGER watch_{table} AFTER {verb} ON {table}
BEGIN UPDATE settings SET value = value || 'x' WHERE key = 'watched'; END
"""


async def versions(world: StoreWorld) -> object:
    """Return something that changes whenever a row of people or links is written."""
    if world.store.backend == "postgresql":
        return [
            sorted(await world.sql(f"SELECT xmin::text, ctid::text FROM {table}"))
            for table in ("users", "links", "changes", "invitations", "memberships", "groups")
        ]
    if await world.store.settings.get("watched") is None:
        await world.store.settings.set("watched", "")
        for table in ("users", "links", "changes", "invitations", "memberships", "groups"):
            for verb in ("INSERT", "UPDATE", "DELETE"):
                sql = WATCH.format(table=table, verb=verb).replace("watch_", f"watch_{verb}_")
                await world.sql(sql)
    return await world.store.settings.get("watched")


async def test_a_second_cycle_on_unchanged_data_writes_no_persons_row(database_url):
    async with store_world(database_url, people(30), [team("a", ["u1", "u2"])]) as world:
        await world.cycle()
        before = await versions(world)
        outcome, cycle = await world.cycle()
        assert await versions(world) == before
        assert outcome.result is CycleResult.SUCCESS
        assert cycle.counts.unchanged == 30
        assert cycle.counts.changed == cycle.counts.invited == 0


async def test_the_watch_on_rows_sees_a_write(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        before = await versions(world)
        world.directory.change("u7", email="seven@example.com")
        await world.cycle()
        assert await versions(world) != before


async def test_a_changed_record_is_recorded_before_and_after(database_url):
    async with store_world(database_url, people(10)) as world:
        await world.cycle()
        world.directory.change("u3", email="third@example.com")
        _, cycle = await world.cycle()
        (change,) = await world.changes(cycle)
        assert change.action is Action.UPDATE
        assert change.before["email"] == "u3@example.com"
        assert change.after["email"] == "third@example.com"


async def test_of_somebody_who_comes_twice_in_a_first_cycle_the_first_record_counts(database_url):
    twins = [person(3, email="later@example.com"), person(5, active=False)]
    async with store_world(database_url, [*people(30), *twins]) as world:
        outcome, cycle = await world.cycle()
        assert "people_twice" in [code for code, _ in outcome.proof.failed]
        assert outcome.proof.read == cycle.counts.created == 30
        assert (await world.person("u3@example.com")).status is UserStatus.INVITED
        assert (await world.person("u5@example.com")).status is UserStatus.INVITED
        assert await world.person("later@example.com") is None


async def test_people_alike_in_all_but_their_names_are_stored_as_they_are(database_url):
    like = {"attributes": {"title": "Engineer"}}
    async with store_world(
        database_url, [person(n, **like) for n in range(1, 9)], mapping={"title": "title"}
    ) as world:
        _, cycle = await world.cycle()
        assert cycle.counts.created == 8
        found = [await world.person(f"u{n}@example.com") for n in range(1, 9)]
        assert {user.profile["title"] for user in found} == {"Engineer"}


async def test_somebody_absent_and_back_with_the_same_bytes_is_enabled_again(database_url):
    async with store_world(database_url, people(10)) as world:
        await world.cycle()
        everybody = list(world.directory.people)
        world.directory.remove("u4")
        await world.cycle()
        assert (await world.person("u4@example.com")).status is UserStatus.DISABLED
        world.directory.people = everybody
        _, cycle = await world.cycle()
        assert (await world.person("u4@example.com")).status is UserStatus.INVITED
        assert cycle.counts.enabled == 1


async def test_a_warning_that_is_still_true_is_told_again(database_url):
    shirt = person(1, attributes={"shirt": "XL", "title": "Engineer"})
    mapping = {"shirt_size": "shirt", "title": "title"}
    async with store_world(database_url, [shirt, *people(5, 2)], mapping=mapping) as world:
        for _ in range(2):
            outcome, cycle = await world.cycle()
            assert outcome.result is CycleResult.PARTIAL_SUCCESS
            (group,) = await world.store.cycles.problem_groups(cycle.id)
            assert (group.code, group.attribute, group.people) == (
                "attribute_without_field",
                "shirt",
                1,
            )
        assert cycle.counts.changed == 0
        assert (await world.person("u1@example.com")).profile["title"] == "Engineer"


async def test_nobody_of_a_colliding_pair_is_touched_and_everyone_else_is(database_url):
    twins = [person("x", email="a@example.com"), person("y", email="A@Example.com")]
    async with store_world(database_url, [*people(4), *twins]) as world:
        _, cycle = await world.cycle()
        assert cycle.counts.conflicts == 2
        assert cycle.counts.created == 4
        assert await world.person("a@example.com") is None


async def test_a_recycled_address_is_a_conflict_until_a_person_decides(database_url):
    async with store_world(database_url, people(4)) as world:
        await world.cycle()
        world.directory.people.append(person("new", email="u2@example.com"))
        for _ in range(2):
            _, cycle = await world.cycle()
            assert (cycle.counts.conflicts, cycle.counts.changed) == (1, 0)


async def test_addresses_can_be_swapped_and_passed_on_in_a_ring(database_url):
    async with store_world(database_url, people(6)) as world:
        await world.cycle()
        ring = {"u1": "u2", "u2": "u3", "u3": "u1", "u4": "u5", "u5": "u4"}
        for owner, address in ring.items():
            world.directory.change(owner, email=f"{address}@example.com")
        _, cycle = await world.cycle()
        assert (cycle.counts.updated, cycle.counts.conflicts) == (5, 0)
        assert (await world.person("u1@example.com")).external_id == "u3"


async def test_an_address_whose_owner_stays_is_not_given_away(database_url):
    async with store_world(database_url, people(6)) as world:
        await world.cycle()
        world.directory.change("u1", email="u2@example.com")
        world.directory.change("u2", email="u3@example.com")
        world.directory.change("u4", email="u5@example.com", active=True)
        world.directory.change("u5", email="five@example.com", active=False)
        _, cycle = await world.cycle()
        told = {p.external_id: p.problem.code for p in await world.store.cycles.problems(cycle.id)}
        assert told == {"u1": "email_taken", "u2": "email_taken", "u4": "email_taken"}
        assert (cycle.counts.updated, cycle.counts.disabled) == (0, 1)


async def test_a_record_nobody_provisions_does_not_take_part_in_a_collision(database_url):
    former = person("old", email="a@example.com", active=False)
    async with store_world(database_url, [former, person("new", email="a@example.com")]) as world:
        _, cycle = await world.cycle()
        assert (cycle.counts.created, cycle.counts.conflicts) == (1, 0)


async def test_removals_over_the_limit_wait_for_a_release_of_exactly_that_set(database_url):
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.people = [*people(34), person("new")]
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert (cycle.counts.held, cycle.counts.created, cycle.counts.disabled) == (6, 1, 0)
        held = outcome.held_set_id
        again, _ = await world.cycle()
        assert again.held_set_id == held
        released, cycle = await world.release(held)
        assert released.result is CycleResult.SUCCESS
        assert cycle.counts.disabled == 6
        assert (await world.store.held.get(held)).state is HeldState.RELEASED


async def test_a_release_re_reads_and_guards_whoever_was_not_in_the_set(database_url):
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.people = people(34)
        outcome, _ = await world.cycle()
        world.directory.people = [*people(28), person(40)]
        world.directory.answers["u39"] = Presence.DISABLED
        released, cycle = await world.release(outcome.held_set_id)
        assert cycle.counts.disabled == 5
        assert (await world.person("u40@example.com")).status is UserStatus.INVITED
        items = await world.store.held.items(released.held_set_id)
        assert {item.external_id for item in items} == {f"u{n}" for n in range(29, 35)}


async def test_a_leaver_of_the_day_after_a_release_is_not_held_for_it(database_url):
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.people = people(34)
        outcome, _ = await world.cycle()
        await world.release(outcome.held_set_id)
        world.directory.remove("u1")
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert cycle.counts.disabled == 1


async def test_a_rejected_set_is_not_held_again_until_the_people_are_seen(database_url):
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.people = people(34)
        outcome, _ = await world.cycle()
        held = await world.store.held.get(outcome.held_set_id)
        await world.store.held.reject(
            held.id, digest=held.digest, by=ADA, audit=world.audit(), now=world.clock.now()
        )
        outcome, cycle = await world.cycle()
        assert (outcome.held_set_id, cycle.counts.disabled) == (None, 0)
        world.directory.people = people(40)
        await world.cycle()
        world.directory.remove("u40")
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == 1


async def test_people_who_come_back_end_what_was_held(database_url):
    async with store_world(database_url, people(40)) as world:
        await world.cycle()
        world.directory.people = people(34)
        outcome, _ = await world.cycle()
        world.directory.people = people(40)
        await world.cycle()
        held = await world.store.held.get(outcome.held_set_id)
        assert held.state is HeldState.SUPERSEDED
        with pytest.raises(ConflictError):
            await world.release(held.id)


async def test_a_dry_run_finds_what_the_next_cycle_does_and_changes_nothing(database_url):
    async with store_world(database_url, people(20), [team("a", ["u1"])]) as world:
        await world.cycle()
        world.directory.change("u2", email="second@example.com")
        world.directory.change("u3", active=False)
        world.directory.remove("u4")
        world.directory.people.append(person("new"))
        world.directory.teams = [team("a", ["u2"]), team("b", ["u3"])]
        digest = await world.store.maintenance.digest()
        preview, seen = await world.cycle(dry_run=True)
        assert await world.store.maintenance.digest() == digest
        plan = await world.store.cycles.plan(seen.id)
        outcome, cycle = await world.cycle(bound_plan=preview.plan_digest)
        assert outcome.result is CycleResult.SUCCESS
        done = {(c.kind, c.external_id, c.action) for c in await world.changes(cycle)}
        assert done == {(item.kind, item.external_id, item.action) for item in plan}
        assert len(done) == 6
        assert replace(seen.counts, invited=0) == replace(cycle.counts, invited=0)


async def test_a_plan_that_changed_since_the_preview_is_not_applied(database_url):
    async with store_world(database_url, people(20)) as world:
        preview, _ = await world.cycle(dry_run=True)
        world.directory.people.append(person("new"))
        outcome, cycle = await world.cycle(bound_plan=preview.plan_digest)
        assert (outcome.error.code, cycle.counts.changed) == ("plan_changed", 0)
        assert cycle.result is CycleResult.CANCELLED


async def test_a_request_to_cancel_stops_between_two_batches(database_url):
    async with store_world(database_url, people(20)) as world:
        queued = await world.queue()
        claim = await world.claim()
        await world.store.cycles.request_cancel(
            queued.id, by=ADA, audit=world.audit(), now=world.clock.now()
        )
        outcome = await run_cycle(world.context(claim, batch=5))
        assert outcome.result is CycleResult.CANCELLED
        cycle = await world.store.cycles.get(queued.id)
        assert cycle.result is CycleResult.CANCELLED
        assert cycle.counts.created == 0


async def test_groups_follow_the_directory_nested_ones_flattened(database_url):
    teams = [team("a", ["u1"], ["g-b"]), team("b", ["u2"], ["g-a"])]
    async with store_world(database_url, people(6), teams) as world:
        await world.cycle()
        assert (await world.person("u1@example.com")).groups == ("a", "b")
        world.directory.teams = [team("a", ["u1", "u3"])]
        _, cycle = await world.cycle()
        assert (cycle.counts.groups_updated, cycle.counts.groups_deleted) == (1, 1)
        assert (await world.person("u2@example.com")).groups == ()
        assert (await world.person("u3@example.com")).groups == ("a",)


async def test_joining_and_leaving_a_scope_group_is_seen_with_the_same_bytes(database_url):
    scope = Scope(groups=("a",))
    teams = [team("a", ["u1", "u2", "u3"])]
    async with store_world(database_url, people(6), teams, scope=scope) as world:
        await world.cycle()
        assert await world.person("u4@example.com") is None
        world.directory.teams = [team("a", ["u2", "u3", "u4"])]
        _, cycle = await world.cycle()
        assert (cycle.counts.created, cycle.counts.disabled) == (1, 1)
        world.directory.decoded = 0
        _, cycle = await world.cycle()
        assert (cycle.counts.changed, world.directory.decoded) == (0, 0)


async def test_two_edits_of_the_scope_without_a_cycle_between_remove_nobody(database_url):
    domains = ("example.com", "b.example", "c.example")
    mails = [person("b", email="b@b.example"), person("c", email="c@c.example")]
    async with store_world(
        database_url,
        [*people(4), *mails],
        scope=Scope(domains=domains),
        guard=Guard(percent=100, minimum=100),
    ) as world:
        await world.cycle()
        await world.apply(scope=Scope(domains=domains[:2]))
        await world.apply(scope=Scope(domains=domains[:1]))
        _, cycle = await world.cycle()
        assert (cycle.counts.disabled, cycle.counts.skipped) == (0, 2)


async def test_a_named_canary_out_of_scope_is_found_in_every_cycle(database_url):
    async with store_world(
        database_url,
        [*people(4), person("boss", email="boss@elsewhere.example")],
        scope=Scope(domains=("example.com",)),
        guard=Guard(canaries=("boss@elsewhere.example",)),
    ) as world:
        for _ in range(3):
            outcome, _ = await world.cycle()
            assert outcome.proof.proven
