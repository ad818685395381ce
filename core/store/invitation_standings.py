"""Where people's invitations stand, for those who ask about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.model.account import InvitationState, UserId
from core.model.configuration import InvitationWay
from core.model.cycle import CycleId
from core.model.inviting import ChatState, InvitationQueue, InvitationStanding
from core.store.bulk import json_rows
from core.store.codec import maybe_time, to_json
from core.store.database import Database, Row, Transaction
from core.store.mail_alert import ALERT_KEY, HELD_CODES

_STANDINGS = """
SELECT i.user_id, i.state, i.way, i.sent_at, i.error, i.detail, c.state AS chat,
    c.error AS chat_error, c.sent_at AS chat_at
FROM {ids} AS d
JOIN invitations i ON i.user_id = d.id
LEFT JOIN invitation_chats c ON c.invitation_id = i.id
WHERE i.account_id = :account AND i.id = (SELECT max(n.id) FROM invitations n
    WHERE n.user_id = d.id AND n.purpose = 'invitation')
"""
_QUEUE = f"""
SELECT (SELECT count(*) FROM invitations
        WHERE account_id = :account AND state = 'pending' AND way IN ('mail', 'both')) AS mails,
    (SELECT count(*) FROM invitation_chats c JOIN invitations i ON i.id = c.invitation_id
        WHERE c.account_id = :account AND c.state = 'pending'
          AND i.state IN ('pending', 'sent', 'failed')) AS chats,
    (SELECT count(*) FROM invitations WHERE account_id = :account AND state = 'failed') AS failed,
    (SELECT count(*) FROM invitations
        WHERE account_id = :account AND state = 'pending' AND error IN ({HELD_CODES})) AS held,
    (SELECT value FROM settings WHERE account_id = :account AND key = '{ALERT_KEY}') AS held_by
"""  # noqa: S608 - fixed codes


class InvitationStandings:
    """Reads how invitations stand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, people: Sequence[UserId]) -> Mapping[UserId, InvitationStanding]:
        """Return the newest invitation of each of these people who has one."""

        async def work(tx: Transaction) -> Sequence[Row]:
            source = json_rows(tx.backend, "ids", (("id", "bigint"),))
            ids = to_json([[each] for each in people])
            return await tx.rows(_STANDINGS.format(ids=source), ids=ids)

        found = await self._database.read(work) if people else ()
        return {UserId(row.user_id): _standing(row) for row in found}

    async def queue(self, per_minute: int | None = None) -> InvitationQueue:
        """Return how many are on their way, at most so many a minute, and how many failed."""

        async def work(tx: Transaction) -> InvitationQueue:
            row = await tx.first(_QUEUE)
            assert row is not None  # noqa: S101 - a SELECT of scalars has one row
            return InvitationQueue(
                mails=row.mails,
                chats=row.chats,
                failed=row.failed,
                held=row.held,
                held_by=row.held_by or "",
                per_minute=per_minute,
            )

        return await self._database.read(work)

    async def failed_of(self, cycle: CycleId) -> int:
        """Return how many of a cycle's invitations could not be delivered."""

        async def work(tx: Transaction) -> int:
            sql = "SELECT count(*) FROM invitations WHERE cycle_id = :cycle AND state = 'failed'"
            return int(await tx.value(sql, cycle=cycle))

        return await self._database.read(work)


def _standing(row: Row) -> InvitationStanding:
    return InvitationStanding(
        state=InvitationState(row.state),
        way=InvitationWay(row.way),
        sent_at=maybe_time(row.sent_at),
        error=row.error or "",
        detail=row.detail or "",
        chat=ChatState(row.chat) if row.chat else None,
        chat_error=row.chat_error or "",
        chat_at=maybe_time(row.chat_at),
    )
