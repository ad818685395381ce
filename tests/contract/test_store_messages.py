"""Outbox, inbox, invitations, held sets, settings: what waits for people."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.errors import ConflictError
from core.model.cycle import Action, HeldItem, HeldState, Trigger
from core.model.directory import ExternalId, ResourceKind
from core.model.events import Delivery, EventKind, NewOutboxItem
from tests.support.people import ADA, Desk, record

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    await desk.configure(licenses=2)
    return desk


def note(key, stream="s", **more):
    return NewOutboxItem(key=key, stream=stream, kind=EventKind.ALERT, subject=key, **more)


async def due(desk, owner="n"):
    return [item for item, _ in await desk.store.outbox.due(owner=owner, now=desk.clock.now())]


async def test_a_stream_is_delivered_in_order_and_others_beside_it(desk):
    outbox, now = desk.store.outbox, desk.clock.now()
    await outbox.put([note("a1", "a"), note("a2", "a"), note("b1", "b")], now=now)
    first = await due(desk)
    assert [item.key for item in first] == ["a1", "b1"]
    assert await due(desk) == []
    await outbox.retry(first[0], at=now + MINUTE, error="later")
    await outbox.delivered(first[1], None, now=now)
    assert await due(desk) == []
    desk.clock.time += MINUTE
    [again] = await due(desk)
    assert (again.key, again.attempts) == ("a1", 1)
    await outbox.delivered(again, None, now=now)
    assert [item.key for item in await due(desk)] == ["a2"]
    assert await outbox.backlog() == (1, 0)


async def test_an_item_marked_anew_while_it_is_delivered_stays_pending(desk):
    outbox, now = desk.store.outbox, desk.clock.now()
    await outbox.put([note("a")], now=now)
    [item] = await due(desk)
    await outbox.put([note("a", payload={"n": 2})], now=now)
    card = Delivery(key="a", channel="C1", ts="1.2", shown="x")
    await outbox.delivered(item, card, now=now)
    [(again, shown)] = await outbox.due(owner="n", now=now)
    assert (again.payload, shown) == ({"n": 2}, card)
    await outbox.delivered(again, card, now=now)
    assert await outbox.backlog() == (0, 0)


async def test_a_new_mark_does_not_shorten_the_wait_that_slack_asked_for(desk):
    outbox, now = desk.store.outbox, desk.clock.now()
    await outbox.put([note("a")], now=now)
    [item] = await due(desk)
    await outbox.retry(item, at=now + MINUTE, error="429")
    await outbox.put([note("a")], now=now)
    assert await due(desk) == []


async def test_a_claim_that_was_never_answered_is_offered_again(desk):
    await desk.store.outbox.put([note("a")], now=desk.clock.now())
    assert len(await due(desk)) == 1
    desk.clock.time += 2 * MINUTE
    assert len(await due(desk, "other")) == 1


async def test_whoever_was_paused_while_they_delivered_has_the_card_shown_anew(desk):
    outbox = desk.store.outbox
    await outbox.put([note("a")], now=desk.clock.now())
    [paused] = await due(desk)
    desk.clock.time += 2 * MINUTE
    await outbox.put([note("a", payload={"n": 2})], now=desk.clock.now())
    [item] = await due(desk, "other")
    new, old = (Delivery(key="a", channel="C1", ts="1.2", shown=shown) for shown in ("new", "old"))
    await outbox.delivered(item, new, now=desk.clock.now())
    assert await outbox.backlog() == (0, 0)
    await outbox.delivered(paused, old, now=desk.clock.now())
    [(again, shown)] = await outbox.due(owner="n", now=desk.clock.now())
    assert (again.payload, shown) == ({"n": 2}, old)


async def test_whoever_was_paused_does_not_take_an_item_from_others(desk):
    outbox = desk.store.outbox
    await outbox.put([note("a", channel="C1")], now=desk.clock.now())
    [paused] = await due(desk)
    desk.clock.time += 2 * MINUTE
    [item] = await due(desk)
    await outbox.retry(paused, at=desk.clock.now(), error="timeout")
    await outbox.undeliverable(paused, error="is_archived", now=desk.clock.now())
    assert await due(desk) == []
    await outbox.delivered(item, None, now=desk.clock.now())
    assert await outbox.backlog() == (0, 0)


async def test_an_undeliverable_item_is_counted_and_shown(desk):
    outbox, now = desk.store.outbox, desk.clock.now()
    await outbox.put([note("a", channel="C1")], now=now)
    [item] = await due(desk)
    await outbox.undeliverable(item, error="is_archived", now=now)
    assert await outbox.backlog() == (0, 1)
    assert (await outbox.delivery("a")).undeliverable == "is_archived"


async def test_no_item_is_given_to_two_who_ask_at_once(desk):
    items = [note(f"k{n}", f"s{n}") for n in range(30)]
    await desk.store.outbox.put(items, now=desk.clock.now())
    given = await asyncio.gather(*(due(desk, f"n{n}") for n in range(6)))
    keys = [item.key for part in given for item in part]
    assert sorted(keys) == sorted(set(keys))
    assert len(keys) >= 20


async def test_a_request_is_taken_on_once(desk):
    now = desk.clock.now()
    taken = await asyncio.gather(*(desk.store.inbox.claim("k", now=now) for _ in range(20)))
    assert sum(taken) == 1
    await desk.store.inbox.purge(now + MINUTE)
    assert await desk.store.inbox.claim("k", now=now)


async def test_an_invitation_is_handed_over_once_and_given_up_on_request(desk):
    await desk.cycle([record("ann"), record("bob")])
    now = desk.clock.now()
    both = await desk.store.invitations.due(owner="m", now=now)
    assert len({invitation.message_id for invitation in both}) == 2
    assert await desk.store.invitations.due(owner="x", now=now) == []
    await desk.store.invitations.sent([both[0]], now=now)
    await desk.store.invitations.failed(both[1], error="greylisted", retry_at=now + MINUTE)
    desk.clock.time += 3 * MINUTE
    [again] = await desk.store.invitations.due(owner="m", now=desk.clock.now())
    assert (again.message_id, again.attempts) == (both[1].message_id, 1)
    await desk.store.invitations.failed(again, error="no such user", retry_at=None)
    desk.clock.time += 3 * MINUTE
    assert await desk.store.invitations.due(owner="m", now=desk.clock.now()) == []


def items(*names):
    return [
        HeldItem(
            kind=ResourceKind.USER,
            external_id=ExternalId(name),
            label=name,
            action=Action.DISABLE,
            reason="absent",
        )
        for name in names
    ]


async def hold(desk, fence, *names, digest="d1"):
    return await desk.store.sync.hold(
        fence, items(*names), limit=5, provisioned=20, reason="over the limit", digest=digest
    )


async def decide(desk, verb, held, digest="d1", **more):
    return await getattr(desk.store.held, verb)(
        held, digest=digest, by=ADA, audit=desk.entry(), now=desk.clock.now(), **more
    )


async def test_a_release_starts_a_cycle_that_knows_exactly_its_items(desk):
    fence = await desk.begin()
    held = await hold(desk, fence, "ann", "bob")
    await desk.finish(fence)
    with pytest.raises(ConflictError) as refused:
        await decide(desk, "release", held, digest="other", channel=None)
    assert refused.value.code == "held_changed"
    cycle = await decide(desk, "release", held, channel=None)
    assert (cycle.trigger, cycle.held_set_id) == (Trigger.RELEASE, held)
    claim = await desk.claim()
    released = await desk.store.sync.released_items(claim.fence)
    assert released == {("user", "ann", "disable"), ("user", "bob", "disable")}
    with pytest.raises(ConflictError) as again:
        await decide(desk, "reject", held)
    assert again.value.code == "held_decided"


async def test_the_same_set_held_again_is_kept_and_another_one_supersedes_it(desk):
    fence = await desk.begin()
    held = await hold(desk, fence, "ann")
    assert await hold(desk, fence, "ann") == held
    other = await hold(desk, fence, "bob", digest="d2")
    assert (await desk.store.held.get(held)).state is HeldState.SUPERSEDED
    assert [each.id for each in await desk.store.held.open()] == [other]
    assert [item.label for item in await desk.store.held.items(other)] == ["bob"]


async def test_a_held_set_expires_after_24_hours(desk):
    fence = await desk.begin()
    held = await hold(desk, fence, "ann")
    await desk.finish(fence)
    desk.clock.time += timedelta(hours=24)
    with pytest.raises(ConflictError) as refused:
        await decide(desk, "release", held, channel=None)
    assert refused.value.code == "held_expired"
    assert await desk.store.held.expire(desk.clock.now()) == 1
    assert (await desk.store.held.get(held[:5])).state is HeldState.EXPIRED


async def test_rejected_people_are_remembered_until_they_are_seen_again(desk):
    await desk.cycle([record("ann"), record("bob")])
    fence = await desk.begin()
    held = await hold(desk, fence, "ann", "bob")
    await desk.finish(fence)
    await decide(desk, "reject", held)
    fence = await desk.begin([record("ann", title="Back")])
    assert await desk.store.sync.rejected_items(fence) == {("user", "ann"), ("user", "bob")}
    await desk.finish(fence, 1)
    fence = await desk.begin()
    assert await desk.store.sync.rejected_items(fence) == {("user", "bob")}


async def test_settings_are_stored_once_by_default_and_replaced_on_purpose(desk):
    settings = desk.store.settings
    assert await settings.get("a") is None
    assert await settings.set_default("a", "1") == "1"
    assert await settings.set_default("a", "2") == "1"
    await settings.set("a", "3")
    assert await settings.get("a") == "3"
