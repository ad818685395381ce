"""The check that begins every transaction of a cycle."""

from __future__ import annotations

from core.errors import FencedError
from core.model.cycle import Fence
from core.store.database import Row, Transaction
from core.store.urls import Backend

_FENCE = """
SELECT l.owner, l.epoch, l.expires_at, c.state, c.cancel_requested_by, f.enabled, f.revision,
    {time} AS time
FROM cycles c
JOIN configurations f ON f.id = c.configuration_id
JOIN leases l ON l.cycle_id = c.id
WHERE c.id = :cycle AND c.account_id = :account
"""
_CHECK: dict[Backend, str] = {
    "sqlite": _FENCE.format(time="NULL"),
    "postgresql": _FENCE.format(
        time="CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
    )
    + "FOR SHARE OF f, l",
}


async def check_fence(tx: Transaction, fence: Fence) -> None:
    """Raise `FencedError` unless this worker may write, and keep that true until the end.

    Codes: ``fenced`` (the lease is lost), ``configuration_changed``, ``cancel_requested``.
    """
    row = await _held(tx, fence)
    if not row.enabled or row.revision != fence.revision:
        raise FencedError(
            "The configuration was changed while the cycle ran.", code="configuration_changed"
        )
    if row.cancel_requested_by is not None:
        raise FencedError("The cycle was cancelled.", code="cancel_requested")


async def check_lease(tx: Transaction, fence: Fence) -> None:
    """Raise `FencedError` (code ``fenced``) unless the lease is still this worker's."""
    await _held(tx, fence)


async def _held(tx: Transaction, fence: Fence) -> Row:
    row = await tx.first(_CHECK[tx.backend], cycle=fence.cycle_id)
    if (
        row is None
        or row.state != "running"
        or row.owner != fence.owner
        or row.epoch != fence.epoch
        or row.expires_at <= (tx.clock.monotonic() if row.time is None else row.time)
    ):
        raise FencedError(
            "This worker's lease on the cycle ran out or was taken over.",
            hint="Another worker goes on with the cycle.",
        )
    return row
