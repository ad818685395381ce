"""Leases and fences: who may write, and who no longer may."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.errors import AlreadyRunningError, ConflictError, FencedError, NotFoundError
from core.model.configuration import InvitationWay
from core.model.cycle import (
    Action,
    CycleResult,
    CycleState,
    Decision,
    HeldItem,
    Progress,
    Step,
    Trigger,
)
from core.model.directory import ExternalId, ResourceKind
from core.model.reading import Repeats
from tests.support.people import ADA, SPEC, Desk, record


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    await desk.configure(licenses=2)
    return desk


async def writes(desk, fence):
    """Try every kind of write and return the codes of the refusals."""
    sync = desk.store.sync
    item = HeldItem(
        kind=ResourceKind.USER,
        external_id=ExternalId("a"),
        label="a",
        action=Action.DISABLE,
        reason="",
    )
    held = {"limit": 1, "provisioned": 1, "reason": "", "digest": "d"}
    pairs = await desk.pairs(fence) if fence in sync._prepared else []
    new = [n async for n in sync.newcomers(fence)] if fence in sync._prepared else []
    creation = Decision(new[0].pair, Action.CREATE, "", settles=True) if new else None
    attempts = [
        *(_created(desk, fence, some, creation) for some in new),
        sync.begin(fence, decoder_revision="1"),
        sync.stage(fence, [record("late")]),
        sync.stage_unmet(fence, [b"x"]),
        sync.hold(fence, [item], **held),
        sync.settle_held(fence),
        desk.apply(fence, [Decision(p, Action.CREATE, "", settles=True) for p in pairs] or [None]),
        sync.apply_groups(fence, [], now=desk.clock.now()),
        sync.record_plan(fence, []),
        sync.record_group_plan(fence, []),
        sync.progress(fence, Progress(step=Step.READ)),
    ]
    found = await asyncio.gather(*attempts, return_exceptions=True)
    return {error.code if isinstance(error, FencedError) else repr(error) for error in found}


def _created(desk, fence, found, decision):
    return desk.store.sync.create_newcomers(
        fence, found, decision, now=desk.clock.now(), send=InvitationWay.MAIL
    )


async def _expire(desk):
    """Let every lease run out, by whichever clock it runs."""
    desk.clock.time += 2 * (desk.clock.time - desk.clock.time.replace(hour=0))
    await desk.sql("UPDATE leases SET expires_at = 1")


async def test_a_worker_whose_lease_ran_out_can_write_nothing(desk):
    fence = await desk.begin([record("ann")])
    await desk.pairs(fence)
    await _expire(desk)
    before = await desk.store.maintenance.digest()
    assert await writes(desk, fence) == {"fenced"}
    with pytest.raises(FencedError):
        await desk.finish(fence)
    with pytest.raises(FencedError):
        await desk.store.cycles.heartbeat(fence)
    assert await desk.store.maintenance.digest() == before


async def test_a_cycle_left_behind_is_taken_over_and_its_old_worker_fenced(desk):
    fence = await desk.begin([record("ann")])
    assert await desk.store.cycles.claim(owner="v", now=desk.clock.now()) is None
    await _expire(desk)
    taken = await desk.claim("v")
    assert (taken.resumed, taken.cycle.resumed, taken.fence.epoch) == (True, 1, fence.epoch + 1)
    with pytest.raises(FencedError) as refused:
        await desk.store.sync.stage(fence, [record("bob")])
    assert refused.value.code == "fenced"
    await desk.store.sync.begin(taken.fence, decoder_revision="1")
    assert await desk.pairs(taken.fence) == []


async def test_a_worker_that_takes_its_own_cycle_over_is_fenced_where_it_was_before(desk):
    fence = await desk.begin([record("ann")])
    await _expire(desk)
    taken = await desk.claim(fence.owner)
    assert await writes(desk, fence) == {"fenced"}
    with pytest.raises(FencedError):
        await desk.store.cycles.heartbeat(fence)
    with pytest.raises(FencedError):
        await desk.finish(fence)
    assert await desk.store.cycles.heartbeat(taken.fence)


async def test_handing_over_lets_another_worker_claim_at_once(desk):
    fence = await desk.begin()
    await desk.store.cycles.abandon(fence)
    assert (await desk.claim("v")).cycle.id == fence.cycle_id


async def test_a_changed_configuration_fences_the_running_cycle(desk):
    fence = await desk.begin([record("ann")])
    await desk.pairs(fence)
    await desk.configure(replace(SPEC, channel="C1"))
    assert await writes(desk, fence) == {"configuration_changed"}


async def test_disabling_ends_the_cycle_and_fences_its_worker(desk):
    fence = await desk.begin([record("ann")])
    await desk.store.lifecycle.set_enabled(fence.configuration_id, False, audit=desk.entry())
    with pytest.raises(FencedError):
        await desk.store.sync.stage(fence, [record("bob")])
    cycle = await desk.store.cycles.get(fence.cycle_id)
    assert (cycle.state, cycle.result) == (CycleState.FINISHED, CycleResult.CANCELLED)
    assert await desk.sql("SELECT * FROM staged_users") == []
    with pytest.raises(ConflictError) as refused:
        await desk.queue()
    assert refused.value.code == "configuration_disabled"


async def test_a_cancelled_cycle_can_write_nothing_more_but_can_end(desk):
    fence = await desk.begin([record("ann")])
    await desk.pairs(fence)
    await desk.store.cycles.request_cancel(
        fence.cycle_id, by=ADA, audit=desk.entry(), now=desk.clock.now()
    )
    assert await writes(desk, fence) == {"cancel_requested"}
    assert await desk.store.cycles.heartbeat(fence) is False
    await desk.finish(fence)
    assert (await desk.store.cycles.get(fence.cycle_id)).state is CycleState.FINISHED


async def test_a_queued_cycle_is_cancelled_at_once(desk):
    cycle = await desk.queue()
    ended = await desk.store.cycles.request_cancel(
        cycle.id, by=ADA, audit=desk.entry(), now=desk.clock.now()
    )
    assert (ended.state, ended.result) == (CycleState.FINISHED, CycleResult.CANCELLED)
    assert await desk.store.cycles.claim(owner="w", now=desk.clock.now()) is None


async def test_of_many_requests_at_once_one_cycle_is_queued_and_the_others_name_it(desk):
    found = await asyncio.gather(*(desk.queue() for _ in range(20)), return_exceptions=True)
    queued = [cycle for cycle in found if not isinstance(cycle, BaseException)]
    refused = [error for error in found if isinstance(error, AlreadyRunningError)]
    assert (len(queued), len(refused)) == (1, 19)
    assert {error.cycle_id for error in refused} == {queued[0].id}
    assert len(await desk.sql("SELECT * FROM outbox")) == 1


async def test_of_many_workers_one_claims_a_cycle(desk):
    await desk.queue()
    now = desk.clock.now()
    claims = await asyncio.gather(
        *(desk.store.cycles.claim(owner=f"w{n}", now=now) for n in range(10))
    )
    assert sum(claim is not None for claim in claims) == 1


async def test_a_slot_starts_one_cycle_however_many_offer_it(desk):
    found = await desk.store.configurations.by_name("PEOPLE")
    now = desk.clock.now()
    offers = await asyncio.gather(
        *(desk.store.slots.offer(found.id, now, now=now) for _ in range(10))
    )
    assert sum(cycle is not None for cycle in offers) == 1
    assert await desk.store.slots.last(found.id, now=now) == now


async def test_a_slot_during_an_open_cycle_is_skipped_for_good(desk):
    found = await desk.store.configurations.by_name("people")
    fence = await desk.begin()
    now = desk.clock.now()
    assert await desk.store.slots.offer(found.id, now, now=now) is None
    await desk.finish(fence)
    assert await desk.store.slots.offer(found.id, now, now=now) is None


async def test_a_slot_during_a_preview_waits_for_its_end(desk):
    found = await desk.store.configurations.by_name("people")
    preview = await desk.queue(dry_run=True)
    now = desk.clock.now()
    assert await desk.store.slots.offer(found.id, now, now=now) is None
    await desk.store.cycles.request_cancel(preview.id, by=ADA, audit=desk.entry(), now=now)
    cycle = await desk.store.slots.offer(found.id, now, now=now)
    assert cycle is not None
    assert cycle.trigger is Trigger.SCHEDULED


async def test_a_cycle_is_found_by_a_unique_beginning_of_its_id(desk):
    cycle = await desk.queue()
    assert (await desk.store.cycles.get(cycle.id[:6].upper())).id == cycle.id
    for unknown in ("", "c-zzzzzzzzz", "%"):
        with pytest.raises(NotFoundError):
            await desk.store.cycles.get(unknown)


async def test_known_digests_are_forgotten_under_another_decoder(desk):
    await desk.cycle([record("ann")])
    await desk.queue()
    fence = (await desk.claim()).fence
    await desk.store.sync.begin(fence, decoder_revision="1")
    known = [k async for chunk in desk.store.sync.known(fence) for k in chunk]
    assert known == [record("ann").digest]
    assert await desk.store.sync.known_of(fence, ["ann", "bob"]) == {record("ann").digest}
    assert await desk.store.sync.known_of(fence, ["bob"]) == frozenset()
    await desk.store.sync.begin(fence, decoder_revision="2")
    assert [chunk async for chunk in desk.store.sync.known(fence)] == []


async def test_repeated_ids_and_settled_people_met_again_are_counted(desk):
    await desk.cycle([record("ann")])
    await desk.queue()
    fence = (await desk.claim()).fence
    await desk.store.sync.begin(fence, decoder_revision="1")
    changed = record("ann", title="Manager")
    await desk.store.sync.stage(fence, [changed, record("bob"), record("bob", title="Other")])
    await desk.store.sync.stage(fence, [record("bob"), record("eve")])
    assert await desk.store.sync.drop_repeats(fence) == Repeats(staged=2, settled=1)
    await desk.store.sync.stage_unmet(fence, [record("ann").digest])
    assert await desk.store.sync.drop_repeats(fence) == Repeats(staged=0, settled=0)
    pairs = [pair async for chunk in desk.store.sync.pairs(fence) for pair in chunk]
    assert {pair.external_id: pair.digest for pair in pairs} == {
        one.external_id: one.digest for one in (changed, record("bob"), record("eve"))
    }
