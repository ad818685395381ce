"""Held sets: what the guard kept back, and what became of it."""

from __future__ import annotations

from datetime import datetime

from core.errors import ConflictError, NotFoundError
from core.model.account import Actor
from core.model.configuration import ConfigurationId
from core.model.cycle import (
    Action,
    Cycle,
    CycleId,
    HeldItem,
    HeldSet,
    HeldSetId,
    HeldState,
    Trigger,
)
from core.model.directory import ExternalId, ResourceKind
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.codec import maybe_time, to_seconds, to_time
from core.store.cycles import queue_cycle
from core.store.database import Database, Row, Transaction
from core.store.outbox import mark_card

_SELECT = """
SELECT h.*, f.name AS configuration_name FROM held_sets h
JOIN configurations f ON f.id = h.configuration_id
WHERE h.account_id = :account
"""
_DECIDE = """
UPDATE held_sets SET state = :state, decided_by = :by, decided_at = :now,
    decided_reason = :reason
WHERE account_id = :account AND id = :id AND state = 'open'
"""
_REJECT_ITEMS = """
INSERT INTO rejections (account_id, configuration_id, external_id, held_set_id, at)
SELECT DISTINCT :account, CAST(:configuration AS text), external_id, held_set_id,
    CAST(:now AS double precision)
FROM held_items WHERE held_set_id = :id
ON CONFLICT DO NOTHING
"""
_EXPIRED = """
SELECT id, cycle_id FROM held_sets
WHERE account_id = :account AND state = 'open' AND expires_at <= :now
"""


class HeldSets:
    """The held sets of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, id: HeldSetId) -> HeldSet:  # noqa: A002 - the settled name
        """Return a held set by its id or a unique beginning of it; raises `NotFoundError`."""

        async def work(tx: Transaction) -> HeldSet:
            return await _load(tx, id)

        return await self._database.read(work)

    async def open(self, configuration: ConfigurationId | None = None) -> list[HeldSet]:
        """Return the open held sets, newest first."""

        async def work(tx: Transaction) -> list[HeldSet]:
            where = "AND h.configuration_id = :configuration" if configuration else ""
            values = {"configuration": configuration} if configuration else {}
            rows = await tx.rows(
                f"{_SELECT} AND h.state = 'open' {where} ORDER BY h.created_at DESC, h.id",
                **values,
            )
            return [_held_set(row) for row in rows]

        return await self._database.read(work)

    async def items(
        self,
        id: HeldSetId,  # noqa: A002 - the settled name
        *,
        offset: int = 0,
        limit: int = 500,
    ) -> list[HeldItem]:
        """Return what the set holds, in the order in which the engine gave it."""

        async def work(tx: Transaction) -> list[HeldItem]:
            rows = await tx.rows(
                "SELECT * FROM held_items WHERE account_id = :account AND held_set_id = :id"
                " ORDER BY position LIMIT :limit OFFSET :offset",
                id=id,
                limit=limit,
                offset=offset,
            )
            return [_item(row) for row in rows]

        return await self._database.read(work)

    async def decidable(
        self,
        id: HeldSetId,  # noqa: A002 - the settled name
        *,
        digest: str,
        now: datetime,
    ) -> HeldSet:
        """Return the set if it can be decided now; raises `ConflictError` as `release` does."""

        async def work(tx: Transaction) -> HeldSet:
            return await _decidable(tx, id, digest=digest, now=now)

        return await self._database.read(work)

    async def release(
        self,
        id: HeldSetId,  # noqa: A002 - the settled name
        *,
        digest: str,
        by: Actor,
        channel: str | None,
        audit: AuditEntry,
        now: datetime,
    ) -> Cycle:
        """Approve exactly this set, for the audit's reason, and queue the cycle that applies it.

        Raises `ConflictError` (code ``held_changed``, ``held_expired`` or ``held_decided``),
        `AlreadyRunningError`, `NotFoundError`.
        """

        async def work(tx: Transaction) -> Cycle:
            held = await _decidable(tx, id, digest=digest, now=now)
            await _decide(tx, held, HeldState.RELEASED, by=by, reason=audit.reason, now=now)
            cycle = await queue_cycle(
                tx,
                configuration=held.configuration_id,
                trigger=Trigger.RELEASE,
                dry_run=False,
                actor=by,
                channel=channel,
                held_set_id=held.id,
                now=now,
            )
            await add_audit(tx, audit)
            return cycle

        return await self._database.write(work)

    async def reject(
        self,
        id: HeldSetId,  # noqa: A002 - the settled name
        *,
        digest: str,
        by: Actor,
        audit: AuditEntry,
        now: datetime,
    ) -> HeldSet:
        """Refuse the set: its people stay until they are seen again. Raises as `release`."""

        async def work(tx: Transaction) -> HeldSet:
            held = await _decidable(tx, id, digest=digest, now=now)
            await _decide(tx, held, HeldState.REJECTED, by=by, reason=audit.reason, now=now)
            await tx.run(
                _REJECT_ITEMS,
                id=held.id,
                configuration=held.configuration_id,
                now=to_seconds(now),
            )
            await add_audit(tx, audit)
            return await _load(tx, held.id)

        return await self._database.write(work)

    async def expire(self, now: datetime) -> int:
        """Expire the sets whose time is over, and return how many there were."""

        async def work(tx: Transaction) -> int:
            rows = await tx.rows(_EXPIRED, now=to_seconds(now))
            for row in rows:
                await tx.run(
                    _DECIDE, id=row.id, state="expired", by=None, reason=None, now=to_seconds(now)
                )
                await mark_card(tx, f"held:{row.id}", now=now)
                await mark_card(tx, f"cycle:{row.cycle_id}", now=now)
            return len(rows)

        if not await self._database.read(lambda tx: tx.rows(_EXPIRED, now=to_seconds(now))):
            return 0
        return await self._database.write(work)


async def _load(tx: Transaction, held_set: str) -> HeldSet:
    name = held_set.strip().lower()
    rows = await tx.rows(
        f"{_SELECT} AND substr(h.id, 1, :size) = :id LIMIT 2", id=name, size=len(name)
    )
    if len(rows) != 1 or not name:
        raise NotFoundError("There is no such held set.", code="held_set_not_found")
    return _held_set(rows[0])


async def _decidable(tx: Transaction, held_set: str, *, digest: str, now: datetime) -> HeldSet:
    held = await _load(tx, held_set)
    if (held.state is HeldState.OPEN and held.expires_at <= now) or held.state is HeldState.EXPIRED:
        raise ConflictError(
            "This held set expired after 24 hours.",
            code="held_expired",
            hint="The next sync holds the removals again if they are still due.",
        )
    if held.state is not HeldState.OPEN:
        raise ConflictError(f"This held set was {held.state.value} already.", code="held_decided")
    if held.digest != digest:
        raise ConflictError(
            "This held set is not the one that you looked at.",
            code="held_changed",
            hint="Look at it again before you decide.",
        )
    return held


async def _decide(
    tx: Transaction, held: HeldSet, state: HeldState, *, by: Actor, reason: str, now: datetime
) -> None:
    touched = await tx.run(
        _DECIDE,
        id=held.id,
        state=state.value,
        by=by.id,
        reason=reason or None,
        now=to_seconds(now),
    )
    if not touched:
        raise ConflictError("Somebody else decided this held set.", code="held_decided")
    await mark_card(tx, f"held:{held.id}", now=now)
    await mark_card(tx, f"cycle:{held.cycle_id}", now=now)


def _held_set(row: Row) -> HeldSet:
    return HeldSet(
        id=HeldSetId(row.id),
        configuration_id=ConfigurationId(row.configuration_id),
        configuration_name=row.configuration_name,
        cycle_id=CycleId(row.cycle_id),
        state=HeldState(row.state),
        digest=row.digest,
        size=row.size,
        limit=row.removal_limit,
        provisioned=row.provisioned,
        reason=row.reason,
        created_at=to_time(row.created_at),
        expires_at=to_time(row.expires_at),
        requested_by=row.requested_by,
        decided_by=row.decided_by,
        decided_at=maybe_time(row.decided_at),
        channel=row.channel,
        decided_reason=row.decided_reason or "",
    )


def _item(row: Row) -> HeldItem:
    return HeldItem(
        kind=ResourceKind(row.kind),
        external_id=ExternalId(row.external_id),
        label=row.label,
        action=Action(row.action),
        reason=row.reason,
    )
