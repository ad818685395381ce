"""The outbox: brings every stored message to its receiver, at least once, in order per stream."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from core.errors import RemoteError, StoreError, TerminalRemoteError
from core.model.account import Invitation
from core.model.events import Delivery, OutboxItem
from core.ports import Clock, Notifier
from core.scheduling.bell import Bell
from core.store.opening import Store

T = TypeVar("T")
InvitationSender = Callable[[Invitation], Awaitable[None]]
"""Sends one invitation; raises as `Notifier.deliver`."""

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
class _Failure:
    """Why something did not leave the machine; `final` if trying again cannot help."""

    code: str
    final: bool = False
    retry_after: float | None = None


async def _attempt(
    work: Awaitable[T], *, attempts: int, log: structlog.stdlib.BoundLogger
) -> T | _Failure:
    """Try to hand one thing over; whatever goes wrong is a failure of this thing only."""
    try:
        async with asyncio.timeout(_STUCK_AFTER):
            return await work
    except TerminalRemoteError as error:
        log.warning("outbox.undeliverable", code=error.code)
        return _Failure(code=error.code, final=True)
    except RemoteError as error:
        return _Failure(code=error.code, retry_after=error.retry_after)
    except TimeoutError:
        return _Failure(code="timeout")
    except Exception:
        log.exception("outbox.failed")
        return _Failure(code="internal_error", final=attempts >= MAX_FAULTS)


class OutboxLoop:
    """Delivers outbox items through the notifier, and invitations through a sender.

    A transient failure is tried again when the receiver asked, or with a growing pause, for a
    week. A terminal one is kept as undeliverable, and its stream goes on. Without a notifier, items
    wait for a process that has one, and invitations go out.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        notifier: Notifier | None,
        send_invitation: InvitationSender | None = None,
        concurrency: int = 4,
        poll: float = 0.5,
        owner: str | None = None,
    ) -> None:
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._store = store
        self._clock = clock
        self._notifier = notifier
        self._send_invitation = send_invitation
        self._concurrency = concurrency
        self._poll = poll
        self._bell = Bell()
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
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
        return bool(await self._start_items() + await self._start_invitations())

    async def _start_items(self) -> int:
        room = self._concurrency - len(self._running)
        notifier = self._notifier
        if room <= 0 or notifier is None:
            return 0
        due = await self._store.outbox.due(owner=self.owner, limit=room, now=self._clock.now())
        for item, shown in due:
            self._begin(self._deliver(notifier, item, shown))
        return len(due)

    async def _start_invitations(self) -> int:
        room = self._concurrency - len(self._running)
        if room <= 0 or self._send_invitation is None:
            return 0
        now = self._clock.now()
        due = await self._store.invitations.due(owner=self.owner, limit=room, now=now)
        for invitation in due:
            self._begin(self._invite(invitation, self._send_invitation))
        return len(due)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._bell.ring()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("outbox.not_noted", kind=type(error).__name__)

    async def _deliver(self, notifier: Notifier, item: OutboxItem, shown: Delivery | None) -> None:
        log = _log.bind(key=item.key, kind=item.kind.value, attempts=item.attempts)
        found = await _attempt(notifier.deliver(item, shown), attempts=item.attempts, log=log)
        if not isinstance(found, _Failure):
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
        at = self._later(now, item.attempts, asked)
        await self._store.outbox.retry(item, at=at, error=code)

    async def _invite(self, invitation: Invitation, send: InvitationSender) -> None:
        log = _log.bind(invitation=invitation.id, attempts=invitation.attempts)
        found = await _attempt(send(invitation), attempts=invitation.attempts, log=log)
        now = self._clock.now()
        if not isinstance(found, _Failure):
            await self._store.invitations.sent([invitation.id], now=now)
            return
        at = self._later(now, invitation.attempts, found.retry_after)
        await self._store.invitations.failed(
            invitation.id, error=found.code, retry_at=None if found.final else at
        )

    def _later(self, now: datetime, attempts: int, asked: float | None) -> datetime:
        return now + timedelta(seconds=pause_after(attempts, asked))
