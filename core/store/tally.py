"""How far a running cycle got, kept beside what it writes, so that looking costs nothing.

When the cycle ends, its counts are derived from the stored changes instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from core.model.cycle import CycleId
from core.store.codec import to_json, to_object
from core.store.counts import load_counts
from core.store.database import Transaction

_READ = "SELECT counts FROM cycles WHERE id = :cycle"
_WRITE = "UPDATE cycles SET counts = :counts WHERE id = :cycle"


async def add(tx: Transaction, cycle: CycleId, more: Mapping[str, int]) -> None:
    """Add to the fields of `Counts` that are named."""
    sums = Counter(to_object(await tx.value(_READ, cycle=cycle)))
    sums.update(more)
    await tx.run(_WRITE, cycle=cycle, counts=to_json(sums))


async def begin_again(tx: Transaction, cycle: CycleId) -> None:
    """Derive the tally of a cycle that another claim had begun; a new one has none."""
    if await tx.value(_READ, cycle=cycle) is None:
        return
    counts = await load_counts(tx, [cycle])
    await tx.run(_WRITE, cycle=cycle, counts=to_json(counts[cycle]))
