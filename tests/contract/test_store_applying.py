"""What each decision does to the account, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from core.model.configuration import InvitationWay
from core.model.cycle import Action, Decision, Problem, ScopeAnswer, Severity
from tests.support.people import SPEC, Desk, record


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    await desk.configure(licenses=2)
    return desk


async def test_a_created_person_is_invited_linked_and_recorded(desk):
    counts = await desk.cycle([record("ann"), record("bob")])
    ann = await desk.store.people.by_email("ANN@example.com")
    assert (counts.created, counts.invited, counts.read, counts.unchanged) == (2, 2, 2, 0)
    assert (ann.status, ann.external_id, ann.profile) == ("invited", "ann", {"title": "Engineer"})
    [change] = await desk.store.people.history(ann.id)
    assert (change.action, change.before, change.after) == ("create", {}, {"title": "Engineer"})


async def test_who_is_created_as_staged_gets_no_invitation_yet(desk):
    await desk.cycle([record("ann")], send=InvitationWay.STAGED)
    assert (await desk.user("ann")).status == "staged"
    assert await desk.store.invitations.due(owner="m", now=desk.clock.now()) == []


async def test_an_update_records_only_the_attributes_that_differ(desk):
    await desk.cycle([record("ann")])
    await desk.cycle([record("ann", title="Manager")], Action.UPDATE)
    ann = await desk.store.people.by_email("ann@example.com")
    change = (await desk.store.people.history(ann.id))[0]
    assert (change.before, change.after) == ({"title": "Engineer"}, {"title": "Manager"})


async def test_an_update_without_a_difference_is_settled_and_not_recorded(desk):
    await desk.cycle([record("ann")])
    before = await desk.user("ann")
    desk.clock.time = desk.clock.time.replace(hour=23)
    counts = await desk.cycle([record("ann", mapped_digest=b"other")], Action.UPDATE)
    assert counts.changed == 0
    assert tuple(await desk.user("ann")) == tuple(before)
    [link] = await desk.sql("SELECT mapped_digest, digest FROM links")
    assert (link.mapped_digest, link.digest is not None) == (b"other", True)


async def test_two_people_can_swap_addresses_in_one_transaction(desk):
    await desk.cycle([record("ann"), record("bob"), record("eve")])
    swapped = [
        record("ann", email="bob@example.com"),
        record("bob", email="ann@example.com"),
        record("eve", title="Boss"),
    ]
    fence = await desk.begin(swapped)
    chunks = [chunk async for chunk in desk.store.sync.pairs(fence)]
    assert [[p.external_id for p in chunk] for chunk in chunks] == [["eve"], ["ann", "bob"]]
    assert all(p.holder_moves and p.holder is not None for p in chunks[1])
    for chunk in chunks:
        await desk.apply(fence, [Decision(p, Action.UPDATE, "", settles=True) for p in chunk])
    await desk.finish(fence, 3)
    assert (await desk.user("ann")).match_key == "bob@example.com"
    assert (await desk.user("bob")).match_key == "ann@example.com"


async def test_a_chain_of_moved_addresses_is_applied(desk):
    names = [f"p{n}" for n in range(20)]
    await desk.cycle([record(name) for name in names])
    moved = [record(a, email=f"{b}@example.com") for a, b in pairwise(names)]
    moved.append(record(names[-1], email="new@example.com"))
    counts = await desk.cycle(moved, Action.UPDATE)
    assert (counts.updated, counts.conflicts) == (20, 0)
    assert (await desk.user("p0")).match_key == "p1@example.com"


async def test_whose_address_was_taken_since_becomes_a_conflict_and_the_others_go_on(desk):
    await desk.configure(replace(SPEC, name="other"))
    first = await desk.begin([record("ann"), record("bob")])
    stale = await desk.pairs(first)
    await desk.cycle([record("thief", email="ann@example.com")], name="other")
    await desk.apply(first, [Decision(p, Action.CREATE, "", settles=True) for p in stale])
    counts = await desk.finish(first, 2)
    assert (counts.created, counts.conflicts) == (1, 1)
    assert (await desk.user("ann")) is None
    assert (await desk.user("bob")).status == "invited"


async def test_twins_are_counted_and_an_empty_match_key_never_collides(desk):
    records = [
        record("ann"),
        record("nan", email="ANN@example.com"),
        record("x", match_key=""),
        record("y", match_key=""),
    ]
    pairs = await desk.pairs(await desk.begin(records))
    assert {p.external_id: p.twins for p in pairs} == {"ann": 2, "nan": 2, "x": 1, "y": 1}


async def test_the_same_decisions_applied_again_change_and_record_nothing(desk):
    fence = await desk.begin([record("ann")])
    decisions = [Decision(p, Action.CREATE, "", settles=True) for p in await desk.pairs(fence)]
    await desk.apply(fence, decisions)
    once = await desk.store.maintenance.digest()
    await desk.apply(fence, decisions)
    assert await desk.store.maintenance.digest() == once


async def test_a_foreign_person_is_linked_and_then_owned(desk):
    await desk.cycle([record("ann")])
    await desk.sql("UPDATE users SET configuration_id = NULL, status = 'active'")
    await desk.sql("DELETE FROM links")
    fence = await desk.begin([record("a-1", email="ann@example.com", user_name="ann")])
    [pair] = await desk.pairs(fence)
    assert (pair.holder_foreign, pair.user_id) == (True, None)
    await desk.apply(fence, [Decision(pair, Action.LINK, "", settles=True)])
    ann = await desk.user("ann")
    assert (ann.status, ann.configuration_id) == ("active", fence.configuration_id)
    assert (await desk.pairs(fence))[0].user_id == ann.id


async def _activate(desk: Desk, *names: str) -> None:
    for name in names:
        await desk.sql(
            "UPDATE users SET status = 'active', licensed = TRUE WHERE user_name = :name", name=name
        )


async def test_disabling_frees_the_license_and_revokes_the_invitation(desk):
    await desk.cycle([record("ann"), record("bob")])
    await _activate(desk, "ann")
    counts = await desk.cycle([], absent=Action.DISABLE)
    ann = await desk.user("ann")
    assert counts.disabled == 2
    assert (ann.status, ann.status_before, ann.disabled_by) == ("disabled", "active", "sync")
    assert (await desk.store.licenses.summary()).used == 0
    states = {row.state for row in await desk.sql("SELECT state FROM invitations")}
    assert states == {"revoked"}
    links = await desk.sql("SELECT digest, absent_since FROM links")
    assert all(link.digest is None and link.absent_since is not None for link in links)


async def test_who_comes_back_is_active_only_while_a_license_is_free(desk):
    names = ["ann", "bob", "eve"]
    await desk.cycle([record(name) for name in names])
    await _activate(desk, *names)
    await desk.cycle([], absent=Action.DISABLE)
    counts = await desk.cycle([record(name) for name in names], Action.ENABLE)
    statuses = [(await desk.user(name)).status for name in names]
    assert counts.enabled == 3
    assert sorted(statuses) == ["active", "active", "invited"]
    assert (await desk.store.licenses.summary()).used == 2


async def test_an_invitation_that_was_sent_is_not_sent_again_to_who_comes_back(desk):
    await desk.cycle([record("ann"), record("bob")])
    due = await desk.store.invitations.due(owner="m", limit=1, now=desk.clock.now())
    await desk.store.invitations.sent([due[0]], now=desk.clock.now())
    await desk.cycle([], absent=Action.DISABLE)
    await desk.cycle([record("ann"), record("bob")], Action.ENABLE)
    again = await desk.store.invitations.due(owner="m", now=desk.clock.now())
    assert [invitation.user_id for invitation in again] == [due[0].user_id + 1]


async def test_deleting_keeps_the_address_until_the_person_is_erased_for_good(desk):
    await desk.cycle([record("ann")])
    for _ in range(2):
        await desk.cycle([], absent=Action.DISABLE)
    await desk.cycle([], absent=Action.DELETE)
    assert (await desk.user("ann")).status == "deleted"
    fence = await desk.begin([record("new", email="ann@example.com")])
    assert (await desk.pairs(fence))[0].holder is not None
    [absentee] = await desk.absentees(fence)
    await desk.apply(fence, [Decision(absentee, Action.DELETE, "", settles=False)])
    assert (await desk.pairs(fence))[0].holder is None
    assert (await desk.finish(fence)).deleted == 1
    for table in ("users", "invitations", "memberships", "links"):
        assert await desk.sql(f"SELECT * FROM {table}") == []
    for row in await desk.sql("SELECT * FROM changes"):
        assert (row.label, row.before, row.after) == ("", "{}", "{}")
        assert "ann" not in row.external_id


async def test_a_stale_decision_to_delete_never_erases(desk):
    await desk.cycle([record("ann")])
    await desk.cycle([], absent=Action.DISABLE)
    fence = await desk.begin()
    stale = [Decision(p, Action.DELETE, "", settles=False) for p in await desk.absentees(fence)]
    await desk.apply(fence, stale)
    await desk.apply(fence, stale)
    assert (await desk.user("ann")).status == "deleted"


async def test_restoring_brings_back_the_status_but_not_over_an_admin(desk):
    await desk.cycle([record("ann"), record("bob")])
    await desk.cycle([], absent=Action.DISABLE)
    await desk.sql("UPDATE users SET disabled_by = 'admin' WHERE user_name = 'bob'")
    await desk.cycle([], absent=Action.DELETE)
    await desk.cycle([record("ann"), record("bob")], Action.RESTORE)
    assert [(await desk.user(n)).status for n in ("ann", "bob")] == ["invited", "disabled"]
    assert (await desk.user("bob")).disabled_by == "admin"


async def test_what_is_wrong_with_a_person_is_told_in_every_cycle_and_never_settles(desk):
    warning = (
        '[{"severity":"warning","code":"attribute_without_field","message":"No field.",'
        '"attribute":"shoe","value_kind":"text","hint":"Remove it."}]'
    )
    await desk.cycle([record("ann", problems=warning)])
    for _ in range(2):
        counts = await desk.cycle([record("ann", problems=warning)], Action.NOTHING)
        assert (counts.warnings, counts.changed, counts.unchanged) == (1, 0, 0)
    cycle = (await desk.store.cycles.list(limit=1))[0]
    [group] = await desk.store.cycles.problem_groups(cycle.id)
    assert (group.code, group.people, group.samples) == (
        "attribute_without_field", 1, ("ann@example.com",)
    )  # fmt: skip
    fence = await desk.begin()
    assert [chunk async for chunk in desk.store.sync.known(fence)] == []


async def test_a_conflict_touches_nobody_and_is_told(desk):
    problem = Problem(severity=Severity.CONFLICT, code="email_taken", message="Taken.")
    fence = await desk.begin([record("ann")])
    pairs = await desk.pairs(fence)
    decisions = [Decision(p, Action.CONFLICT, "", settles=False, problem=problem) for p in pairs]
    await desk.apply(fence, decisions)
    assert (await desk.finish(fence, 1)).conflicts == 1
    assert await desk.sql("SELECT * FROM users") == []


async def test_a_record_out_of_scope_is_known_by_its_digest_and_forgotten_when_gone(desk):
    await desk.cycle([record("ann", scope=ScopeAnswer.OUT)], Action.NOTHING)
    fence = await desk.begin()
    [absentee] = await desk.absentees(fence)
    assert (absentee.external_id, absentee.user_id) == ("ann", None)
    await desk.apply(fence, [Decision(absentee, Action.NOTHING, "", settles=False)])
    assert await desk.sql("SELECT * FROM links") == []


async def test_a_task_cancelled_at_any_moment_leaves_a_whole_transaction_or_none(desk, scale):
    rounds = 60 if scale == "full" else 15
    whole = 0
    for number in range(rounds):
        names = [f"r{number}-{n}" for n in range(40)]
        fence = await desk.begin([record(name) for name in names])
        decisions = [Decision(p, Action.CREATE, "", settles=True) for p in await desk.pairs(fence)]
        task = asyncio.create_task(desk.apply(fence, decisions))
        await asyncio.sleep(number * 0.02 / rounds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        prefix = f"r{number}-%"
        found = await desk.sql("SELECT id FROM users WHERE user_name LIKE :p", p=prefix)
        links = await desk.sql("SELECT user_id FROM links WHERE external_id LIKE :p", p=prefix)
        cycle = fence.cycle_id
        changes = await desk.sql("SELECT id FROM changes WHERE cycle_id = :c", c=cycle)
        assert {len(found), len(links), len(changes)} in ({0}, {40})
        whole += len(found) == 40
        await desk.finish(fence)
    assert whole > 0
