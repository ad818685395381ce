"""How invitations leave by mail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence

import structlog

from core.model.account import Invitation
from core.ports import Clock
from core.scheduling.outbox import Failure, attempt, try_again_at
from core.store.opening import Store

InvitationSender = Callable[[Invitation], Awaitable[None]]
"""Sends one invitation by mail; raises as `Notifier.deliver`."""

MAIL_AT_ONCE = 4

_log = structlog.get_logger(__name__)


class MailLine:
    """Sends what goes by mail; a transient failure is tried again until it works."""

    room = MAIL_AT_ONCE

    def __init__(
        self, *, store: Store, clock: Clock, send: InvitationSender, per_minute: int | None = None
    ) -> None:
        self._store = store
        self._per_minute = per_minute
        self._clock = clock
        self._send = send

    async def start(self, *, owner: str, limit: int) -> Sequence[Coroutine[None, None, None]]:
        """Claim what is due by mail; see `Line`."""
        now = self._clock.now()
        due = await self._store.invitations.due(
            owner=owner, limit=limit, per_minute=self._per_minute, now=now
        )
        return [self._deliver(invitation) for invitation in due]

    async def _deliver(self, invitation: Invitation) -> None:
        log = _log.bind(invitation=invitation.id, attempts=invitation.attempts)
        found = await attempt(self._send(invitation), attempts=invitation.attempts, log=log)
        now = self._clock.now()
        if not isinstance(found, Failure):
            await self._store.invitations.sent([invitation], now=now)
            return
        at = try_again_at(now, attempts=invitation.attempts, failure=found)
        await self._store.invitations.failed(
            invitation,
            error=found.code,
            retry_at=None if found.final else at,
            detail=str(found.status or ""),
        )
