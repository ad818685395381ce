"""Invitations that wait for delivery by mail."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model.account import Invitation, MailPurpose, UserId
from core.store.activation import VALID_FOR, token_hash
from core.store.bulk import insert_rows, json_rows
from core.store.codec import to_json, to_seconds
from core.store.database import Database, Row, Transaction
from core.store.mail_alert import note_held_up, note_sent
from core.store.outbox import mark_card
from core.store.pace import claim_due, room_for

_TOKEN_BYTES = 24
_CLAIM = """
UPDATE invitations SET claimed_by = :owner, claimed_until = :until, attempts = attempts + 1,
    begun_at = :now
WHERE id IN (
    SELECT i.id FROM invitations i
    WHERE i.account_id = :account AND i.state = 'pending' AND i.sent_at IS NULL
      AND i.way IN ('mail', 'both') AND i.next_at <= :now
      AND (i.claimed_until IS NULL OR i.claimed_until <= :now)
    ORDER BY i.next_at, i.id LIMIT :limit {lock})
RETURNING id
"""
_LOAD = """
SELECT i.id, i.user_id, u.email, u.display_name, i.message_id, i.attempts, i.purpose
FROM invitations i JOIN users u ON u.id = i.user_id
WHERE i.id IN (SELECT id FROM {ids} AS d) ORDER BY i.id
"""
_TOKENS = (("token_hash", "bytea"), ("invitation_id", "bigint"), ("expires_at", "double precision"))
_EXPIRE = """
UPDATE invitations SET state = 'expired'
WHERE account_id = :account AND purpose = 'invitation' AND state = 'sent' AND NOT EXISTS (
    SELECT 1 FROM invitation_tokens t
    WHERE t.invitation_id = invitations.id AND t.expires_at > :now)
  AND NOT EXISTS (SELECT 1 FROM invitation_chats c
    WHERE c.invitation_id = invitations.id AND c.state = 'sent' AND c.sent_at > :old)
"""
_SENT = """
UPDATE invitations SET state = CASE WHEN state = 'pending' THEN 'sent' ELSE state END,
    sent_at = :now, claimed_by = NULL, claimed_until = NULL, error = NULL, detail = NULL
WHERE account_id = :account AND EXISTS (SELECT 1 FROM {sent} AS d
    WHERE d.id = invitations.id AND d.message_id = invitations.message_id)
"""
_FAILED = """
UPDATE invitations SET claimed_by = NULL, claimed_until = NULL, error = :error, detail = :detail,
    next_at = coalesce(CAST(:at AS double precision), next_at),
    state = CASE WHEN CAST(:at AS double precision) IS NULL AND state = 'pending'
        THEN 'failed' ELSE state END
WHERE account_id = :account AND id = :id AND message_id = :message_id
RETURNING cycle_id
"""
_BOUNCED = """
UPDATE invitations SET state = CASE WHEN purpose = 'invitation' THEN 'failed' ELSE state END,
    error = 'mail_bounced', detail = :detail
WHERE account_id = :account AND message_id = :message_id AND state IN ('pending', 'sent')
RETURNING cycle_id
"""


class Invitations:
    """The delivery of invitations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(
        self, *, owner: str, limit: int = 100, per_minute: int | None = None, now: datetime
    ) -> list[Invitation]:
        """Claim invitations for two minutes, oldest first; only those that go by mail.

        `per_minute` is how many invitations may be begun in a minute, by whichever way.

        `Invitation.attempts` counts the claims before this one. Each attempt has a token of its
        own, because nobody knows whether an earlier one arrived; all of them work until one is
        used.
        """

        async def work(tx: Transaction) -> list[Invitation]:
            room = await room_for(tx, limit, per_minute, now=now)
            claimed = await claim_due(tx, _CLAIM, owner=owner, limit=room, now=now)
            ids = [row.id for row in claimed]
            return await _with_tokens(tx, await _load(tx, ids), now=now) if ids else []

        return await self._database.write(work)

    async def expire(self, *, now: datetime) -> int:
        """Drop tokens whose time is over; return how many invitations can be accepted no more."""

        async def work(tx: Transaction) -> int:
            seconds = to_seconds(now)
            await tx.run(
                "DELETE FROM invitation_tokens WHERE account_id = :account AND expires_at <= :now",
                now=seconds,
            )
            return await tx.run(_EXPIRE, now=seconds, old=to_seconds(now - VALID_FOR))

        return await self._database.write(work)

    async def sent(self, invitations: Sequence[Invitation], *, now: datetime) -> None:
        """Note that these were handed over; one revoked meanwhile stays revoked.

        One that is to be sent anew since it was claimed is still to be sent.
        """

        async def work(tx: Transaction) -> None:
            source = json_rows(tx.backend, "sent", (("id", "bigint"), ("message_id", "text")))
            rows = to_json([[each.id, each.message_id] for each in invitations])
            await tx.run(_SENT.format(sent=source), sent=rows, now=to_seconds(now))
            await note_sent(tx, now=now)

        await self._database.write(work)

    async def failed(
        self, invitation: Invitation, *, error: str, retry_at: datetime | None, detail: str = ""
    ) -> None:
        """Note a failed attempt; without `retry_at` the invitation is given up.

        Nothing is noted of one that is to be sent anew since it was claimed. `detail` is what the
        mail side said, such as 550.
        """

        async def work(tx: Transaction) -> None:
            at = to_seconds(retry_at) if retry_at else None
            key = {"id": invitation.id, "message_id": invitation.message_id}
            noted = await tx.rows(_FAILED, error=error, at=at, detail=detail or None, **key)
            if retry_at is None:
                await _mark_cards(tx, noted)
            elif noted:
                await note_held_up(tx, error, now=tx.clock.now())

        await self._database.write(work)

    async def bounced(self, message_id: str, *, detail: str) -> bool:
        """Note that a message that was sent came back; False if it is none that stands.

        One that was accepted, revoked or sent anew since stays as it is.
        """

        async def work(tx: Transaction) -> bool:
            noted = await tx.rows(_BOUNCED, message_id=message_id, detail=detail)
            await _mark_cards(tx, noted)
            return bool(noted)

        return await self._database.write(work)


async def _mark_cards(tx: Transaction, rows: Sequence[Row]) -> None:
    """Let the cards of the cycles that invited these people tell of it."""
    for cycle in {row.cycle_id for row in rows if row.cycle_id}:
        await mark_card(tx, f"cycle:{cycle}", now=tx.clock.now())


async def _load(tx: Transaction, ids: Sequence[int]) -> list[Invitation]:
    source = json_rows(tx.backend, "ids", (("id", "bigint"),))
    rows = await tx.rows(_LOAD.format(ids=source), ids=to_json([[i] for i in ids]))
    return [
        Invitation(
            id=row.id,
            user_id=UserId(row.user_id),
            email=row.email,
            display_name=row.display_name,
            message_id=row.message_id,
            attempts=row.attempts - 1,
            purpose=MailPurpose(row.purpose),
        )
        for row in rows
    ]


async def _with_tokens(
    tx: Transaction, invitations: Sequence[Invitation], *, now: datetime
) -> list[Invitation]:
    """Give each invitation a new token, of which the store keeps the hash."""
    expires = to_seconds(now + VALID_FOR)
    whole = [
        replace(each, token=secrets.token_urlsafe(_TOKEN_BYTES))
        if each.purpose is MailPurpose.INVITATION
        else each
        for each in invitations
    ]
    rows = [(token_hash(each.token), each.id, expires) for each in whole if each.token]
    await insert_rows(tx, "invitation_tokens", _TOKENS, rows)
    return whole
