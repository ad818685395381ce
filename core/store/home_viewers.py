"""Who opened their Home tab lately: whichever replica tells of something shows it to them anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.model.events import EventKind
from core.store.bulk import reserve_ids
from core.store.codec import to_seconds
from core.store.database import Database, Transaction

RECENT = timedelta(minutes=30)
"""For how long a Home tab that was opened is kept up to date."""
MOST = 20
"""For so many people at most, the latest."""
GATHERED = timedelta(seconds=0.5)
"""What happens in this time is shown together."""

_OPENED = """
INSERT INTO home_viewers (account_id, viewer, opened_at) VALUES (:account, :viewer, :now)
ON CONFLICT (account_id, viewer) DO UPDATE SET opened_at = excluded.opened_at
"""
_PRUNE = """
DELETE FROM home_viewers WHERE account_id = :account AND (opened_at < :since OR viewer NOT IN (
    SELECT viewer FROM home_viewers WHERE account_id = :account
    ORDER BY opened_at DESC, viewer LIMIT :most))
"""
_ITEM = """
INSERT INTO outbox (account_id, id, key, stream, kind, subject, payload, state, next_at, created_at)
VALUES (:account, :id, 'home:' || CAST(:viewer AS text), 'home:' || CAST(:viewer AS text), :kind,
    :viewer, '{}', 'delivered', :now, :now)
ON CONFLICT (account_id, key) DO NOTHING
"""
_DUE = """
UPDATE outbox SET version = version + 1, state = 'pending', error = NULL,
    next_at = CASE WHEN state = 'pending' THEN next_at ELSE :at END,
    attempts = CASE WHEN state = 'pending' THEN attempts ELSE 0 END
WHERE account_id = :account AND key IN (
    SELECT 'home:' || viewer FROM home_viewers
    WHERE account_id = :account AND opened_at >= :since)
"""
_RECENT = """
SELECT viewer FROM home_viewers WHERE account_id = :account AND opened_at >= :since
ORDER BY opened_at, viewer
"""


class HomeViewers:
    """Home tabs that may still be looked at, each with an item of the outbox that shows it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def opened(self, viewer: str, *, now: datetime) -> None:
        """Remember that somebody opened theirs; whoever opened it longest ago is forgotten."""
        seconds, since = to_seconds(now), to_seconds(now - RECENT)

        async def work(tx: Transaction) -> None:
            await tx.run(_OPENED, viewer=viewer, now=seconds)
            await tx.run(_PRUNE, since=since, most=MOST)
            id_ = await reserve_ids(tx, "outbox", 1)
            await tx.run(_ITEM, id=id_, viewer=viewer, kind=EventKind.HOME.value, now=seconds)

        await self._database.write(work)

    async def show_anew(self, *, now: datetime) -> int:
        """Make the tabs of all who opened theirs lately due in a moment; return how many."""
        values = {"at": to_seconds(now + GATHERED), "since": to_seconds(now - RECENT)}
        return await self._database.write(lambda tx: tx.run(_DUE, **values))

    async def recent(self, *, now: datetime) -> list[str]:
        """Return who opened theirs lately, the latest last."""
        since = to_seconds(now - RECENT)
        rows = await self._database.read(lambda tx: tx.rows(_RECENT, since=since))
        return [row.viewer for row in rows]
