"""Groups, memberships, dry runs and configurations, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import FencedError, NotFoundError
from core.model.configuration import CsvSettings, Guard, Schedule, Scope
from core.model.cycle import Action, CycleState, Decision, GroupChange
from core.model.directory import ExternalId
from core.model.verdict import Verdict
from tests.support.people import ADA, SPEC, Desk, record


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    await desk.configure(licenses=2)
    return desk


def ids(*names):
    return frozenset(ExternalId(name) for name in names)


def change(action, name="Team", *, added=(), removed=(), members=0, previous=None):
    return GroupChange(
        external_id=ExternalId("g1"),
        action=action,
        display_name=name,
        previous_name=previous,
        added=ids(*added),
        removed=ids(*removed),
        members=members,
    )


async def put(desk, fence, given, digest):
    await desk.store.sync.apply_groups(fence, [(given, digest)], now=desk.clock.now())


async def test_a_group_is_created_changed_and_deleted_with_its_members(desk):
    await desk.cycle([record("ann"), record("bob")])
    sync, fence = desk.store.sync, await desk.begin()
    await put(desk, fence, change(Action.CREATE, added=["ann", "bob"], members=2), b"\x00\xff")
    assert await sync.groups(fence) == [("g1", "Team", b"\x00\xff")]
    assert (await desk.store.people.by_email("ann@example.com")).groups == ("Team",)
    renamed = change(Action.UPDATE, "Crew", removed=["ann"], members=1, previous="Team")
    await desk.finish(fence)
    fence = await desk.begin()
    await put(desk, fence, renamed, b"\x01")
    assert await sync.groups(fence) == [("g1", "Crew", b"\x01")]
    assert await sync.group_members(fence, ExternalId("g1")) == {"bob"}
    [recorded] = await desk.store.cycles.changes(fence.cycle_id)
    assert recorded.before == {"display_name": "Team"}
    assert recorded.after == {"display_name": "Crew", "members_removed": 1}
    assert (await desk.finish(fence)).groups_updated == 1
    fence = await desk.begin()
    await put(desk, fence, change(Action.DELETE, "Crew"), b"")
    assert await sync.groups(fence) == []
    assert await desk.sql("SELECT * FROM memberships") == []
    assert (await desk.finish(fence)).groups_deleted == 1


async def test_groups_come_back_with_who_comes_back(desk):
    await desk.cycle([record("ann")])
    fence = await desk.begin()
    await put(desk, fence, change(Action.CREATE, added=["ann"], members=1), b"1")
    await desk.finish(fence)
    await desk.cycle([], absent=Action.DISABLE)
    await desk.cycle([record("ann")], Action.ENABLE)
    assert (await desk.store.people.by_email("ann@example.com")).groups == ("Team",)


async def test_a_dry_run_keeps_its_plan_and_changes_nobody(desk):
    await desk.queue(dry_run=True)
    fence = (await desk.claim()).fence
    await desk.store.sync.begin(fence, decoder_revision="1")
    await desk.store.sync.stage(fence, [record("ann"), record("bob")])
    decisions = [Decision(p, Action.CREATE, "new", settles=True) for p in await desk.pairs(fence)]
    await desk.store.sync.record_plan(fence, decisions)
    await desk.store.sync.record_group_plan(fence, [change(Action.CREATE, added=["ann"])])
    counts = await desk.finish(fence, 2)
    plan = await desk.store.cycles.plan(fence.cycle_id)
    assert [(item.kind, item.action, item.external_id) for item in plan] == [
        ("user", "create", "ann"), ("user", "create", "bob"), ("group", "create", "g1")
    ]  # fmt: skip
    assert (counts.created, counts.groups_created, counts.invited) == (2, 1, 0)
    assert await desk.store.people.count() == 0


async def test_applying_a_configuration_twice_writes_nothing_the_second_time(desk):
    spec = replace(
        SPEC,
        name="Csv.1",
        provider=CsvSettings(file="people.csv", columns={"email": "E-Mail"}),
        scope=Scope(groups=("A",), domains=("example.com",)),
        schedule=Schedule(cron="0 2 * * *", timezone="Europe/Berlin"),
        guard=Guard(canaries=("boss@example.com",), max_creations=9),
        grace=timedelta(days=3, seconds=1),
    )
    apply, now = desk.store.configurations.apply, desk.clock.now()
    assert await apply([SPEC, spec], licenses_total=3, by=ADA, now=now) == [
        ("people", "unchanged"), ("Csv.1", "created")
    ]  # fmt: skip
    entries = await desk.store.audit.list()
    assert [name for name, _ in await apply([spec], licenses_total=3, by=ADA, now=now)] == ["Csv.1"]
    assert await desk.store.audit.list() == entries
    stored = await desk.store.configurations.by_name("csv.1")
    assert (stored.spec, stored.revision) == (spec, 1)


async def test_a_changed_mapping_makes_everybody_be_looked_at_again(desk):
    await desk.cycle([record("ann")])
    await desk.configure(replace(SPEC, channel="C1"))
    await desk.queue()
    fence = (await desk.claim()).fence
    assert [len(chunk) async for chunk in desk.store.sync.known(fence)] == [1]
    await desk.configure(replace(SPEC, channel="C1", mapping={"title": "role"}))
    assert [chunk async for chunk in desk.store.sync.known(fence)] == []
    with pytest.raises(FencedError):
        await desk.store.sync.stage(fence, [])


async def test_failures_are_counted_and_forgotten_after_a_success(desk):
    found = await desk.store.configurations.by_name("people")
    for code in ("remote_unavailable", "sign_in_needed"):
        await desk.finish(await desk.begin([]), error=code)
    stopped = await desk.store.configurations.get(found.id)
    assert (stopped.failures, stopped.stopped_reason) == (2, "sign_in_needed")
    await desk.finish(await desk.begin([]))
    well = await desk.store.configurations.get(found.id)
    assert (well.failures, well.stopped_reason, well.revision) == (0, None, found.revision)


async def test_a_cycle_does_not_end_without_what_its_end_means(desk):
    def judge(*_: object) -> Verdict:
        raise RuntimeError

    fence = await desk.begin([])
    with pytest.raises(RuntimeError):
        await desk.finish(fence, judge=judge)
    assert (await desk.store.cycles.get(fence.cycle_id)).state is CycleState.RUNNING
    await desk.finish(fence)
    assert (await desk.store.cycles.get(fence.cycle_id)).state is CycleState.FINISHED


async def test_people_are_searched_without_wildcards_of_their_own(desk):
    await desk.cycle([record("ann_1"), record("annx1"), record("bob")])
    found = await desk.store.people.search(text="N_1")
    assert [user.user_name for user in found] == ["ann_1"]
    assert await desk.store.people.count(text="example.com") == 3
    with pytest.raises(NotFoundError):
        await desk.store.people.get(99)


async def test_configurations_changed_by_several_at_once_are_each_a_revision(desk):
    """Two changes under one revision would leave a running cycle unfenced."""
    found = await desk.store.configurations.by_name("people")
    specs = [replace(found.spec, grace=timedelta(days=days)) for days in range(40, 48)]
    now = desk.clock.now()
    await asyncio.gather(
        *(
            desk.store.configurations.apply([spec], licenses_total=None, by=ADA, now=now)
            for spec in specs
        )
    )
    assert (await desk.store.configurations.get(found.id)).revision == found.revision + 8


async def test_a_configuration_created_by_several_at_once_is_one(desk):
    found = await desk.store.configurations.by_name("people")
    spec = replace(found.spec, name="another")
    now = desk.clock.now()
    outcomes = await asyncio.gather(
        *(
            desk.store.configurations.apply([spec], licenses_total=None, by=ADA, now=now)
            for _ in range(5)
        )
    )
    assert sorted(outcomes) == [[("another", "created")]] + [[("another", "unchanged")]] * 4
