"""How invitations leave: by mail, and by chat where somebody is found there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta

import structlog

from core.model.account import Invitation
from core.model.inviting import ChatInvitation, ChatMatch
from core.ports import ChatInviter, Clock
from core.scheduling.outbox import Failure, attempt, pause_after
from core.store.opening import Store

InvitationSender = Callable[[Invitation], Awaitable[None]]
"""Sends one invitation by mail; raises as `Notifier.deliver`."""

MAIL_AT_ONCE = 4
CHAT_GIVES_UP_AFTER = timedelta(hours=24)
"""How long a chat that is down is waited for; then the invitation goes by mail."""
GAVE_UP = "chat_unreachable"

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
        at = _later(now, invitation.attempts, found)
        await self._store.invitations.failed(
            invitation,
            error=found.code,
            retry_at=None if found.final else at,
            detail=str(found.status or ""),
        )


class ChatLine:
    """Writes to people one after the other; whom it cannot reach, or not in a day, gets mail.

    When the chat asks for a pause, nobody is written to until it is over.
    """

    room = 1

    def __init__(
        self, *, store: Store, clock: Clock, inviter: ChatInviter, per_minute: int | None = None
    ) -> None:
        self._store = store
        self._per_minute = per_minute
        self._clock = clock
        self._inviter = inviter
        self._resting = 0.0

    async def start(self, *, owner: str, limit: int) -> Sequence[Coroutine[None, None, None]]:
        """Claim what is due by chat; see `Line`."""
        if self._clock.monotonic() < self._resting:
            return []
        now = self._clock.now()
        due = await self._store.chat_invitations.due(
            owner=owner, limit=limit, per_minute=self._per_minute, now=now
        )
        return [self._deliver(invitation) for invitation in due]

    async def _deliver(self, invitation: ChatInvitation) -> None:
        log = _log.bind(invitation=invitation.id, attempts=invitation.attempts)
        match: ChatMatch | Failure = ChatMatch(person=invitation.person)
        if not invitation.person:
            finding = self._inviter.find(invitation.email)
            match = await attempt(finding, attempts=invitation.attempts, log=log)
        if isinstance(match, Failure):
            await self._failed(invitation, match)
            return
        if not match.person:
            await self._store.chat_invitations.unmatched(invitation, error=match.why)
            return
        await self._write(invitation, match.person, log)

    async def _write(
        self, invitation: ChatInvitation, person: str, log: structlog.stdlib.BoundLogger
    ) -> None:
        known = await self._store.chat_invitations.found(invitation, person)
        writing = self._inviter.invite(known)
        place = await attempt(writing, attempts=invitation.attempts, log=log)
        if isinstance(place, Failure):
            await self._failed(known, place)
            return
        await self._store.chat_invitations.sent(known, place, now=self._clock.now())

    async def _failed(self, invitation: ChatInvitation, failure: Failure) -> None:
        now = self._clock.now()
        chats = self._store.chat_invitations
        if failure.final:
            await chats.unmatched(invitation, error=failure.code)
            return
        if now - invitation.since > CHAT_GIVES_UP_AFTER:
            await chats.unmatched(invitation, error=GAVE_UP)
            return
        if failure.retry_after is not None:
            self._resting = self._clock.monotonic() + failure.retry_after
        at = _later(now, invitation.attempts, failure)
        await chats.retry(invitation, at=at, error=failure.code)


def _later(now: datetime, attempts: int, failure: Failure) -> datetime:
    return now + timedelta(seconds=pause_after(attempts, failure.retry_after))
