"""Which worker owns a cycle, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.errors import FencedError
from core.model.configuration import Configuration
from core.model.cycle import Cycle, CycleId, Fence, HeldSetId
from core.model.one_person import PersonRun
from core.store.codec import to_seconds
from core.store.database import Transaction

_NEXT = """
SELECT c.id, c.state, c.bound_plan FROM cycles c
WHERE c.account_id = :account AND (c.state = 'queued' OR (c.state = 'running'
    AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.cycle_id = c.id AND l.expires_at > :time)))
ORDER BY c.requested_at, c.id LIMIT 1
"""
_START = """
UPDATE cycles SET state = 'running', started_at = coalesce(started_at, :now),
    resumed = resumed + CASE WHEN state = 'running' THEN 1 ELSE 0 END
WHERE id = :cycle
"""
_LEASE = """
INSERT INTO leases (account_id, cycle_id, owner, epoch, expires_at)
VALUES (:account, :cycle, :owner, 1, :until)
ON CONFLICT (cycle_id) DO UPDATE SET
    owner = excluded.owner, epoch = leases.epoch + 1, expires_at = excluded.expires_at
WHERE leases.expires_at <= :time
RETURNING epoch
"""
_EXTEND = """
UPDATE leases SET expires_at = :until
WHERE cycle_id = :cycle AND owner = :owner AND epoch = :epoch AND expires_at > :time
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A cycle that this worker owns now.

    Attributes:
        resumed: another worker had begun it.
        bound_plan: the digest of the plan that it may apply, or None if any.
        held_set_id: the held set that it releases, or None.
        person: whom it is for, by id, user name or e-mail, or None for everybody.
    """

    cycle: Cycle
    fence: Fence
    configuration: Configuration
    resumed: bool
    bound_plan: str | None
    held_set_id: HeldSetId | None
    person: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What `take` found."""

    cycle_id: CycleId
    epoch: int
    resumed: bool
    bound_plan: str | None


async def take(tx: Transaction, *, owner: str, now: datetime) -> Taken | None:
    """Claim the oldest cycle that nobody owns, or return None."""
    time = await tx.lease_time()
    lock = "FOR UPDATE OF c SKIP LOCKED" if tx.backend == "postgresql" else ""
    row = await tx.first(f"{_NEXT} {lock}", time=time)
    if row is None:
        return None
    epoch = await tx.value(
        _LEASE, cycle=row.id, owner=owner, until=time + tx.lease_seconds, time=time
    )
    if epoch is None:
        return None
    await tx.run(_START, cycle=row.id, now=to_seconds(now))
    return Taken(
        cycle_id=CycleId(row.id),
        epoch=epoch,
        resumed=row.state == "running",
        bound_plan=row.bound_plan,
    )


def to_claim(
    found: Taken,
    cycle: Cycle,
    configuration: Configuration,
    *,
    owner: str,
    person: PersonRun | None,
) -> Claim:
    """Put a claim together."""
    fence = Fence(
        cycle_id=cycle.id,
        configuration_id=cycle.configuration_id,
        owner=owner,
        epoch=found.epoch,
        revision=configuration.revision,
    )
    return Claim(
        cycle=cycle,
        fence=fence,
        configuration=configuration,
        resumed=found.resumed,
        bound_plan=found.bound_plan,
        held_set_id=cycle.held_set_id,
        person=None if person is None else person.asked,
    )


async def heartbeat(tx: Transaction, fence: Fence) -> bool:
    """Extend the lease; False if somebody asked to cancel. Raises `FencedError`."""
    time = await tx.lease_time()
    touched = await tx.run(
        _EXTEND,
        cycle=fence.cycle_id,
        owner=fence.owner,
        epoch=fence.epoch,
        until=time + tx.lease_seconds,
        time=time,
    )
    if not touched:
        raise FencedError("This worker's lease on the cycle ran out or was taken over.")
    sql = "SELECT cancel_requested_by FROM cycles WHERE id = :cycle"
    return await tx.value(sql, cycle=fence.cycle_id) is None


async def abandon(tx: Transaction, fence: Fence) -> None:
    """End the lease if it is still this worker's."""
    await tx.run(
        "UPDATE leases SET expires_at = 0"
        " WHERE cycle_id = :cycle AND owner = :owner AND epoch = :epoch",
        cycle=fence.cycle_id,
        owner=fence.owner,
        epoch=fence.epoch,
    )


async def expire_all(tx: Transaction) -> None:
    """End every lease of the account."""
    await tx.run("UPDATE leases SET expires_at = 0 WHERE account_id = :account")
