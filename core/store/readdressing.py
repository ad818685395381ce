"""Open invitations follow a changed address, in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.model.configuration import InvitationWay
from core.model.cycle import Fence
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.bulk import json_rows
from core.store.chat_invitations import queue_chats
from core.store.codec import to_json, to_seconds
from core.store.database import Transaction

ACTION = "invitation.readdress"
_MOVED = """
SELECT d.user_id FROM decided d
JOIN staged_users s ON s.seq = d.seq
JOIN users u ON u.id = d.user_id
WHERE d.writes AND lower(u.email) <> lower(s.email)
"""
_ANEW = """
UPDATE invitations SET state = CASE WHEN state = 'revoked' THEN state ELSE 'pending' END,
    state_before = CASE WHEN state = 'revoked' THEN 'pending' END,
    way = coalesce(CAST(:way AS text), way), attempts = 0, next_at = :send_at, sent_at = NULL,
    claimed_by = NULL, claimed_until = NULL, error = NULL, detail = NULL,
    message_id = '<invitation-' || CAST(id AS text) || '.' || :cycle || '@dirsync>'
WHERE account_id = :account AND purpose = 'invitation'
  AND user_id IN (SELECT id FROM {people} AS d)
  AND (state IN ('sent', 'failed') OR (state = 'revoked' AND state_before IS NOT NULL)
    OR (state = 'pending' AND (attempts > 0 OR EXISTS (SELECT 1 FROM invitation_chats c
        WHERE c.invitation_id = invitations.id AND c.attempts > 0))))
RETURNING user_id, state
"""
_DROP_TOKENS = """
DELETE FROM invitation_tokens WHERE account_id = :account AND invitation_id IN (
    SELECT i.id FROM invitations i WHERE i.user_id IN (SELECT id FROM {people} AS d))
"""


async def moved_people(tx: Transaction) -> list[int]:
    """Return whose address this batch changes, by more than case; call it before it does."""
    return [row.user_id for row in await tx.rows(_MOVED)]


async def readdress(
    tx: Transaction,
    people: Sequence[int],
    fence: Fence,
    *,
    way: InvitationWay,
    send_at: datetime,
    now: datetime,
) -> None:
    """Send what these people were sent to their new addresses; what was sent is void.

    It goes as the configuration says now. Whoever has accepted, or was never sent anything, is
    left alone.
    """
    if not people:
        return
    source = json_rows(tx.backend, "people", (("id", "bigint"),))
    values = {"people": to_json([[each] for each in people])}
    found = await tx.rows(
        _ANEW.format(people=source),
        way=None if way is InvitationWay.STAGED else way.value,
        cycle=fence.cycle_id,
        send_at=to_seconds(send_at),
        **values,
    )
    if not found:
        return
    await tx.run(_DROP_TOKENS.format(people=source), **values)
    sent = sorted(row.user_id for row in found if row.state == "pending")
    await queue_chats(tx, sent, now=now)
    if sent:
        await add_audit(tx, await _entry(tx, fence, sent, now))


async def _entry(tx: Transaction, fence: Fence, people: list[int], now: datetime) -> AuditEntry:
    by = await tx.value("SELECT requested_by FROM cycles WHERE id = :cycle", cycle=fence.cycle_id)
    return AuditEntry(
        at=now,
        actor=by,
        door="sync",
        action=ACTION,
        subject=fence.cycle_id,
        allowed=True,
        detail={"people": people},
        reason="the address changed",
    )
