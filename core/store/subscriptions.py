"""Which channels are told of what, and which of them Slack takes no message for."""

from __future__ import annotations

from datetime import datetime

from core.model.configuration import ConfigurationId
from core.model.events import AuditEntry
from core.model.subscriptions import LostChannel, NoticeKind, Subscription
from core.store.audit import add_audit
from core.store.codec import to_seconds, to_time
from core.store.database import Database, Row, Transaction

_ALL = """
SELECT * FROM subscriptions WHERE account_id = :account ORDER BY channel, configuration_id
"""
_PUT = """
INSERT INTO subscriptions (account_id, channel, configuration_id, kinds, by, at)
VALUES (:account, :channel, :configuration, :kinds, :by, :at)
ON CONFLICT (account_id, channel, configuration_id) DO UPDATE SET kinds = excluded.kinds,
    by = excluded.by, at = excluded.at
"""
_DROP = """
DELETE FROM subscriptions WHERE account_id = :account AND channel = :channel
    AND configuration_id = :configuration
"""
_LOST = """
INSERT INTO lost_channels (account_id, channel, code, since)
VALUES (:account, :channel, :code, :now)
ON CONFLICT (account_id, channel) DO UPDATE SET code = excluded.code
WHERE lost_channels.code <> excluded.code
"""
_FOUND = "DELETE FROM lost_channels WHERE account_id = :account AND channel = :channel"


class Subscriptions:
    """The subscriptions, one row a channel and configuration."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Subscription]:
        """Return all by channel."""
        rows = await self._database.read(lambda tx: tx.rows(_ALL))
        return [_subscription(row) for row in rows]

    async def put(self, subscription: Subscription, *, audit: AuditEntry) -> None:
        """Store what a channel is told of, in place of what it was told before."""

        async def work(tx: Transaction) -> None:
            await tx.run(
                _PUT,
                channel=subscription.channel,
                configuration=subscription.configuration or "",
                kinds=" ".join(sorted(subscription.kinds)),
                by=subscription.by,
                at=to_seconds(subscription.at),
            )
            await add_audit(tx, audit)

        await self._database.write(work)

    async def drop(
        self, channel: str, configuration: ConfigurationId | None, *, audit: AuditEntry
    ) -> bool:
        """Forget a subscription; False if there is none."""

        async def work(tx: Transaction) -> bool:
            if not await tx.run(_DROP, channel=channel, configuration=configuration or ""):
                return False
            await tx.run(_FOUND, channel=channel)
            await add_audit(tx, audit)
            return True

        return await self._database.write(work)

    async def lost(self, channel: str, code: str, *, now: datetime) -> bool:
        """Note that Slack takes nothing for a channel; False if that reason is known."""
        values = {"channel": channel, "code": code, "now": to_seconds(now)}
        return bool(await self._database.write(lambda tx: tx.run(_LOST, **values)))

    async def found(self, channel: str) -> None:
        """Note that a channel took a message; written only where it was lost."""
        if any(each.channel == channel for each in await self.lost_channels()):
            await self._database.write(lambda tx: tx.run(_FOUND, channel=channel))

    async def lost_channels(self) -> list[LostChannel]:
        """Return the channels that take nothing, the longest lost first."""
        sql = "SELECT * FROM lost_channels WHERE account_id = :account ORDER BY since, channel"
        rows = await self._database.read(lambda tx: tx.rows(sql))
        return [
            LostChannel(channel=row.channel, code=row.code, since=to_time(row.since))
            for row in rows
        ]


def _subscription(row: Row) -> Subscription:
    known = set(NoticeKind)
    return Subscription(
        channel=row.channel,
        configuration=ConfigurationId(row.configuration_id) if row.configuration_id else None,
        kinds=frozenset(NoticeKind(kind) for kind in row.kinds.split() if kind in known),
        by=row.by,
        at=to_time(row.at),
    )
