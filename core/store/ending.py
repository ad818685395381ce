"""What every end of a cycle does, whoever ends it."""

from __future__ import annotations

from datetime import datetime

from core.model.configuration import ConfigurationId
from core.model.cycle import Counts, CycleId, CycleResult
from core.store.codec import to_json, to_seconds
from core.store.counts import load_counts
from core.store.database import Transaction
from core.store.outbox import mark_card

_END = """
UPDATE cycles SET state = 'finished', result = :result, finished_at = :now, counts = :counts
WHERE id = :cycle AND account_id = :account
"""
_OTHERS = """
SELECT EXISTS (SELECT 1 FROM cycles WHERE state = 'running' AND id <> :cycle)
"""
_OPEN = """
SELECT id FROM cycles
WHERE account_id = :account AND configuration_id = :configuration AND state <> 'finished'
"""


async def drop_staging(tx: Transaction, cycle: CycleId) -> None:
    """Empty the cycle's staging area.

    SQLite empties a whole table at once, but deletes single rows one by one.
    """
    alone = tx.backend == "sqlite" and not await tx.value(_OTHERS, cycle=cycle)
    which = "" if alone else "WHERE cycle_id = :cycle"
    values = {} if alone else {"cycle": cycle}
    for table in ("staged_users", "staged_unmet"):
        await tx.run(f"DELETE FROM {table} {which}", **values)  # noqa: S608 - fixed names


async def end_cycle(
    tx: Transaction, cycle: CycleId, *, result: CycleResult, now: datetime
) -> Counts:
    """Finish a cycle: its row with the counts that are returned, card, staging area and lease."""
    counts = (await load_counts(tx, [cycle]))[cycle]
    await drop_staging(tx, cycle)
    await tx.run(
        _END,
        cycle=cycle,
        result=result.value,
        now=to_seconds(now),
        counts=to_json(counts),
    )
    await tx.run("DELETE FROM leases WHERE cycle_id = :cycle", cycle=cycle)
    await mark_card(tx, f"cycle:{cycle}", now=now)
    return counts


async def cancel_open_cycle(
    tx: Transaction, configuration: ConfigurationId, *, by: str, now: datetime
) -> None:
    """End a configuration's open cycle as cancelled, if there is one."""
    cycle = await tx.value(_OPEN, configuration=configuration)
    if cycle is None:
        return
    await tx.run(
        "UPDATE cycles SET cancel_requested_by = coalesce(cancel_requested_by, :by)"
        " WHERE id = :cycle AND account_id = :account",
        cycle=cycle,
        by=by,
    )
    await end_cycle(tx, CycleId(cycle), result=CycleResult.CANCELLED, now=now)
