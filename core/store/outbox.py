"""Messages that must leave the machine, and where their cards stand."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model.configuration import ConfigurationId
from core.model.events import PRIMARY, Delivery, EventKind, NewOutboxItem, OutboxItem
from core.model.subscriptions import kinds_of
from core.store.bulk import reserve_ids
from core.store.codec import to_json, to_object, to_seconds, to_time
from core.store.database import Database, Row, Transaction
from core.store.pace import claim_due

_SUBSCRIBED = "SELECT channel, kinds FROM subscriptions WHERE account_id = :account"
_CLAIM_SECONDS = 60.0
_PACED = "paced"
_PUT = """
INSERT INTO outbox (account_id, id, key, stream, kind, subject, channel, payload, copy_of, state,
    next_at, created_at)
VALUES (:account, :id, :key, :stream, :kind, :subject, :channel, :payload, :copy_of, 'pending',
    :now, :now)
ON CONFLICT (account_id, key) DO UPDATE SET
    version = outbox.version + 1, payload = excluded.payload, error = NULL,
    channel = coalesce(excluded.channel, outbox.channel),
    next_at = CASE WHEN outbox.state = 'pending' AND outbox.attempts > 0
        THEN outbox.next_at ELSE excluded.next_at END,
    attempts = CASE WHEN outbox.state = 'pending' THEN outbox.attempts ELSE 0 END,
    state = 'pending'
"""
_REMARK = """
UPDATE outbox SET version = version + 1, state = 'pending',
    next_at = CASE WHEN state = 'pending' AND attempts > 0 THEN next_at ELSE :now END,
    attempts = CASE WHEN state = 'pending' THEN attempts ELSE 0 END
WHERE account_id = :account AND (key = :key OR copy_of = :key)
"""
_ALERTS = """
SELECT key FROM outbox WHERE account_id = :account AND kind = 'alert' AND created_at >= :since
  AND copy_of IS NULL AND (subject = :configuration OR subject IN (
      SELECT id FROM cycles WHERE configuration_id = :configuration))
"""
_CLAIM = """
UPDATE outbox SET claimed_by = :owner, claimed_until = :until, claimed_version = version
WHERE id IN (
    SELECT o.id FROM outbox o
    WHERE o.account_id = :account AND o.state = 'pending' AND o.next_at <= :now
      AND (o.claimed_until IS NULL OR o.claimed_until <= :now)
      AND NOT EXISTS (SELECT 1 FROM outbox older WHERE older.stream = o.stream
          AND older.state = 'pending' AND older.id < o.id AND older.account_id = o.account_id)
    ORDER BY o.id LIMIT :limit {lock})
RETURNING id, key, stream, kind, subject, channel, payload, copy_of, attempts, created_at,
    claimed_by
"""
_SETTLED = """
UPDATE outbox SET claimed_by = NULL, claimed_until = NULL, attempts = 0, error = NULL,
    state = CASE WHEN version = claimed_version THEN 'delivered' ELSE 'pending' END,
    next_at = CASE WHEN version = claimed_version THEN next_at ELSE :now END
WHERE account_id = :account AND id = :id AND claimed_by = :claim
"""
_RETRY = """
UPDATE outbox SET claimed_by = NULL, claimed_until = NULL, next_at = :at, error = :error,
    attempts = attempts + :failed
WHERE account_id = :account AND id = :id AND claimed_by = :claim AND state = 'pending'
"""
_GIVE_UP = """
UPDATE outbox SET claimed_by = NULL, claimed_until = NULL, error = :error,
    state = CASE WHEN version = claimed_version THEN 'undeliverable' ELSE 'pending' END
WHERE account_id = :account AND id = :id AND claimed_by = :claim
"""
_CARD = """
INSERT INTO deliveries (account_id, key, channel, ts, shown, undeliverable, updated_at)
VALUES (:account, :key, :channel, :ts, :shown, :undeliverable, :now)
ON CONFLICT (account_id, key) DO UPDATE SET channel = excluded.channel, ts = excluded.ts,
    shown = excluded.shown, undeliverable = excluded.undeliverable,
    updated_at = excluded.updated_at
"""


class Outbox:
    """The outbox and the deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, items: Sequence[NewOutboxItem], *, now: datetime) -> None:
        """Store items; one whose key is there already becomes due again with the new payload."""

        async def work(tx: Transaction) -> None:
            for item in items:
                await put_item(tx, item, now=now)

        await self._database.write(work)

    async def due(
        self, *, owner: str, limit: int = 20, now: datetime
    ) -> list[tuple[OutboxItem, Delivery | None]]:
        """Claim items for a minute, each with where its card stands; oldest first.

        Of one stream only the oldest undelivered item is given, so that its order is kept.
        """

        async def work(tx: Transaction) -> list[tuple[OutboxItem, Delivery | None]]:
            this = f"{owner} {secrets.token_hex(4)}"
            rows = await claim_due(
                tx, _CLAIM, owner=this, limit=limit, now=now, seconds=_CLAIM_SECONDS
            )
            items = sorted((_item(row) for row in rows), key=lambda item: item.id)
            return [(item, await _delivery(tx, item.key)) for item in items]

        return await self._database.write(work)

    async def delivered(
        self, item: OutboxItem, delivery: Delivery | None, *, now: datetime
    ) -> None:
        """Note where the card stands now; an item that was re-marked meanwhile stays pending.

        So does one that others claimed meanwhile: this may have brought what was true before.
        """

        async def work(tx: Transaction) -> None:
            if not await tx.run(_SETTLED, id=item.id, claim=item.claim, now=to_seconds(now)):
                await _came_late(tx, item, delivery, now=now)
            elif delivery is not None:
                await _store_delivery(tx, delivery, now=now)

        await self._database.write(work)

    async def retry(self, item: OutboxItem, *, at: datetime, error: str) -> None:
        """Offer the item again from `at` on; a new mark brings a merely paced one forward."""
        failed = 0 if error == _PACED else 1

        async def work(tx: Transaction) -> None:
            await tx.run(
                _RETRY, id=item.id, claim=item.claim, at=to_seconds(at), error=error, failed=failed
            )

        await self._database.write(work)

    async def undeliverable(self, item: OutboxItem, *, error: str, now: datetime) -> None:
        """Give the item up and show on its delivery why."""

        async def work(tx: Transaction) -> None:
            if not await tx.run(_GIVE_UP, id=item.id, claim=item.claim, error=error):
                return
            shown = await _delivery(tx, item.key)
            card = Delivery(
                key=item.key,
                channel=shown.channel if shown else item.channel or "",
                ts=shown.ts if shown else "",
                shown=shown.shown if shown else "",
                undeliverable=error,
            )
            await _store_delivery(tx, card, now=now)

        await self._database.write(work)

    async def delivery(self, key: str) -> Delivery | None:
        """Return where a card stands, or None."""

        async def work(tx: Transaction) -> Delivery | None:
            return await _delivery(tx, key)

        return await self._database.read(work)

    async def backlog(self) -> tuple[int, int]:
        """Return how many items are pending, and how many were given up."""

        async def work(tx: Transaction) -> dict[str, int]:
            rows = await tx.rows(
                "SELECT state, count(*) FROM outbox"
                " WHERE account_id = :account AND state <> 'delivered' GROUP BY state"
            )
            return {state: count for state, count in rows}  # noqa: C416 - rows are not pairs to mypy

        counts = await self._database.read(work)
        return counts.get("pending", 0), counts.get("undeliverable", 0)


async def put_item(tx: Transaction, item: NewOutboxItem, *, now: datetime) -> None:
    """Store an item in the transaction of the fact, and a copy for each subscribed channel."""
    await _put(tx, item, now=now, copy_of=None)
    wanted = kinds_of(item.kind, item.payload or {})
    if not wanted:
        return
    kinds: dict[str, set[str]] = {}
    for row in await tx.rows(_SUBSCRIBED):
        kinds.setdefault(row.channel, set()).update(row.kinds.split())
    for channel, told in kinds.items():
        if channel != item.channel and not told.isdisjoint(wanted):
            await _put(tx, _copy(item, channel), now=now, copy_of=item.key)


def copy_key(key: str, channel: str) -> str:
    """Return the key of a subscribed channel's copy of an item."""
    return f"{key}@{channel}"


def _copy(item: NewOutboxItem, channel: str) -> NewOutboxItem:
    """Return a channel's copy; it is in order by itself, so that a lost channel holds up none."""
    return replace(
        item,
        key=copy_key(item.key, channel),
        stream=f"{item.stream}@{channel}",
        channel=channel,
        payload={**(item.payload or {}), PRIMARY: item.channel or ""},
    )


async def _put(tx: Transaction, item: NewOutboxItem, *, now: datetime, copy_of: str | None) -> None:
    await tx.run(
        _PUT,
        id=await reserve_ids(tx, "outbox", 1),
        key=item.key,
        stream=item.stream,
        kind=item.kind.value,
        subject=item.subject,
        channel=item.channel,
        payload=to_json(item.payload or {}),
        copy_of=copy_of,
        now=to_seconds(now),
    )


async def mark_card(tx: Transaction, key: str, *, now: datetime) -> None:
    """Make a card that exists due for an edit, in every channel."""
    await tx.run(_REMARK, key=key, now=to_seconds(now))


async def mark_alerts(
    tx: Transaction, configuration: ConfigurationId, *, since: datetime | None, now: datetime
) -> None:
    """Make a configuration's alerts of this episode due for an edit: they may be over."""
    values = {"configuration": configuration, "since": to_seconds(since) if since else 0.0}
    for row in await tx.rows(_ALERTS, **values):
        await mark_card(tx, row.key, now=now)


def cycle_card(cycle_id: str, channel: str | None) -> NewOutboxItem:
    """Return the item of a cycle's run card."""
    return NewOutboxItem(
        key=f"cycle:{cycle_id}",
        stream=cycle_id,
        kind=EventKind.CYCLE_CARD,
        subject=cycle_id,
        channel=channel,
    )


def held_card(held_set_id: str, cycle_id: str, channel: str | None) -> NewOutboxItem:
    """Return the item of a held set's card, which follows its cycle's."""
    return NewOutboxItem(
        key=f"held:{held_set_id}",
        stream=cycle_id,
        kind=EventKind.HELD_CARD,
        subject=held_set_id,
        channel=channel,
    )


async def _came_late(
    tx: Transaction, item: OutboxItem, delivery: Delivery | None, *, now: datetime
) -> None:
    """Have an item shown anew that two have delivered; the first of two messages is its card."""
    standing = await _delivery(tx, item.key)
    if delivery is not None and (standing is None or standing.ts in {"", delivery.ts}):
        await _store_delivery(tx, delivery, now=now)
    await mark_card(tx, item.key, now=now)


async def _delivery(tx: Transaction, key: str) -> Delivery | None:
    row = await tx.first(
        "SELECT key, channel, ts, shown, undeliverable FROM deliveries"
        " WHERE account_id = :account AND key = :key",
        key=key,
    )
    if row is None:
        return None
    return Delivery(
        key=row.key,
        channel=row.channel,
        ts=row.ts,
        shown=row.shown,
        undeliverable=row.undeliverable,
    )


async def _store_delivery(tx: Transaction, card: Delivery, *, now: datetime) -> None:
    await tx.run(
        _CARD,
        key=card.key,
        channel=card.channel,
        ts=card.ts,
        shown=card.shown,
        undeliverable=card.undeliverable,
        now=to_seconds(now),
    )


def _item(row: Row) -> OutboxItem:
    return OutboxItem(
        id=row.id,
        key=row.key,
        stream=row.stream,
        kind=EventKind(row.kind),
        subject=row.subject,
        channel=row.channel,
        payload=to_object(row.payload),
        attempts=row.attempts,
        created_at=to_time(row.created_at),
        copy_of=row.copy_of,
        claim=row.claimed_by,
    )
