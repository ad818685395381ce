"""Which of Slack's deliveries were seen, over all replicas."""

from __future__ import annotations

from datetime import datetime

from core.store.codec import to_seconds
from core.store.database import Database, Transaction


class Inbox:
    """Keys of requests that were taken on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, key: str, *, now: datetime) -> bool:
        """Take a request on; False if it was taken before, here or by another replica."""

        async def work(tx: Transaction) -> bool:
            new = await tx.run(
                "INSERT INTO inbox (account_id, key, at) VALUES (:account, :key, :at)"
                " ON CONFLICT DO NOTHING",
                key=key,
                at=to_seconds(now),
            )
            return new > 0

        return await self._database.write(work)

    async def purge(self, before: datetime) -> None:
        """Forget keys that were taken before this time."""

        async def work(tx: Transaction) -> None:
            await tx.run(
                "DELETE FROM inbox WHERE account_id = :account AND at < :before",
                before=to_seconds(before),
            )

        await self._database.write(work)
