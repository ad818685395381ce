"""Questions to people whether they still need their license, and what they answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from core.errors import ConflictError
from core.model.account import UserId
from core.model.asking import Answer, Question
from core.model.events import AuditEntry
from core.model.inviting import MessagePlace
from core.store.audit import add_audit
from core.store.bulk import json_rows, reserve_ids
from core.store.codec import to_json, to_seconds, to_time
from core.store.database import Database, Row, Transaction
from core.store.licenses import lock_pool, settle_pool
from core.store.pace import claim_due

ASKED_EVERY = timedelta(days=30)
_UNUSED = """
FROM users u
WHERE u.account_id = :account AND u.licensed AND u.status = 'active' AND NOT u.protected
  AND coalesce(u.last_login_at, u.activated_at, u.created_at) <= :before
  AND EXISTS (SELECT 1 FROM users k
      WHERE k.account_id = :account AND k.last_login_at IS NOT NULL)
"""
_LATELY = """
EXISTS (SELECT 1 FROM license_questions q WHERE q.user_id = u.id AND q.created_at > :lately)
"""
_COUNT = f"SELECT count(*) {_UNUSED} AND NOT {_LATELY}"
_COUNT_LATELY = f"SELECT count(*) {_UNUSED} AND {_LATELY}"
_DUE = f"SELECT u.id {_UNUSED} AND NOT {_LATELY} ORDER BY u.id"
_ADD = """
INSERT INTO license_questions (account_id, id, user_id, answer, next_at, created_at)
SELECT :account, d.id, d.user_id, 'pending', CAST(:now AS double precision),
    CAST(:now AS double precision)
FROM {rows} AS d
"""
_CLAIM = """
UPDATE license_questions SET claimed_by = :owner, claimed_until = :until, attempts = attempts + 1
WHERE id IN (
    SELECT q.id FROM license_questions q
    WHERE q.account_id = :account AND q.answer = 'pending' AND q.next_at <= :now
      AND (q.claimed_until IS NULL OR q.claimed_until <= :now)
    ORDER BY q.next_at, q.id LIMIT :limit {lock})
RETURNING id
"""
_LOAD = """
SELECT q.id, q.user_id, q.attempts, q.person, q.created_at, u.email
FROM license_questions q JOIN users u ON u.id = q.user_id
WHERE q.id IN (SELECT id FROM {ids} AS d) ORDER BY q.id
"""
_FOUND = "UPDATE license_questions SET person = :person WHERE account_id = :account AND id = :id"
_SENT = """
UPDATE license_questions SET answer = 'asked', claimed_by = NULL, claimed_until = NULL
WHERE account_id = :account AND id = :id AND answer = 'pending'
"""
_UNREACHABLE = """
UPDATE license_questions SET answer = 'unreachable', error = :error, claimed_by = NULL,
    claimed_until = NULL
WHERE account_id = :account AND id = :id AND answer = 'pending'
"""
_RETRY = """
UPDATE license_questions SET next_at = :at, error = :error, claimed_by = NULL,
    claimed_until = NULL
WHERE account_id = :account AND id = :id AND answer = 'pending'
"""
_OPEN = """
SELECT q.id, q.user_id, u.status, u.licensed FROM license_questions q
JOIN users u ON u.id = q.user_id
WHERE q.account_id = :account AND q.id = :id AND q.person = :person
  AND q.answer IN ('pending', 'asked', 'kept')
"""
_ANSWER = """
UPDATE license_questions SET answer = :answer, answered_at = :now
WHERE account_id = :account AND id = :id
"""
_GIVE_BACK = """
UPDATE users SET status = 'invited', licensed = FALSE, updated_at = :now
WHERE account_id = :account AND id = :user AND licensed
"""


class Questions:
    """Who was asked, and what became of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, *, before: datetime, now: datetime) -> tuple[int, int]:
        """Return how many would be asked, and how many were asked within the last 30 days."""

        async def work(tx: Transaction) -> tuple[int, int]:
            values = _moments(before, now)
            due = int(await tx.value(_COUNT, **values))
            return due, int(await tx.value(_COUNT_LATELY, **values))

        return await self._database.read(work)

    async def ask(self, *, before: datetime, seen: int, audit: AuditEntry) -> int:
        """Queue a question to each who would be asked, and return how many that are.

        Raises `ConflictError` (code ``people_changed``) if they are not the `seen` number any
        more: two admins at once ask once.
        """

        async def work(tx: Transaction) -> int:
            await lock_pool(tx)
            found = await tx.rows(_DUE, **_moments(before, audit.at))
            if len(found) != seen:
                raise ConflictError(
                    "Meanwhile it would be another number of people, so nobody was asked.",
                    code="people_changed",
                    hint="Look at it again, then decide.",
                )
            first = await reserve_ids(tx, "questions", len(found))
            rows = json_rows(tx.backend, "rows", (("id", "bigint"), ("user_id", "bigint")))
            pairs = to_json([[first + n, row.id] for n, row in enumerate(found)])
            await tx.run(_ADD.format(rows=rows), rows=pairs, now=to_seconds(audit.at))
            people = [row.id for row in found]
            await add_audit(tx, replace(audit, detail={**audit.detail, "people": people}))
            return len(found)

        return await self._database.write(work)

    async def due(self, *, owner: str, limit: int, now: datetime) -> list[Question]:
        """Claim questions for two minutes, oldest first."""

        async def work(tx: Transaction) -> list[Question]:
            claimed = await claim_due(tx, _CLAIM, owner=owner, limit=limit, now=now, of="q")
            source = json_rows(tx.backend, "ids", (("id", "bigint"),))
            ids = to_json([[row.id] for row in claimed])
            rows = await tx.rows(_LOAD.format(ids=source), ids=ids) if claimed else []
            return [_question(row) for row in rows]

        return await self._database.write(work)

    async def found(self, question: Question, person: str) -> Question:
        """Note who is written to, before they are: only they can answer."""
        await self._note(question, _FOUND, person=person)
        return replace(question, person=person)

    async def sent(self, question: Question, at: MessagePlace, *, now: datetime) -> None:
        """Note that it was asked; where and when is not needed any more."""
        del at, now
        await self._note(question, _SENT)

    async def unreachable(self, question: Question, *, error: str) -> None:
        """Give it up, and say why."""
        await self._note(question, _UNREACHABLE, error=error)

    async def retry(self, question: Question, *, at: datetime, error: str) -> None:
        """Offer it again from `at` on."""
        await self._note(question, _RETRY, at=to_seconds(at), error=error)

    async def answer(
        self,
        id: int,  # noqa: A002 - the settled name
        *,
        person: str,
        give_back: bool,
        audit: AuditEntry,
    ) -> Answer | None:
        """Take an answer; None, and nothing is changed, unless it was asked of this `person`.

        Giving back frees exactly one license, once; whoever said that they need it may still give
        it back.
        """

        async def work(tx: Transaction) -> Answer | None:
            await lock_pool(tx)
            row = await tx.first(_OPEN, id=id, person=person)
            if row is None:
                return None
            said = _said(row, give_back=give_back)
            moment = to_seconds(audit.at)
            await tx.run(_ANSWER, id=id, answer=said.value, now=moment)
            if said is Answer.GIVEN_BACK:
                await tx.run(_GIVE_BACK, user=row.user_id, now=moment)
                await settle_pool(tx, now=audit.at)
            await add_audit(tx, replace(audit, subject=str(row.user_id)))
            return said

        return await self._database.write(work)

    async def _note(self, question: Question, statement: str, **values: object) -> None:
        async def work(tx: Transaction) -> None:
            await tx.run(statement, id=question.id, **values)

        await self._database.write(work)


def _moments(before: datetime, now: datetime) -> dict[str, float]:
    return {"before": to_seconds(before), "lately": to_seconds(now - ASKED_EVERY)}


def _said(row: Row, *, give_back: bool) -> Answer:
    if not row.licensed:
        return Answer.VOID
    return Answer.GIVEN_BACK if give_back else Answer.KEPT


def _question(row: Row) -> Question:
    return Question(
        id=row.id,
        user_id=UserId(row.user_id),
        email=row.email,
        attempts=row.attempts - 1,
        since=to_time(row.created_at),
        person=row.person or "",
    )
