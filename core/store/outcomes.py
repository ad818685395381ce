"""What a cycle's end means for its configuration, noted by the transaction that ends it."""

from __future__ import annotations

from datetime import datetime

from core.model.configuration import Configuration
from core.model.cycle import CycleError, CycleId
from core.model.verdict import Judge
from core.store.codec import from_json, to_seconds
from core.store.configurations import from_now
from core.store.cycles import load_cycle
from core.store.database import Transaction
from core.store.outbox import mark_alerts, put_item

_TOLD = """
SELECT error FROM cycles
WHERE account_id = :account AND configuration_id = :configuration AND id <> :cycle
  AND result = 'failure' AND NOT dry_run AND trigger <> 'on_demand' AND error IS NOT NULL
  AND requested_at >= :since
ORDER BY requested_at DESC LIMIT 500
"""
_SUCCESS = """
UPDATE configurations SET failures = 0, failing_since = NULL, failed_at = NULL,
    stopped_reason = NULL, last_success_at = :now
WHERE id = :id AND account_id = :account
"""
_FAILURE = """
UPDATE configurations SET failures = failures + 1,
    failing_since = coalesce(failing_since, :now), failed_at = :now,
    stopped_reason = coalesce(:reason, stopped_reason)
WHERE id = :id AND account_id = :account
"""


async def note_outcome(
    tx: Transaction, configuration: Configuration, cycle: CycleId, judge: Judge, *, now: datetime
) -> None:
    """Count a failure, or forget failures after a success, and tell; the revision stays.

    Call it with the configuration locked and the cycle ended. The slots of a quarantine or of a
    lost sign-in that is over are not caught up with.
    """
    told = await _told(tx, configuration, cycle) if configuration.failures else frozenset()
    verdict = judge(configuration, await load_cycle(tx, cycle), told)
    for alert in verdict.alerts:
        await put_item(tx, alert, now=now)
    if verdict.success is None:
        return
    at = to_seconds(now)
    if not verdict.success:
        await tx.run(_FAILURE, id=configuration.id, reason=verdict.stopped_reason, now=at)
        return
    await tx.run(_SUCCESS, id=configuration.id, now=at)
    if configuration.failures or configuration.stopped_reason is not None:
        await from_now(tx, configuration.id, now=now)
        await mark_alerts(tx, configuration.id, since=configuration.last_success_at, now=now)


async def _told(tx: Transaction, configuration: Configuration, cycle: CycleId) -> frozenset[str]:
    """Return why earlier cycles failed since the last success: each reason is told once."""
    last = configuration.last_success_at
    since = to_seconds(last) if last else 0.0
    rows = await tx.rows(_TOLD, configuration=configuration.id, cycle=cycle, since=since)
    return frozenset(from_json(row.error, CycleError).code for row in rows)
