"""Invitations that wait for delivery by chat, and who accepts there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model.account import MailPurpose, UserId
from core.model.inviting import ChatInvitation, MessagePlace
from core.store.bulk import json_rows
from core.store.codec import to_json, to_seconds, to_time
from core.store.database import Database, Row, Transaction
from core.store.pace import claim_due, room_for

_OPEN = "('pending', 'sent', 'failed')"
_CLAIM = f"""
UPDATE invitation_chats SET claimed_by = :owner, claimed_until = :until, begun_at = :now,
    attempts = attempts + 1
WHERE invitation_id IN (
    SELECT c.invitation_id FROM invitation_chats c JOIN invitations i ON i.id = c.invitation_id
    WHERE c.account_id = :account AND c.state = 'pending' AND c.next_at <= :now
      AND i.state IN {_OPEN} AND (c.claimed_until IS NULL OR c.claimed_until <= :now)
    ORDER BY c.next_at, c.invitation_id LIMIT :limit {{lock}})
RETURNING invitation_id
"""  # noqa: S608 - fixed fragments
_LOAD = """
SELECT c.invitation_id, c.version, c.person, c.channel, c.ts, c.attempts, c.created_at,
    i.user_id, i.purpose, u.email, u.display_name
FROM invitation_chats c
JOIN invitations i ON i.id = c.invitation_id
JOIN users u ON u.id = i.user_id
WHERE c.invitation_id IN (SELECT id FROM {ids} AS d) ORDER BY c.invitation_id
"""
_FOUND = """
UPDATE invitation_chats SET person = :person
WHERE account_id = :account AND invitation_id = :id AND version = :version
"""
_SENT = """
UPDATE invitation_chats SET state = 'sent', channel = :channel, ts = :ts, sent_at = :now,
    claimed_by = NULL, claimed_until = NULL, error = NULL
WHERE account_id = :account AND invitation_id = :id AND version = :version
"""
_LEFT_BEHIND = """
UPDATE invitation_chats SET channel = :channel, ts = :ts
WHERE account_id = :account AND invitation_id = :id AND version > :version AND state = 'pending'
"""
_INVITED = """
UPDATE invitations SET state = 'sent', sent_at = :now, error = NULL
WHERE account_id = :account AND id = :id AND way = 'slack' AND state = 'pending'
"""
_UNMATCHED = """
UPDATE invitation_chats SET state = 'unmatched', error = :error, claimed_by = NULL,
    claimed_until = NULL
WHERE account_id = :account AND invitation_id = :id AND version = :version
"""
_BY_MAIL = """
UPDATE invitations SET way = 'mail'
WHERE account_id = :account AND id = :id AND way = 'slack'
"""
_RETRY = """
UPDATE invitation_chats SET next_at = :at, error = :error, claimed_by = NULL, claimed_until = NULL
WHERE account_id = :account AND invitation_id = :id AND version = :version AND state = 'pending'
"""
QUEUE = """
INSERT INTO invitation_chats (account_id, invitation_id, state, next_at, created_at)
SELECT :account, i.id, 'pending', i.next_at, CAST(:now AS double precision)
FROM {people} AS d JOIN invitations i ON i.user_id = d.id
WHERE i.account_id = :account AND i.state = 'pending' AND i.way IN ('slack', 'both')
ON CONFLICT (invitation_id) DO UPDATE SET state = 'pending', person = NULL, attempts = 0,
    version = invitation_chats.version + 1, next_at = excluded.next_at, claimed_by = NULL,
    claimed_until = NULL, sent_at = NULL, error = NULL, created_at = excluded.created_at
"""
"""Makes the open invitations of `people` due by chat, where they go there; earlier messages of
them are void."""


class ChatInvitations:
    """The delivery of invitations by chat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(
        self, *, owner: str, limit: int = 1, per_minute: int | None = None, now: datetime
    ) -> list[ChatInvitation]:
        """Claim invitations for two minutes, oldest first; only those that are still open.

        `per_minute` is how many invitations may be begun in a minute, by whichever way.
        """

        async def work(tx: Transaction) -> list[ChatInvitation]:
            room = await room_for(tx, limit, per_minute, now=now)
            claimed = await claim_due(tx, _CLAIM, owner=owner, limit=room, now=now, of="c")
            if not claimed:
                return []
            source = json_rows(tx.backend, "ids", (("id", "bigint"),))
            ids = to_json([[row.invitation_id] for row in claimed])
            return [_invitation(row) for row in await tx.rows(_LOAD.format(ids=source), ids=ids)]

        return await self._database.write(work)

    async def found(self, invitation: ChatInvitation, person: str) -> ChatInvitation:
        """Note who is written to, before they are: from now on only they can accept there."""
        if person != invitation.person:
            await self._note(invitation, _FOUND, person=person)
        return replace(invitation, person=person)

    async def sent(self, invitation: ChatInvitation, at: MessagePlace, *, now: datetime) -> None:
        """Note where the message stands, and that it arrived unless it is sent anew meanwhile."""

        async def work(tx: Transaction) -> None:
            key = {"id": invitation.id, "version": invitation.version}
            place = {"channel": at.channel, "ts": at.ts}
            seconds = to_seconds(now)
            if await tx.run(_SENT, now=seconds, **key, **place):
                await tx.run(_INVITED, id=invitation.id, now=seconds)
            else:
                await tx.run(_LEFT_BEHIND, **key, **place)

        await self._database.write(work)

    async def unreachable(self, invitation: ChatInvitation, *, error: str) -> None:
        """Give the direct message up and say why; the invitation goes by mail instead."""

        async def work(tx: Transaction) -> None:
            key = {"id": invitation.id, "version": invitation.version}
            if await tx.run(_UNMATCHED, error=error, **key):
                await tx.run(_BY_MAIL, id=invitation.id)

        await self._database.write(work)

    async def retry(self, invitation: ChatInvitation, *, at: datetime, error: str) -> None:
        """Offer it again from `at` on."""
        await self._note(invitation, _RETRY, at=to_seconds(at), error=error)

    async def _note(self, invitation: ChatInvitation, statement: str, **values: object) -> None:
        async def work(tx: Transaction) -> None:
            await tx.run(statement, id=invitation.id, version=invitation.version, **values)

        await self._database.write(work)


async def queue_chats(tx: Transaction, people: Sequence[int], *, now: datetime) -> None:
    """Make the pending invitations of these people due by chat, where they go there."""
    if people:
        source = json_rows(tx.backend, "people", (("id", "bigint"),))
        rows = to_json([[each] for each in people])
        await tx.run(QUEUE.format(people=source), people=rows, now=to_seconds(now))


def _invitation(row: Row) -> ChatInvitation:
    return ChatInvitation(
        id=row.invitation_id,
        version=row.version,
        user_id=UserId(row.user_id),
        email=row.email,
        display_name=row.display_name,
        attempts=row.attempts - 1,
        since=to_time(row.created_at),
        purpose=MailPurpose(row.purpose),
        person=row.person or "",
        earlier=MessagePlace(channel=row.channel, ts=row.ts),
    )
