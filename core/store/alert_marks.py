"""What people said to alerts: that they have seen one, and that a kind should be quiet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.model.account import Actor
from core.model.events import AlertMark, AuditEntry
from core.store.audit import add_audit
from core.store.codec import maybe_time, to_seconds
from core.store.database import Database, Row, Transaction
from core.store.outbox import mark_card

_GET = "SELECT * FROM alert_marks WHERE account_id = :account AND key = :key"
_PUT = """
INSERT INTO alert_marks (account_id, key, by, at, until) VALUES (:account, :key, :by, :at, :until)
ON CONFLICT (account_id, key) DO UPDATE SET by = excluded.by, at = excluded.at,
    until = excluded.until
"""
_DELETE = "DELETE FROM alert_marks WHERE account_id = :account AND key = :key"


class AlertMarks:
    """The marks, each under the key of an alert or of what is muted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> AlertMark | None:
        """Return a mark, or None."""

        async def work(tx: Transaction) -> Row | None:
            return await tx.first(_GET, key=key)

        row = await self._database.read(work)
        return None if row is None else AlertMark(by=row.by, until=maybe_time(row.until))

    async def put(
        self, key: str, *, by: Actor, until: datetime | None, card: str, audit: AuditEntry
    ) -> None:
        """Store a mark and make a card due for an edit."""

        async def work(tx: Transaction) -> None:
            at, end = to_seconds(audit.at), to_seconds(until) if until else None
            await tx.run(_PUT, key=key, by=by.id, at=at, until=end)
            await mark_card(tx, card, now=audit.at)
            await add_audit(tx, audit)

        await self._database.write(work)

    async def muted(self, *, now: datetime) -> dict[str, AlertMark]:
        """Return by their keys the mutes that are not over."""
        sql = "SELECT * FROM alert_marks WHERE account_id = :account AND until > :now ORDER BY key"
        rows = await self._database.read(lambda tx: tx.rows(sql, now=to_seconds(now)))
        return {row.key: AlertMark(by=row.by, until=maybe_time(row.until)) for row in rows}

    async def mute(
        self, keys: Sequence[str], *, by: Actor, until: datetime | None, audit: AuditEntry
    ) -> None:
        """Mute what stands under these keys until then; None lets it be heard again."""

        async def work(tx: Transaction) -> None:
            for key in keys:
                if until is None:
                    await tx.run(_DELETE, key=key)
                else:
                    at = to_seconds(audit.at)
                    await tx.run(_PUT, key=key, by=by.id, at=at, until=to_seconds(until))
            await add_audit(tx, audit)

        await self._database.write(work)

    async def drop(self, key: str, *, card: str, audit: AuditEntry) -> None:
        """Forget a mark; safe to call twice."""

        async def work(tx: Transaction) -> None:
            if await tx.run(_DELETE, key=key):
                await mark_card(tx, card, now=audit.at)
                await add_audit(tx, audit)

        await self._database.write(work)
