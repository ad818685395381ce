"""The clock: offers due slots, lets held sets run out and purges what is too old.

APScheduler says when to look, and nothing else: what is due is computed from stored slots, and a
unique row decides which replica gets one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from cronsim import CronSimError

from core.errors import DirsyncError, StoreError
from core.model.configuration import Configuration
from core.ports import Clock
from core.scheduling.alerts import given_up, given_up_entry
from core.scheduling.quarantine import due_try, is_given_up, next_try
from core.scheduling.slots import due_slot, spread
from core.store.opening import Store

_log = structlog.get_logger(__name__)
_LAST_TURN = 2.0
_INBOX_KEPT = timedelta(days=7)


class Ticker:
    """Starts scheduled cycles; safe to run in any number of replicas."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        wake: Callable[[], None],
        retention: timedelta = timedelta(days=400),
        every: float = 5.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._retention = retention
        self._every = every
        self._scheduler: AsyncIOScheduler | None = None
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Begin to tick in the running event loop."""
        jobs = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=jobs)
        now = datetime.now(UTC)
        later = now + timedelta(minutes=5)
        add, turn = scheduler.add_job, self._in_turn
        add(turn, "interval", args=[self.tick], seconds=self._every, next_run_time=now)
        add(turn, "interval", args=[self.expire], minutes=1, next_run_time=now)
        add(turn, "interval", args=[self.purge], days=1, next_run_time=later)
        scheduler.start()
        self._scheduler = scheduler

    async def stop(self) -> None:
        """Tick no more, after the job under way has had a moment to end; safe to call twice."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is None:
            return
        scheduler.pause()
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_TURN), self._turn:
                pass
        scheduler.shutdown(wait=False)

    async def _in_turn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do one thing at a time, so that `stop` can wait for it."""
        async with self._turn:
            await work()

    async def tick(self) -> None:
        """Offer the due slot of every configuration that is enabled and not stopped."""
        try:
            configurations = await self._store.configurations.all()
        except StoreError as error:
            _log.warning("ticker.store_failed", code=error.code)
            return
        for configuration in configurations:
            if configuration.enabled and configuration.stopped_reason is None:
                await self._offer(configuration)

    async def _offer(self, configuration: Configuration) -> None:
        log = _log.bind(configuration=configuration.name)
        try:
            if is_given_up(configuration, self._clock.now()):
                await self._give_up(configuration)
                return
            slot = await self._due(configuration)
            if slot is None:
                return
            cycle = await self._store.slots.offer(configuration.id, slot, now=self._clock.now())
        except (CronSimError, ZoneInfoNotFoundError) as error:
            log.warning("ticker.schedule_unusable", kind=type(error).__name__)
            return
        except DirsyncError as error:
            log.warning("ticker.not_offered", code=error.code)
            return
        if cycle is not None:
            log.info("ticker.queued", cycle=cycle.id, slot=slot.isoformat())
            self._wake()

    async def _give_up(self, configuration: Configuration) -> None:
        """Disable what has failed for too long."""
        since, now = configuration.failing_since, self._clock.now()
        if since is None:
            return
        done = await self._store.lifecycle.give_up(
            configuration.id,
            failing_since=since,
            alert=given_up(configuration, since=since, now=now),
            audit=given_up_entry(configuration, now=now),
        )
        if done:
            _log.warning("ticker.given_up", configuration=configuration.name)
            self._wake()

    async def _due(self, configuration: Configuration) -> datetime | None:
        schedule = configuration.spec.schedule
        if schedule is None:
            return None
        last = await self._store.slots.last(configuration.id, now=self._clock.now())
        trial = next_try(configuration, last=last)
        if trial is not None:
            return due_try(trial, self._clock.now())
        since = configuration.created_at if last is None else max(last, configuration.created_at)
        anchor, now = configuration.created_at, self._clock.now()
        slot = due_slot(schedule, anchor=anchor, since=since, now=now)
        if slot is None:
            return None
        wait = spread(schedule, anchor=anchor, slot=slot, key=configuration.id)
        return slot if now >= slot + wait else None

    async def expire(self) -> None:
        """End held sets whose 24 hours are over."""
        try:
            ended = await self._store.held.expire(self._clock.now())
        except StoreError as error:
            _log.warning("ticker.store_failed", code=error.code)
            return
        if ended:
            _log.info("ticker.held_expired", count=ended)
            self._wake()

    async def purge(self) -> None:
        """Remove before/after data past its retention, and what was seen long ago."""
        now = self._clock.now()
        try:
            gone = await self._store.maintenance.purge(before=now - self._retention)
            await self._store.inbox.purge(now - _INBOX_KEPT)
            gone["invitations"] = await self._store.invitations.expire(now=now)
        except StoreError as error:
            _log.warning("ticker.store_failed", code=error.code)
            return
        _log.info("ticker.purged", **gone)
