"""How people are written to by chat: one after the other, whoever is found there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, Protocol, TypeVar

import structlog

from core.model.asking import Question
from core.model.inviting import ChatInvitation, ChatMatch, MessagePlace
from core.ports import ChatInviter, Clock
from core.scheduling.outbox import Failure, attempt, try_again_at
from core.store.opening import Store

GIVES_UP_AFTER = timedelta(hours=24)
"""How long a chat that is down is waited for."""
GAVE_UP = "chat_unreachable"

_log = structlog.get_logger(__name__)


M = TypeVar("M", bound=ChatInvitation | Question)
M_co = TypeVar("M_co", bound=ChatInvitation | Question, covariant=True)


class Due(Protocol[M_co]):
    """Claims what is due, oldest first."""

    async def __call__(self, *, owner: str, limit: int, now: datetime) -> Sequence[M_co]:
        """Return at most so many."""
        ...


class Register(Protocol[M]):
    """Where it is noted what becomes of messages."""

    async def found(self, message: M, person: str, /) -> M:
        """Note who is written to, before they are; return the message with them."""
        ...

    async def sent(self, message: M, at: MessagePlace, /, *, now: datetime) -> None:
        """Note that the person has it."""
        ...

    async def unreachable(self, message: M, /, *, error: str) -> None:
        """Give it up, and say why."""
        ...

    async def retry(self, message: M, /, *, at: datetime, error: str) -> None:
        """Offer it again from `at` on."""
        ...


class ChatLine(Generic[M]):
    """Writes to people one after the other; gives up whom it cannot reach, or not in a day.

    When the chat asks for a pause, nobody is written to until it is over.
    """

    room = 1

    def __init__(
        self,
        *,
        clock: Clock,
        due: Due[M],
        register: Register[M],
        find: Callable[[str], Awaitable[ChatMatch]],
        write: Callable[[M], Awaitable[MessagePlace]],
    ) -> None:
        self._clock = clock
        self._due = due
        self._register = register
        self._find = find
        self._write = write
        self._resting = 0.0

    async def start(self, *, owner: str, limit: int) -> Sequence[Coroutine[None, None, None]]:
        """Claim what is due; see `Line`."""
        if self._clock.monotonic() < self._resting:
            return []
        due = await self._due(owner=owner, limit=limit, now=self._clock.now())
        return [self._deliver(message) for message in due]

    async def _deliver(self, message: M) -> None:
        log = _log.bind(message=message.id, attempts=message.attempts)
        match: ChatMatch | Failure = ChatMatch(person=message.person)
        if not message.person:
            match = await attempt(self._find(message.email), attempts=message.attempts, log=log)
        if isinstance(match, Failure):
            await self._failed(message, match)
            return
        if not match.person:
            await self._register.unreachable(message, error=match.why)
            return
        known = await self._register.found(message, match.person)
        place = await attempt(self._write(known), attempts=message.attempts, log=log)
        if isinstance(place, Failure):
            await self._failed(known, place)
            return
        await self._register.sent(known, place, now=self._clock.now())

    async def _failed(self, message: M, failure: Failure) -> None:
        now = self._clock.now()
        if failure.final:
            await self._register.unreachable(message, error=failure.code)
            return
        if now - message.since > GIVES_UP_AFTER:
            await self._register.unreachable(message, error=GAVE_UP)
            return
        if failure.retry_after is not None:
            self._resting = self._clock.monotonic() + failure.retry_after
        at = try_again_at(now, attempts=message.attempts, failure=failure)
        await self._register.retry(message, at=at, error=failure.code)


def invitation_chats(
    store: Store, clock: Clock, inviter: ChatInviter, *, per_minute: int | None = None
) -> ChatLine[ChatInvitation]:
    """Return the line of invitations by chat; whom it cannot reach gets mail."""
    invitations = store.chat_invitations
    return ChatLine(
        clock=clock,
        due=partial(invitations.due, per_minute=per_minute),
        register=invitations,
        find=inviter.find,
        write=inviter.invite,
    )


def question_chats(store: Store, clock: Clock, inviter: ChatInviter) -> ChatLine[Question]:
    """Return the line of questions about licenses."""
    questions = store.questions
    return ChatLine(
        clock=clock,
        due=questions.due,
        register=questions,
        find=inviter.find,
        write=inviter.ask,
    )
