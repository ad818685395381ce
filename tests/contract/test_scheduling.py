"""The worker, the outbox and the ticker over the real stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from core.engine.cycle import run_cycle
from core.errors import (
    ConfigurationError,
    SignInError,
    StoreUnavailableError,
    TerminalRemoteError,
    TransientRemoteError,
)
from core.model.account import Invitation
from core.model.configuration import Schedule
from core.model.cycle import Cycle, CycleResult, CycleState, HeldState, Trigger
from core.model.directory import Page
from core.model.events import Delivery, EventKind, NewOutboxItem, OutboxItem
from core.scheduling.inviting import MailLine
from core.scheduling.outbox import OutboxLoop
from core.scheduling.slots import spread
from core.scheduling.ticker import Ticker
from core.scheduling.worker import Worker
from tests.support.figures import FULL
from tests.support.scripted_directory import ScriptedDirectory, people
from tests.support.store_world import ADA, StoreWorld, store_world

LEASE = 2.0


@pytest_asyncio.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    async with store_world(database_url, people(12), lease_seconds=LEASE) as found:
        yield found


class Gate(ScriptedDirectory):
    """A directory whose second page comes when the test says so."""

    def __init__(self) -> None:
        super().__init__(people(12))
        self.waiting = asyncio.Event()
        self.go = asyncio.Event()

    async def read_users(self) -> AsyncIterator[Page]:
        """Yield a page, then wait."""
        async for page in super().read_users():
            yield page
            self.waiting.set()
            await self.go.wait()


def worker_of(world: StoreWorld, directory: ScriptedDirectory | None = None, **more: object):
    async def opened(_: object) -> ScriptedDirectory:
        return directory or world.directory

    given = {"open_provider": opened, "lease_seconds": LEASE, "poll": 0.05, **more}
    return Worker(store=world.store, clock=world.clock, **given)


@asynccontextmanager
async def running(one: Worker | OutboxLoop, *, within: float = 30.0) -> AsyncIterator[None]:
    task = asyncio.create_task(one.run())
    try:
        await asyncio.sleep(0)
        yield
    finally:
        await one.stop(within=within)
        await asyncio.wait_for(task, 30)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is awaited happens in a database
            await asyncio.sleep(0.02)


async def ended(world: StoreWorld, cycle: Cycle) -> Cycle:
    async def is_finished() -> bool:
        return (await world.store.cycles.get(cycle.id)).state is CycleState.FINISHED

    await until(is_finished)
    return await world.store.cycles.get(cycle.id)


async def alerts(world: StoreWorld) -> list[str]:
    rows = await world.sql("SELECT payload FROM outbox WHERE kind = 'alert' ORDER BY id")
    kinds = ("sign_in_needed", "sync_failed", "recovered", "cycle_resumed")
    return [kind for (payload,) in rows for kind in kinds if f'"{kind}"' in str(payload)]


async def test_a_queued_cycle_is_run_and_the_provider_closed(world):
    worker = worker_of(world, poll=30.0)
    async with running(worker):
        await asyncio.sleep(0.2)
        queued = await world.queue()
        worker.poke()
        cycle = await ended(world, queued)
    assert cycle.result is CycleResult.SUCCESS
    assert world.directory.closed == 1


async def test_a_provider_that_cannot_be_opened_fails_the_cycle_with_its_reason(world):
    async def refused(_: object) -> ScriptedDirectory:
        raise ConfigurationError("No such secret.", code="secret_missing", hint="Set it.")

    async with running(worker_of(world, open_provider=refused)):
        cycle = await ended(world, await world.queue())
    assert (cycle.result, cycle.error.code) == (CycleResult.FAILURE, "secret_missing")


async def test_a_fault_of_our_own_ends_that_cycle_and_not_the_worker(world):
    async def broken(_: object) -> ScriptedDirectory:
        raise ZeroDivisionError

    async with running(worker_of(world, open_provider=broken)):
        for _ in range(2):
            cycle = await ended(world, await world.queue())
            assert (cycle.result, cycle.error.code) == (CycleResult.FAILURE, "internal_error")


async def test_lost_credentials_stop_the_schedule_until_a_sync_works_again(world):
    world.directory.bend = lambda _: [SignInError("The token was refused.")]
    worker = worker_of(world)
    async with running(worker):
        for _ in range(2):
            await ended(world, await world.queue())
            await until(lambda: _has(world, failures=True))
        stopped = await world.configuration()
        assert stopped.stopped_reason == "sign_in_needed"
        world.directory.bend = list
        await ended(world, await world.queue())
        await until(lambda: _has(world, failures=False))
    assert (await world.configuration()).stopped_reason is None
    assert await alerts(world) == ["sign_in_needed", "recovered"]


async def _has(world: StoreWorld, *, failures: bool) -> bool:
    return bool((await world.configuration()).failures) is failures


async def test_a_request_to_cancel_stops_a_cycle_that_waits_for_the_provider(world):
    gate = Gate()
    async with running(worker_of(world, gate)):
        queued = await world.queue()
        await gate.waiting.wait()
        await world.store.cycles.request_cancel(
            queued.id, by=ADA, audit=world.audit(), now=world.clock.now()
        )
        async with asyncio.timeout(60):
            cycle = await ended(world, queued)
    assert cycle.result is CycleResult.CANCELLED
    assert await world.store.people.count() == 0


async def test_disabling_the_configuration_stops_its_cycle(world):
    gate = Gate()
    worker = worker_of(world, gate)
    async with running(worker):
        queued = await world.queue()
        await gate.waiting.wait()
        configuration = (await world.configuration()).id
        await world.store.lifecycle.set_enabled(configuration, False, audit=world.audit())

        async def idle() -> bool:
            return worker.busy == 0

        await until(idle, 5)
    assert (await world.store.cycles.get(queued.id)).result is CycleResult.CANCELLED


async def test_a_worker_that_stops_hands_its_cycle_over_at_once(world):
    gate = Gate()
    queued = await world.queue()
    async with running(worker_of(world, gate), within=0.1):
        await gate.waiting.wait()
    assert (await world.store.cycles.get(queued.id)).state is CycleState.RUNNING
    async with running(worker_of(world)):
        cycle = await ended(world, queued)
    assert (cycle.result, cycle.resumed) == (CycleResult.SUCCESS, 1)
    assert await alerts(world) == ["cycle_resumed"]


async def test_a_worker_that_stops_lets_a_short_cycle_end(world):
    queued = await world.queue()
    worker = worker_of(world)
    async with running(worker):

        async def busy() -> bool:
            return worker.busy > 0 or (await world.store.cycles.get(queued.id)).result is not None

        await until(busy)
    assert (await world.store.cycles.get(queued.id)).result is CycleResult.SUCCESS


async def test_a_lease_is_kept_while_the_provider_is_slow(world):
    gate = Gate()
    async with running(worker_of(world, gate, lease_seconds=0.4)):
        queued = await world.queue()
        await gate.waiting.wait()
        await asyncio.sleep(LEASE + 0.3)
        assert await world.store.cycles.claim(owner="other", now=world.clock.now()) is None
        gate.go.set()
        cycle = await ended(world, queued)
    assert (cycle.result, cycle.resumed) == (CycleResult.SUCCESS, 0)


async def test_two_workers_share_cycles_and_each_runs_once(world):
    async with running(worker_of(world)), running(worker_of(world)):
        for _ in range(5):
            cycle = await ended(world, await world.queue())
            assert (cycle.result, cycle.resumed) == (CycleResult.SUCCESS, 0)


async def test_the_plan_of_a_cycle_taken_over_midway_is_not_compared_again(world):
    preview, _ = await world.cycle(dry_run=True)
    queued = await world.queue(bound_plan=preview.plan_digest)
    claim = await world.claim("dying")
    applied = world.store.sync.create_newcomers

    async def one_batch(*args: object, **more: object) -> None:
        await applied(*args, **more)
        raise StoreUnavailableError("The machine is gone.")

    class Half:
        def __getattr__(self, name: str) -> object:
            return one_batch if name == "create_newcomers" else getattr(world.store.sync, name)

    context = replace(world.context(claim, batch=4), store=Half())
    with pytest.raises(StoreUnavailableError):
        await run_cycle(context)
    await world.store.cycles.abandon(claim.fence)
    async with running(worker_of(world)):
        cycle = await ended(world, queued)
    assert cycle.result is CycleResult.SUCCESS
    assert await world.store.people.count() == 12


class Channel:
    """A notifier that keeps what it delivered, and fails as scripted."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.tries: list[str] = []
        self.faults: dict[str, list[Exception]] = {}

    async def deliver(self, item: OutboxItem, shown: Delivery | None) -> Delivery | None:
        """Deliver, or raise the next scripted fault of this key."""
        self.tries.append(item.key)
        if faults := self.faults.get(item.key):
            raise faults.pop(0)
        self.seen.append(item.key)
        return Delivery(key=item.key, channel="C1", ts=str(len(self.seen)), shown="x")


def item(key: str, stream: str) -> NewOutboxItem:
    return NewOutboxItem(key=key, stream=stream, kind=EventKind.RECORD, subject=key)


def loop_of(world: StoreWorld, channel: Channel, **more: object) -> OutboxLoop:
    return OutboxLoop(
        store=world.store, clock=world.clock, notifier=channel, **{"poll": 0.02, **more}
    )


async def test_messages_of_a_stream_arrive_in_order_and_others_do_not_wait(world):
    channel = Channel()
    channel.faults["a1"] = [TransientRemoteError("busy", retry_after=3600)]
    keys = ["a1", "a2", "b1", "b2"]
    await world.store.outbox.put([item(key, key[0]) for key in keys], now=world.clock.now())
    loop = loop_of(world, channel)
    await loop.drain()
    assert channel.seen == ["b1", "b2"]
    world.clock.time += timedelta(seconds=3601)
    await loop.drain()
    assert channel.seen == ["b1", "b2", "a1", "a2"]
    assert await world.store.outbox.backlog() == (0, 0)


async def test_what_cannot_be_delivered_is_kept_as_such_and_its_stream_goes_on(world):
    channel = Channel()
    channel.faults["a1"] = [TerminalRemoteError("archived", code="is_archived")]
    await world.store.outbox.put([item("a1", "a"), item("a2", "a")], now=world.clock.now())
    await loop_of(world, channel).drain()
    assert channel.seen == ["a2"]
    assert await world.store.outbox.backlog() == (0, 1)
    assert (await world.store.outbox.delivery("a1")).undeliverable == "is_archived"


async def test_an_hour_of_outage_loses_nothing(world):
    channel = Channel()
    keys = [f"a{n}" for n in range(5)]
    channel.faults["a0"] = [TransientRemoteError("down") for _ in range(12)]
    await world.store.outbox.put([item(key, "a") for key in keys], now=world.clock.now())
    loop = loop_of(world, channel)
    for _ in range(14):
        await loop.drain()
        world.clock.time += timedelta(seconds=300)
    assert channel.seen == keys


async def test_a_fault_of_our_own_is_tried_again_and_then_given_up(world):
    channel = Channel()
    channel.faults["a1"] = [ZeroDivisionError() for _ in range(100)]
    await world.store.outbox.put([item("a1", "a"), item("b1", "b")], now=world.clock.now())
    loop = loop_of(world, channel)
    for _ in range(30):
        await loop.drain()
        world.clock.time += timedelta(seconds=300)
    assert channel.seen == ["b1"]
    assert channel.tries.count("a1") == 21
    assert await world.store.outbox.backlog() == (0, 1)


async def test_the_loop_delivers_by_itself_and_stops_when_told(world):
    channel = Channel()
    loop = loop_of(world, channel)
    async with running(loop):
        await world.store.outbox.put([item("a1", "a")], now=world.clock.now())
        loop.poke()

        async def seen() -> bool:
            return channel.seen == ["a1"]

        await until(seen)
        await world.store.outbox.put([item("a2", "a")], now=world.clock.now())
    assert channel.seen == ["a1", "a2"]


async def test_what_a_cycle_has_to_tell_leaves_when_it_ends_and_not_at_the_next_look(world):
    world.directory.bend = lambda _: [SignInError("The token was refused.")]
    channel = Channel()
    loop = loop_of(world, channel, poll=3600)
    async with running(loop), running(worker_of(world, wake=loop.poke)):
        await world.queue()

        async def told() -> bool:
            return any(key.startswith("alert:") for key in channel.seen)

        await until(told)


async def test_each_invitation_is_sent_once_and_transient_faults_are_tried_again(world):
    await world.cycle()
    sent: list[str] = []
    faults: dict[str, list[Exception]] = {
        "u1@example.com": [TransientRemoteError("greylisted", retry_after=60)],
        "u2@example.com": [TerminalRemoteError("no such mailbox", code="mailbox_unknown")],
    }

    async def send(invitation: Invitation) -> None:
        if waiting := faults.get(invitation.email):
            raise waiting.pop(0)
        sent.append(invitation.email)

    line = MailLine(store=world.store, clock=world.clock, send=send)
    loop = loop_of(world, Channel(), lines=[line])
    await loop.drain()
    assert len(sent) == 10
    world.clock.time += timedelta(seconds=61)
    await loop.drain()
    world.clock.time += timedelta(hours=1)
    await loop.drain()
    assert len(sent) == len(set(sent)) == 11
    assert "u1@example.com" in sent


def ticker_of(world: StoreWorld, wake: Callable[[], None] = lambda: None) -> Ticker:
    return Ticker(store=world.store, clock=world.clock, wake=wake, every=0.05)


async def test_a_due_slot_becomes_one_cycle_however_many_replicas_tick(world):
    await world.apply(schedule=Schedule(every=timedelta(hours=1)))
    world.clock.time += timedelta(hours=3, minutes=5)
    woken: list[bool] = []
    replicas = [ticker_of(world, lambda: woken.append(True)) for _ in range(3)]
    await asyncio.gather(*(one.tick() for one in replicas))
    cycles = await world.store.cycles.list()
    assert [cycle.trigger for cycle in cycles] == [Trigger.SCHEDULED]
    assert woken == [True]
    await world.run()
    await replicas[0].tick()
    assert await world.store.cycles.count() == 1
    world.clock.time += timedelta(hours=1)
    await replicas[0].tick()
    assert await world.store.cycles.count() == 2


async def test_each_slot_starts_once_and_always_as_long_after_it(
    world,
):
    hourly = Schedule(every=timedelta(hours=1))
    found = await world.apply(schedule=hourly)
    anchor, ticker = found.created_at, ticker_of(world)
    step = timedelta(seconds=5 if FULL else 30)
    started = []
    while world.clock.time < anchor + timedelta(hours=4):
        world.clock.time += step
        await ticker.tick()
        if await world.store.cycles.open_one(found.id):
            started.append(world.clock.time - anchor)
            await world.run()
    hours = [timedelta(hours=n) for n in (1, 2, 3)]
    wait = spread(hourly, anchor=anchor, slot=anchor + hours[0], key=found.id)
    assert len(started) == 3
    for hour, start in zip(hours, started, strict=True):
        assert hour + wait <= start < hour + wait + step


@pytest.mark.parametrize("reason", ["disabled", "signed out", "no schedule"])
async def test_a_configuration_that_is_stopped_is_not_offered(world, reason):
    if reason != "no schedule":
        await world.apply(schedule=Schedule(every=timedelta(hours=1)))
    identifier = (await world.configuration()).id
    if reason == "disabled":
        await world.store.lifecycle.set_enabled(identifier, False, audit=world.audit())
    if reason == "signed out":
        world.directory.bend = lambda _: [SignInError("The token was refused.")]
        await world.cycle()
    before = await world.store.cycles.count()
    world.clock.time += timedelta(hours=3)
    await ticker_of(world).tick()
    assert await world.store.cycles.count() == before


async def test_the_clock_ticks_by_itself_and_stops(world):
    await world.apply(schedule=Schedule(every=timedelta(hours=1)))
    world.clock.time += timedelta(hours=1, minutes=1)
    ticker = ticker_of(world)
    ticker.start()

    async def offered() -> bool:
        return await world.store.cycles.count() == 1

    await until(offered)
    await ticker.stop()
    await ticker.stop()


async def test_a_held_set_runs_out_after_a_day_and_old_data_is_purged(world):
    await world.cycle()
    for number in range(1, 8):
        world.directory.change(f"u{number}", active=False)
    outcome, _ = await world.cycle()
    ticker = ticker_of(world)
    world.clock.time += timedelta(hours=23)
    await ticker.expire()
    assert (await world.store.held.get(outcome.held_set_id)).state is HeldState.OPEN
    world.clock.time += timedelta(hours=2)
    await ticker.expire()
    assert (await world.store.held.get(outcome.held_set_id)).state is HeldState.EXPIRED
    world.clock.time += timedelta(days=500)
    await ticker.purge()
    rows = await world.sql("SELECT count(*) FROM changes WHERE before <> '{}' OR after <> '{}'")
    assert rows == [(0,)]


async def test_a_schedule_begins_when_it_is_set_and_catches_up_with_nothing_before(world):
    ticker = Ticker(store=world.store, clock=world.clock, wake=lambda: None)
    world.clock.time = world.clock.time.replace(hour=15) + timedelta(days=20)
    found = await world.apply(schedule=Schedule(cron="0 2 * * *"))
    await ticker.tick()
    assert await world.store.cycles.open_one(found.id) is None
    world.clock.time += timedelta(hours=12)
    await ticker.tick()
    assert (await world.store.cycles.open_one(found.id)).trigger is Trigger.SCHEDULED


async def test_no_slot_from_before_it_was_enabled_again_is_caught_up_with(world):
    found = await world.apply(schedule=Schedule(every=timedelta(hours=1)))
    lifecycle, ticker = world.store.lifecycle, ticker_of(world)
    await lifecycle.set_enabled(found.id, False, audit=world.audit())
    world.clock.time += timedelta(hours=5, minutes=30)
    await lifecycle.set_enabled(found.id, True, audit=world.audit())
    await ticker.tick()
    assert await world.store.cycles.open_one(found.id) is None
    world.clock.time += timedelta(minutes=45)
    await ticker.tick()
    assert (await world.store.cycles.open_one(found.id)).trigger is Trigger.SCHEDULED
