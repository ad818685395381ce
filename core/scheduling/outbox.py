"""The outbox: brings every stored message to its receiver, at least once, in order per stream."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from core.errors import RemoteError, StoreError, TerminalRemoteError
from core.model.events import Delivery, OutboxItem
from core.ports import Clock, Notifier
from core.scheduling.bell import Bell
from core.store.opening import Store

T = TypeVar("T")
_log = structlog.get_logger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
GIVE_UP_AFTER = timedelta(days=7)
MAX_FAULTS = 20
_STUCK_AFTER = 45.0
_STORE_PAUSE = 30.0


def pause_after(attempts: int, asked: float | None = None) -> float:
    """Return the seconds until the next attempt: what was asked for, or doubling up to 300."""
    if asked is not None:
        return max(asked, 0.0)
    return min(FIRST_PAUSE * 2.0 ** min(attempts, 20), LONGEST_PAUSE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why something did not leave the machine; `final` if trying again cannot help.

    Attributes:
        status: the number that the other side answered with, or None.
    """

    code: str
    final: bool = False
    retry_after: float | None = None
    status: int | None = None


def try_again_at(now: datetime, *, attempts: int, failure: Failure) -> datetime:
    """Return when to try again what failed."""
    return now + timedelta(seconds=pause_after(attempts, failure.retry_after))


class Line(Protocol):
    """What leaves the machine beside the outbox, so many at a time."""

    @property
    def room(self) -> int:
        """How many may be under way at once."""
        ...

    async def start(self, *, owner: str, limit: int) -> Sequence[Coroutine[None, None, None]]:
        """Claim what is due, at most so many; return what delivers each."""
        ...


async def attempt(
    work: Awaitable[T], *, attempts: int, log: structlog.stdlib.BoundLogger
) -> T | Failure:
    """Try to hand one thing over; whatever goes wrong is a failure of this thing only."""
    try:
        async with asyncio.timeout(_STUCK_AFTER):
            return await work
    except TerminalRemoteError as error:
        log.warning("outbox.undeliverable", code=error.code)
        return Failure(code=error.code, final=True, status=error.status)
    except RemoteError as error:
        return Failure(code=error.code, retry_after=error.retry_after)
    except TimeoutError:
        return Failure(code="timeout")
    except Exception:
        log.exception("outbox.failed")
        return Failure(code="internal_error", final=attempts >= MAX_FAULTS)


class OutboxLoop:
    """Delivers outbox items through the notifier, and what other lines have to deliver.

    A transient failure is tried again when the receiver asked, or with a growing pause, for a
    week. A terminal one is kept as undeliverable, and its stream goes on. Without a notifier, items
    wait for a process that has one, and the other lines go on.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        notifier: Notifier | None,
        lines: Sequence[Line] = (),
        concurrency: int = 4,
        poll: float = 0.5,
        owner: str | None = None,
    ) -> None:
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._store = store
        self._clock = clock
        self._notifier = notifier
        self._concurrency = concurrency
        self._poll = poll
        self._bell = Bell()
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
        self._items: set[asyncio.Task[None]] = set()
        self._lines = [(line, set[asyncio.Task[None]]()) for line in lines]
        self._ended = asyncio.Event()
        self._ended.set()

    def poke(self) -> None:
        """Look for due items at once."""
        self._bell.ring()

    async def run(self) -> None:
        """Deliver until `stop`; survives a database that goes away and comes back."""
        self._ended.clear()
        pause = self._poll
        try:
            while not self._stopping:
                try:
                    busy = await self.start_due()
                    pause = self._poll
                except StoreError as error:
                    _log.warning("outbox.store_failed", code=error.code, retry_in=pause)
                    busy, pause = False, min(pause * 2, _STORE_PAUSE)
                except Exception:  # noqa: BLE001 - the loop outlives every fault
                    _log.exception("outbox.failed")
                    busy = False
                if not busy and not self._stopping:
                    await self._bell.wait(pause)
        finally:
            self._ended.set()

    async def stop(self, *, within: float) -> None:
        """Deliver what is due, at most so many seconds, then stop; the rest stays stored."""
        self._stopping = True
        self._bell.ring()
        await self._ended.wait()
        try:
            async with asyncio.timeout(within):
                await self.drain()
        except TimeoutError:
            _log.info("outbox.left_over", running=len(self._running))
        except StoreError as error:
            _log.warning("outbox.store_failed", code=error.code)
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def drain(self) -> None:
        """Deliver until nothing is due any more."""
        while True:
            idle = not self._running
            begun = await self.start_due()
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            elif idle and not begun:
                return

    async def start_due(self) -> bool:
        """Begin to deliver what is due, as far as there is room; False if nothing was."""
        begun = await self._start_items()
        for line, running in self._lines:
            limit = line.room - len(running)
            if limit > 0:
                works = await line.start(owner=self.owner, limit=limit)
                begun += self._begin(works, running)
        return bool(begun)

    async def _start_items(self) -> int:
        room = self._concurrency - len(self._items)
        notifier = self._notifier
        if room <= 0 or notifier is None:
            return 0
        due = await self._store.outbox.due(owner=self.owner, limit=room, now=self._clock.now())
        works = [self._deliver(notifier, item, shown) for item, shown in due]
        return self._begin(works, self._items)

    def _begin(
        self, works: Sequence[Coroutine[None, None, None]], among: set[asyncio.Task[None]]
    ) -> int:
        for work in works:
            task = asyncio.create_task(work)
            for running in (self._running, among):
                running.add(task)
                task.add_done_callback(running.discard)
            task.add_done_callback(self._done)
        return len(works)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._bell.ring()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("outbox.not_noted", kind=type(error).__name__)

    async def _deliver(self, notifier: Notifier, item: OutboxItem, shown: Delivery | None) -> None:
        log = _log.bind(key=item.key, kind=item.kind.value, attempts=item.attempts)
        found = await attempt(notifier.deliver(item, shown), attempts=item.attempts, log=log)
        if not isinstance(found, Failure):
            await self._store.outbox.delivered(item, found, now=self._clock.now())
        elif found.final:
            await self._give_up(item, found.code)
        else:
            await self._again(item, found.code, found.retry_after)

    async def _give_up(self, item: OutboxItem, code: str) -> None:
        await self._store.outbox.undeliverable(item, error=code, now=self._clock.now())

    async def _again(self, item: OutboxItem, code: str, asked: float | None) -> None:
        now = self._clock.now()
        if now - item.created_at > GIVE_UP_AFTER:
            _log.warning("outbox.undeliverable", key=item.key, code=code)
            await self._give_up(item, code)
            return
        at = now + timedelta(seconds=pause_after(item.attempts, asked))
        await self._store.outbox.retry(item, at=at, error=code)
