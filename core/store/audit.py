"""Who did what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.model.events import AuditEntry
from core.store.bulk import reserve_ids
from core.store.codec import to_json, to_object, to_seconds, to_time
from core.store.database import Database, Row, Transaction


class Audit:
    """The audit table, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        """Store one entry that belongs to no other change, such as a denial."""

        async def work(tx: Transaction) -> None:
            await add_audit(tx, entry)

        await self._database.write(work)

    async def list(
        self, *, since: datetime | None = None, limit: int = 50, offset: int = 0
    ) -> list[AuditEntry]:
        """Return entries, newest first."""

        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(
                "SELECT at, actor, door, action, subject, allowed, detail, reason FROM audit"
                " WHERE account_id = :account AND at >= :since"
                " ORDER BY at DESC, id DESC LIMIT :limit OFFSET :offset",
                since=to_seconds(since) if since else 0.0,
                limit=limit,
                offset=offset,
            )

        return [_entry(row) for row in await self._database.read(work)]


async def add_audit(tx: Transaction, entry: AuditEntry) -> None:
    """Store an entry in the transaction of the fact."""
    await tx.run(
        "INSERT INTO audit"
        " (account_id, id, at, actor, door, action, subject, allowed, detail, reason) VALUES"
        " (:account, :id, :at, :actor, :door, :action, :subject, :allowed, :detail, :reason)",
        id=await reserve_ids(tx, "audit", 1),
        at=to_seconds(entry.at),
        actor=entry.actor,
        door=entry.door,
        action=entry.action,
        subject=entry.subject,
        allowed=entry.allowed,
        detail=to_json(entry.detail),
        reason=entry.reason,
    )


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        at=to_time(row.at),
        actor=row.actor,
        door=row.door,
        action=row.action,
        subject=row.subject,
        allowed=bool(row.allowed),
        detail=to_object(row.detail),
        reason=row.reason,
    )
