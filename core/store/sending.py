"""Making people's invitations due, by the way that their configuration says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.errors import ConflictError
from core.model.account import PersonOutcome, PersonResult, UserId
from core.model.configuration import InvitationWay
from core.model.events import AuditEntry
from core.model.inviting import StagedPeople
from core.store.audit import add_audit
from core.store.bulk import json_rows, reserve_ids
from core.store.chat_invitations import queue_chats
from core.store.codec import short_id, to_json, to_object, to_seconds
from core.store.database import Database, Transaction
from core.store.licenses import lock_pool, settle_pool
from core.store.outbox import mark_card

_WAY = """
coalesce(CAST(:by AS text), (SELECT w.way FROM users u JOIN {ways} AS w
    ON w.id = u.configuration_id WHERE u.id = {user}), 'mail')
"""
_SEND_AGAIN = f"""
UPDATE invitations SET state = 'pending', attempts = 0, next_at = :now, sent_at = NULL,
    claimed_by = NULL, claimed_until = NULL, error = NULL, detail = NULL,
    way = {_WAY.format(ways="{ways}", user="invitations.user_id")},
    message_id = '<invitation-' || CAST(invitations.id AS text) || '.' || :batch || '@dirsync>'
WHERE account_id = :account AND purpose = 'invitation' AND id IN (
    SELECT max(i.id) FROM invitations i JOIN {{ids}} AS d ON d.id = i.user_id
    WHERE i.purpose = 'invitation' GROUP BY i.user_id)
"""  # noqa: S608 - fixed fragments
_NEW = f"""
INSERT INTO invitations (account_id, id, user_id, cycle_id, way, state, message_id, next_at,
    created_at)
SELECT :account, d.id, d.user_id, '', {_WAY.format(ways="{ways}", user="d.user_id")}, 'pending',
    '<invitation-' || CAST(d.id AS text) || '.' || :batch || '@dirsync>',
    CAST(:now AS double precision), CAST(:now AS double precision)
FROM {{rows}} AS d
"""  # noqa: S608 - fixed fragments
_HAVE = """
SELECT DISTINCT user_id FROM invitations
WHERE account_id = :account AND purpose = 'invitation' AND user_id IN (SELECT id FROM {ids} AS d)
"""
_UNDELIVERED = """
SELECT DISTINCT cycle_id FROM invitations
WHERE account_id = :account AND state = 'failed' AND cycle_id <> ''
  AND user_id IN (SELECT id FROM {ids} AS d)
"""
"""The cycles whose cards tell of it."""
_DROP_TOKENS = """
DELETE FROM invitation_tokens WHERE account_id = :account AND invitation_id IN (
    SELECT i.id FROM invitations i WHERE i.user_id IN (SELECT id FROM {ids} AS d))
"""
_INVITED = """
UPDATE users SET status = 'invited', updated_at = :now
WHERE account_id = :account AND status = 'staged' AND id IN (SELECT id FROM {ids} AS d)
"""
_STAGED = """
SELECT id, user_name, email FROM users WHERE account_id = :account AND status = 'staged'
ORDER BY id
"""
_COUNT = """
SELECT count(*) AS n, sum(CASE WHEN email = '' THEN 1 ELSE 0 END) AS nowhere FROM users
WHERE account_id = :account AND status = 'staged'
"""
_IDS = (("id", "bigint"),)


class StagedInvitations:
    """Whoever is in the account and was not invited yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> StagedPeople:
        """Return how many there are, and how many of them have no address."""

        async def work(tx: Transaction) -> StagedPeople:
            row = await tx.first(_COUNT)
            assert row is not None  # noqa: S101 - a count has one row
            nowhere = int(row.nowhere or 0)
            return StagedPeople(ready=row.n - nowhere, nowhere=nowhere)

        return await self._database.read(work)

    async def invite(
        self, *, expected: int, by: InvitationWay | None, audit: AuditEntry
    ) -> list[PersonResult]:
        """Invite all of them who have an address; return one result a person.

        Raises `ConflictError` (code ``staged_changed``), and does nothing, unless those are
        exactly as many as `expected`.
        """

        async def work(tx: Transaction) -> list[PersonResult]:
            await lock_pool(tx)
            rows = await tx.rows(_STAGED)
            people = [row.id for row in rows if row.email]
            if len(people) != expected:
                raise ConflictError(
                    f"Meanwhile {len(people):,} people wait to be invited, so nothing was done.",
                    code="staged_changed",
                    hint="Look at the new number, and decide again.",
                )
            if people:
                await make_invited(tx, people, now=audit.at)
                await send(tx, people, by=by, now=audit.at)
                detail = {**audit.detail, "people": people}
                await add_audit(tx, replace(audit, detail=detail))
                await settle_pool(tx, now=audit.at)
            return [
                PersonResult(
                    asked=row.email or row.user_name,
                    outcome=PersonOutcome.INVITED if row.email else PersonOutcome.NO_ADDRESS,
                    user_id=UserId(row.id),
                )
                for row in rows
            ]

        return await self._database.write(work)


async def make_invited(tx: Transaction, people: Sequence[int], *, now: datetime) -> None:
    """Let these people, as far as they were not invited yet, count as invited."""
    source = json_rows(tx.backend, "ids", _IDS)
    ids = to_json([[each] for each in people])
    await tx.run(_INVITED.format(ids=source), ids=ids, now=to_seconds(now))


async def send(
    tx: Transaction, people: Sequence[int], *, by: InvitationWay | None = None, now: datetime
) -> None:
    """Make these people's invitations due anew; whoever has none gets one.

    They go by the way `by`, else as each one's configuration says, by mail where it says neither.
    Links and messages that were sent before are void.
    """
    source = json_rows(tx.backend, "ids", _IDS)
    values = {"ids": to_json([[each] for each in people])}
    have = {row.user_id for row in await tx.rows(_HAVE.format(ids=source), **values)}
    await tx.run(_DROP_TOKENS.format(ids=source), **values)
    for row in await tx.rows(_UNDELIVERED.format(ids=source), **values):
        await mark_card(tx, f"cycle:{row.cycle_id}", now=now)
    ways = json_rows(tx.backend, "ways", (("id", "text"), ("way", "text")))
    how: dict[str, object] = {
        "ways": to_json(await _ways(tx)),
        "by": None if by is None else by.value,
        "batch": short_id("s"),
        "now": to_seconds(now),
    }
    await tx.run(_SEND_AGAIN.format(ids=source, ways=ways), **values, **how)
    new = [user for user in people if user not in have]
    if new:
        first = await reserve_ids(tx, "invitations", len(new))
        rows = json_rows(tx.backend, "rows", (("id", "bigint"), ("user_id", "bigint")))
        pairs = to_json([[first + n, user] for n, user in enumerate(new)])
        await tx.run(_NEW.format(rows=rows, ways=ways), rows=pairs, **how)
    await queue_chats(tx, people, now=now)


async def _ways(tx: Transaction) -> list[list[str]]:
    """Return each configuration that says how people are invited."""
    rows = await tx.rows("SELECT id, document FROM configurations WHERE account_id = :account")
    ways = [[str(row.id), str(to_object(row.document)["invitations"])] for row in rows]
    return [pair for pair in ways if pair[1] != InvitationWay.STAGED]
