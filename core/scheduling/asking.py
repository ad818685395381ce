"""How questions about licenses leave: by chat, one after the other."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from datetime import timedelta

import structlog

from core.model.asking import Question
from core.model.inviting import ChatMatch
from core.ports import ChatInviter, Clock
from core.scheduling.outbox import Failure, attempt, pause_after
from core.store.opening import Store

GIVES_UP_AFTER = timedelta(hours=24)
_log = structlog.get_logger(__name__)


class QuestionLine:
    """Asks people one after the other; whom it cannot reach is told to the admins as such."""

    room = 1

    def __init__(self, *, store: Store, clock: Clock, inviter: ChatInviter) -> None:
        self._store = store
        self._clock = clock
        self._inviter = inviter
        self._resting = 0.0

    async def start(self, *, owner: str, limit: int) -> Sequence[Coroutine[None, None, None]]:
        """Claim what is due; see `Line`."""
        if self._clock.monotonic() < self._resting:
            return []
        now = self._clock.now()
        due = await self._store.questions.due(owner=owner, limit=limit, now=now)
        return [self._deliver(question) for question in due]

    async def _deliver(self, question: Question) -> None:
        log = _log.bind(question=question.id, attempts=question.attempts)
        match: ChatMatch | Failure = ChatMatch(person=question.person)
        if not question.person:
            finding = self._inviter.find(question.email)
            match = await attempt(finding, attempts=question.attempts, log=log)
        if isinstance(match, Failure):
            await self._failed(question, match)
            return
        if not match.person:
            await self._store.questions.unreachable(question, error=match.why)
            return
        known = await self._store.questions.found(question, match.person)
        asking = self._inviter.ask(known)
        failed = await attempt(asking, attempts=question.attempts, log=log)
        if isinstance(failed, Failure):
            await self._failed(known, failed)
            return
        await self._store.questions.sent(known)

    async def _failed(self, question: Question, failure: Failure) -> None:
        now = self._clock.now()
        if failure.final or now - question.asked_at > GIVES_UP_AFTER:
            await self._store.questions.unreachable(question, error=failure.code)
            return
        if failure.retry_after is not None:
            self._resting = self._clock.monotonic() + failure.retry_after
        pause = timedelta(seconds=pause_after(question.attempts, failure.retry_after))
        await self._store.questions.retry(question, at=now + pause, error=failure.code)
