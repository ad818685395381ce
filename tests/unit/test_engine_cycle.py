"""Whole cycles over the store in memory."""

from datetime import timedelta

import pytest

from core.errors import FencedError, PermissionMissingError, SignInError, TransientRemoteError
from core.model.account import UserStatus
from core.model.configuration import Guard, MissingPolicy, Scope
from core.model.cycle import Action, CycleResult
from core.model.directory import Presence
from tests.support.engine_world import World
from tests.support.scripted_directory import people, person, team

GUARD = Guard(percent=100, minimum=100)


async def test_everybody_of_a_first_read_is_created_and_canaries_are_picked():
    world = World(people(10))
    outcome = await world.cycle()
    assert outcome.result is CycleResult.SUCCESS
    assert [a for *_, a in world.store.changes] == [Action.CREATE] * 10
    assert len(world.store.canaries) == 5
    assert outcome.proof.read == 10
    assert outcome.requests == 3 + 1


async def test_a_second_cycle_on_the_same_data_decodes_and_writes_nothing():
    world = World(people(10), [team("all", ["u1", "u2"])])
    await world.cycle()
    world.directory.decoded = 0
    outcome = await world.cycle()
    assert outcome.result is CycleResult.SUCCESS
    assert world.directory.decoded == 0
    assert world.store.writes == []


async def test_a_changed_record_is_an_update_of_that_person_alone():
    world = World(people(10))
    await world.cycle()
    world.directory.change("u3", email="third@example.com")
    await world.cycle()
    assert world.store.writes == ["u3"]


async def test_a_change_of_what_is_not_mapped_writes_nobody():
    world = World(people(10))
    await world.cycle()
    world.directory.change("u3", attributes={"lastLogin": "today"})
    await world.cycle()
    assert world.store.writes == []
    world.directory.decoded = 0
    await world.cycle()
    assert world.directory.decoded == 0


async def test_a_leaver_is_asked_for_once_and_disabled_in_the_next_cycle():
    world = World(people(10))
    await world.cycle()
    world.directory.remove("u4")
    outcome = await world.cycle()
    assert world.directory.asked == ["u4"]
    assert world.store.status("u4") is UserStatus.DISABLED
    assert outcome.result is CycleResult.SUCCESS
    assert world.store.removed() == {"u4"}


async def test_somebody_absent_and_back_with_the_same_bytes_is_enabled_again():
    world = World(people(10))
    await world.cycle()
    everybody = list(world.directory.people)
    world.directory.remove("u4")
    await world.cycle()
    world.directory.people = everybody
    await world.cycle()
    assert world.store.status("u4") is UserStatus.INVITED
    assert world.store.writes == ["u4"]


async def test_a_leaver_is_deleted_after_the_grace_and_erased_after_another():
    world = World(people(10), grace=timedelta(days=30))
    await world.cycle()
    world.directory.remove("u4")
    await world.cycle()
    world.clock.time += timedelta(days=29)
    await world.cycle()
    assert world.store.status("u4") is UserStatus.DISABLED
    world.clock.time += timedelta(days=1)
    await world.cycle()
    assert world.store.status("u4") is UserStatus.DELETED
    assert world.store.writes == ["u4"]
    world.clock.time += timedelta(days=30)
    await world.cycle()
    assert world.store.writes == ["u4"]


async def test_people_who_leave_are_kept_where_the_configuration_says_so():
    world = World(people(10), on_missing=MissingPolicy.KEEP)
    await world.cycle()
    world.directory.remove("u4")
    await world.cycle()
    assert world.store.status("u4") is UserStatus.INVITED


async def test_a_missing_attribute_field_is_told_in_every_cycle_and_the_rest_is_applied():
    shirt = person(1, attributes={"shirt": "XL", "title": "Engineer"})
    world = World([shirt, *people(3, 2)], mapping={"shirt_size": "shirt", "title": "title"})
    for _ in range(2):
        outcome = await world.cycle()
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert world.store.told == [("u1", "record")]
    ours = world.store.links["u1"].user
    assert '"title":"Engineer"' in world.store.users[ours].profile
    assert world.store.writes == []


async def test_nobody_of_two_people_with_one_address_is_touched_and_everyone_else_is():
    world = World([*people(4), person("x", email="a@example.com")])
    world.directory.people.append(person("y", email="A@EXAMPLE.com"))
    outcome = await world.cycle()
    assert outcome.result is CycleResult.PARTIAL_SUCCESS
    assert sorted(world.store.told) == [("ux", "duplicate_email"), ("uy", "duplicate_email")]
    assert len(world.store.users) == 4


async def test_a_recycled_address_is_a_conflict_for_the_newcomer():
    world = World(people(4))
    await world.cycle()
    world.directory.people.append(person("new", email="u2@example.com"))
    for _ in range(2):
        await world.cycle()
        assert world.store.told == [("unew", "email_taken")]
        assert world.store.writes == []


async def test_two_people_can_swap_their_addresses():
    world = World(people(4))
    await world.cycle()
    world.directory.change("u1", email="u2@example.com")
    world.directory.change("u2", email="u1@example.com")
    await world.cycle()
    assert sorted(world.store.writes) == ["u1", "u2"]
    assert world.store.told == []


async def test_an_address_whose_owner_cannot_move_away_stays_taken():
    world = World(people(4))
    await world.cycle()
    world.directory.change("u1", email="u2@example.com")
    world.directory.change("u2", email="u3@example.com")
    await world.cycle()
    assert sorted(world.store.told) == [("u1", "email_taken"), ("u2", "email_taken")]
    assert world.store.writes == []


async def test_somebody_without_an_address_is_an_error_and_kept():
    world = World(people(4))
    await world.cycle()
    world.directory.change("u1", email="")
    world.directory.people.append(person("new", email=""))
    await world.cycle()
    assert sorted(world.store.told) == [("u1", "record"), ("unew", "record")]
    assert world.store.status("u1") is UserStatus.INVITED


async def test_an_unreadable_record_keeps_its_person():
    world = World(people(4))
    await world.cycle()
    world.directory.change("u1", broken=True)
    outcome = await world.cycle()
    assert outcome.proof.proven
    assert world.store.told == [("u1", "record")]
    assert world.store.removed() == set()


async def test_an_explicit_disabled_counts_at_once_without_asking():
    world = World(people(4))
    await world.cycle()
    world.directory.change("u1", active=False)
    await world.cycle()
    assert world.store.status("u1") is UserStatus.DISABLED
    assert world.directory.asked == []


async def test_an_admins_disabling_outlives_the_sync():
    world = World(people(4))
    await world.cycle()
    world.store.users[1].status = UserStatus.DISABLED
    world.directory.change("u1", attributes={"displayName": "New name"})
    await world.cycle()
    assert world.store.status("u1") is UserStatus.DISABLED
    assert world.store.users[1].name == "New name"


async def test_protected_people_are_never_removed():
    world = World(people(4))
    await world.cycle()
    world.store.users[1].protected = True
    world.directory.remove("u1")
    await world.cycle()
    world.directory.people.insert(0, person(1, active=False))
    await world.cycle()
    assert world.store.removed() == set()


async def test_a_fault_after_a_page_keeps_everybody_and_takes_over_the_new():
    world = World(people(10))
    await world.cycle()
    world.directory.people = [person("new"), *people(10)[1:]]
    world.directory.bend = lambda pages: [pages[0], TransientRemoteError("gone away")]
    outcome = await world.cycle()
    assert outcome.result is CycleResult.PARTIAL_SUCCESS
    assert outcome.error.code == "snapshot_unproven"
    assert world.store.writes == ["unew"]


async def test_a_fault_before_any_page_fails_the_cycle_with_its_reason():
    world = World(people(10))
    world.directory.bend = lambda _: [TransientRemoteError("no answer", hint="Wait.")]
    outcome = await world.cycle()
    assert outcome.result is CycleResult.FAILURE
    assert (outcome.error.code, outcome.error.hint) == ("remote_unavailable", "Wait.")


@pytest.mark.parametrize("error", [SignInError("no"), PermissionMissingError("no")])
@pytest.mark.parametrize("where", ["first page", "later page", "groups", "one person"])
async def test_lost_credentials_fail_the_cycle_and_apply_nothing(error, where):
    world = World(people(10), [team("a", ["u1"])])
    await world.cycle()
    world.directory.remove("u1")
    world.directory.people.append(person("new"))
    if where == "first page":
        world.directory.bend = lambda _: [error]
    if where == "later page":
        world.directory.bend = lambda pages: [pages[0], error]
    if where == "groups":
        world.directory.bend_groups = lambda pages: [*pages, error]
    if where == "one person":
        world.directory.answers["u1"] = error
    outcome = await world.cycle()
    assert outcome.result is CycleResult.FAILURE
    assert outcome.error.code == error.code
    assert world.store.writes == []


async def test_a_request_to_cancel_ends_the_cycle_between_batches():
    world = World(people(10))
    applied = world.store.create_newcomers

    async def first_batch_only(*args: object, **more: object) -> None:
        await applied(*args, **more)
        world.store.fence_code = "cancel_requested"

    world.store.create_newcomers = first_batch_only
    outcome = await world.cycle(batch=4)
    assert outcome.result is CycleResult.CANCELLED
    assert world.finished.result is CycleResult.CANCELLED
    assert len(world.store.writes) == 4


@pytest.mark.parametrize("code", ["fenced", "configuration_changed"])
async def test_a_lost_lease_is_the_workers_business(code):
    world = World(people(3))
    world.store.fence_code = code
    with pytest.raises(FencedError):
        await world.cycle()
    assert world.store.finished is None


async def test_a_dry_run_finds_what_the_next_cycle_does_and_changes_nothing():
    world = World(people(10), [team("a", ["u1"])])
    await world.cycle()
    world.directory.change("u2", email="second@example.com")
    world.directory.remove("u4")
    world.directory.people.append(person("new"))
    world.directory.teams = [team("a", ["u2"]), team("b", ["u3"])]
    before = world.store.copy()
    preview = await world.cycle(dry_run=True)
    assert (world.store.users, world.store.links) == (before.users, before.links)
    seen = len(world.store.changes)
    planned = sorted(world.store.planned + world.store.planned_groups)
    outcome = await world.cycle(bound_plan=preview.plan_digest)
    done = sorted((id_, action) for _, _, id_, action in world.store.changes[seen:])
    assert outcome.result is CycleResult.SUCCESS
    assert planned == done
    assert len(done) == 5


async def test_a_plan_other_than_the_one_that_was_seen_is_not_applied():
    world = World(people(10))
    preview = await world.cycle(dry_run=True)
    world.directory.people.append(person("new"))
    outcome = await world.cycle(bound_plan=preview.plan_digest)
    assert outcome.result is CycleResult.CANCELLED
    assert outcome.error.code == "plan_changed"
    assert world.store.writes == []


async def test_the_plans_name_does_not_depend_on_the_order_of_the_listing():
    world = World(people(10))
    preview = await world.cycle(dry_run=True)
    world.directory.people.reverse()
    assert (await world.cycle(dry_run=True)).plan_digest == preview.plan_digest


async def test_narrowing_the_scope_keeps_people_and_skips_them_from_then_on():
    world = World(
        [*people(4), person("b", email="b@other.org")],
        scope=Scope(domains=("example.com", "other.org")),
    )
    await world.cycle()
    world.edit_scope(Scope(domains=("example.com",)))
    for _ in range(3):
        await world.cycle()
        assert world.store.status("ub") is UserStatus.INVITED
    world.directory.remove("ub")
    await world.cycle()
    assert world.store.removed() == set()
    assert world.store.links["ub"].kept


async def test_somebody_kept_who_comes_into_scope_again_is_looked_after_again():
    wide, narrow = Scope(), Scope(domains=("example.com",))
    world = World([*people(4), person("b", email="b@other.org")], scope=wide)
    await world.cycle()
    world.edit_scope(narrow)
    await world.cycle()
    world.edit_scope(wide)
    await world.cycle()
    world.directory.remove("ub")
    await world.cycle()
    assert world.store.removed() == {"ub"}


async def test_leaving_the_scope_at_the_provider_disables_also_after_an_edit():
    world = World(people(6), [team("a", ["u1", "u2", "u3"]), team("b", ["u4"])], guard=GUARD)
    world.edit_scope(Scope(groups=("a", "b")))
    await world.cycle()
    world.edit_scope(Scope(groups=("a",)))
    await world.cycle()
    assert world.store.removed() == set()
    world.directory.teams = [team("a", ["u2", "u3"]), team("b", ["u1", "u4"])]
    await world.cycle()
    assert world.store.removed() == {"u1"}


async def test_joining_and_leaving_a_scope_group_is_seen_with_the_same_bytes():
    world = World(people(6), [team("a", ["u1", "u2", "u3"])], scope=Scope(groups=("a",)))
    await world.cycle()
    assert len(world.store.users) == 3
    world.directory.teams = [team("a", ["u2", "u3", "u4"])]
    await world.cycle()
    assert world.store.status("u1") is UserStatus.DISABLED
    assert world.store.status("u4") is UserStatus.INVITED
    world.directory.teams = [team("a", ["u1", "u2", "u3", "u4"])]
    await world.cycle()
    assert world.store.status("u1") is UserStatus.INVITED


async def test_a_scope_group_that_does_not_exist_fails_the_cycle():
    world = World(people(6), [team("a", ["u1"])], scope=Scope(groups=("b",)))
    outcome = await world.cycle()
    assert outcome.result is CycleResult.FAILURE
    assert outcome.error.code == "scope_group_missing"


async def test_groups_of_a_scope_need_a_provider_that_lists_groups():
    world = World(people(6), directory={"groups": False}, scope=Scope(groups=("b",)))
    outcome = await world.cycle()
    assert outcome.error.code == "scope_groups_unsupported"


async def test_an_unproven_listing_of_groups_adds_people_and_removes_none():
    world = World(people(8), [team("a", ["u1", "u2", "u3"])], scope=Scope(groups=("a",)))
    await world.cycle()
    world.directory.teams = [team("a", ["u3", "u4"], complete=False)]
    outcome = await world.cycle()
    assert outcome.error.code == "snapshot_unproven"
    assert world.store.removed() == set()
    assert world.store.status("u4") is UserStatus.INVITED
    assert world.store.teams["g-a"][2] == {"u1", "u2", "u3", "u4"}


async def test_groups_are_created_renamed_filled_and_deleted():
    world = World(people(6), [team("a", ["u1"]), team("b", ["u2"], ["g-a"])])
    await world.cycle()
    assert world.store.teams["g-b"][2] == {"u1", "u2"}
    renamed = team("a", ["u1", "u3"])
    world.directory.teams = [type(renamed)(id="g-a", name="Alpha", people=renamed.people)]
    await world.cycle()
    assert set(world.store.teams) == {"g-a"}
    assert world.store.teams["g-a"][0] == "Alpha"
    assert world.store.teams["g-a"][2] == {"u1", "u3"}


async def test_nobody_leaves_a_group_while_the_list_of_people_is_unproven():
    everyone = [one.id for one in people(6)]
    world = World(people(6), [team("a", everyone)])
    await world.cycle()
    world.directory.people = []
    world.directory.teams = [team("a", [])]
    outcome = await world.cycle()
    assert not outcome.proof.proven
    assert world.store.teams["g-a"][2] == set(everyone)


async def test_people_whose_removal_is_held_stay_in_their_groups_until_it_is_released():
    everyone = [one.id for one in people(40)]
    world = World(people(40), [team("a", everyone)])
    await world.cycle()
    world.directory.people = people(30)
    world.directory.teams = [team("a", everyone[5:30])]
    await world.cycle()
    assert world.store.teams["g-a"][2] == set(everyone[5:])
    items = world.store.held
    world.store.releases = frozenset(("user", i.external_id, "disable") for i in items)
    await world.cycle()
    assert world.store.teams["g-a"][2] == set(everyone[5:30])


async def test_removals_over_the_limit_are_held_and_the_rest_is_applied():
    world = World(people(40))
    await world.cycle()
    world.directory.people = [*people(34), person("new")]
    outcome = await world.cycle()
    assert outcome.error.code == "held_by_guard"
    assert {item.external_id for item in world.store.held} == {f"u{n}" for n in range(35, 41)}
    assert world.store.writes == ["unew"]
    assert world.directory.asked == []


async def test_a_release_applies_exactly_what_was_held_and_guards_the_rest():
    world = World(people(40))
    await world.cycle()
    world.directory.people = people(34)
    await world.cycle()
    items = world.store.held
    world.store.releases = frozenset(("user", i.external_id, "disable") for i in items)
    world.directory.people = [*people(28), person(40)]
    outcome = await world.cycle()
    assert world.store.removed() == {f"u{n}" for n in range(35, 40)}
    assert {item.external_id for item in world.store.held} == {f"u{n}" for n in range(29, 35)}
    assert outcome.error.code == "held_by_guard"


async def test_a_released_person_is_asked_for_as_well():
    world = World(people(40))
    await world.cycle()
    world.directory.people = people(34)
    await world.cycle()
    world.store.releases = frozenset(("user", i.external_id, "disable") for i in world.store.held)
    world.directory.answers["u40"] = Presence.ACTIVE
    await world.cycle()
    assert world.store.removed() == set()


async def test_a_rejected_removal_is_neither_held_again_nor_carried_out():
    world = World(people(40))
    await world.cycle()
    world.directory.people = people(34)
    world.store.rejected = frozenset(f"u{n}" for n in range(35, 41))
    outcome = await world.cycle()
    assert outcome.result is CycleResult.SUCCESS
    assert world.store.held == ()
    assert world.store.removed() == set()


async def test_a_flood_of_new_people_after_the_first_cycle_is_held():
    world = World(people(10), guard=Guard(max_creations=20))
    await world.cycle()
    world.directory.people = people(40)
    world.directory.change("u1", email="first@example.com")
    outcome = await world.cycle()
    assert outcome.error.code == "held_by_guard"
    assert len(world.store.held) == 30
    assert world.store.writes == ["u1"]
    world.store.releases = frozenset(("user", i.external_id, "create") for i in world.store.held)
    await world.cycle()
    assert len(world.store.users) == 40


async def test_the_provider_is_asked_for_pages_and_nothing_else():
    world = World(people(10), [team("a", ["u1"])])
    await world.cycle()
    outcome = await world.cycle()
    assert outcome.requests == 3 + 1
    assert world.directory.asked == []
