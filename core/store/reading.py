"""Watermarks, and what each cycle read."""

from __future__ import annotations

from collections.abc import Sequence

from core.model.configuration import ConfigurationId
from core.model.cycle import CycleId, Fence
from core.model.directory import ExternalId, Watermark
from core.model.reading import LastReading, ReadingNote, SavedWatermark
from core.store.bulk import reserve_ids
from core.store.codec import from_json, to_json, to_seconds, to_time
from core.store.database import Transaction
from core.store.fencing import check_fence
from core.store.names import among, not_staged
from core.store.ownership import moved_since_start

_WANT = """
INSERT INTO cycle_readings (account_id, cycle_id, configuration_id, wanted_full, note)
VALUES (:account, :cycle, :configuration, TRUE, '')
"""
_NOTE = """
INSERT INTO cycle_readings (account_id, cycle_id, configuration_id, kind, note)
VALUES (:account, :cycle, :configuration, :kind, :note)
ON CONFLICT (cycle_id) DO UPDATE SET kind = excluded.kind, note = excluded.note
"""
_LAST = """
SELECT w.mark, w.basis, w.cycle_id, w.full_at, w.people, w.nested,
    EXISTS (SELECT 1 FROM problems p WHERE p.cycle_id = w.cycle_id) AS problems,
    EXISTS (SELECT 1 FROM problems p
        WHERE p.cycle_id = w.cycle_id AND p.severity = 'conflict') AS conflicts
FROM watermarks w WHERE w.account_id = :account AND w.configuration_id = :configuration
"""
_KEEP = """
INSERT INTO watermarks (account_id, configuration_id, mark, basis, cycle_id, full_at, people,
    nested)
VALUES (:account, :configuration, :mark, :basis, :cycle, :full_at, :people, :nested)
ON CONFLICT (configuration_id) DO UPDATE SET mark = excluded.mark, basis = excluded.basis,
    cycle_id = excluded.cycle_id, full_at = excluded.full_at, people = excluded.people,
    nested = excluded.nested
"""
_DROP = """
DELETE FROM watermarks WHERE account_id = :account AND configuration_id = :configuration
"""
_LINKED = """
SELECT count(*) FROM links l JOIN users u ON u.id = l.user_id
WHERE l.account_id = :account AND l.configuration_id = :configuration AND u.status <> 'deleted'
  AND l.absent_since IS NULL AND l.external_id IN {people}
"""
_OPEN = """
FROM problems p WHERE p.account_id = :account AND p.cycle_id = :since AND {not_staged}
"""
_COUNT = f"SELECT count(*) AS problems, count(DISTINCT p.external_id) AS people {_OPEN}"
_CARRY = f"""
INSERT INTO problems (account_id, id, cycle_id, configuration_id, external_id, label, severity,
    code, message, attribute, value_kind, hint)
SELECT :account, CAST(:first AS bigint) + row_number() OVER (ORDER BY p.id) - 1, :cycle,
    p.configuration_id, p.external_id, p.label, p.severity, p.code, p.message, p.attribute,
    p.value_kind, p.hint
{_OPEN}
"""


async def want_full(tx: Transaction, cycle: CycleId, configuration: ConfigurationId) -> None:
    """Store that a cycle has to read everything."""
    await tx.run(_WANT, cycle=cycle, configuration=configuration)


async def note(tx: Transaction, fence: Fence, found: ReadingNote) -> None:
    """Store what a cycle reads, and why it is not less; checks no fence."""
    await tx.run(
        _NOTE,
        cycle=fence.cycle_id,
        configuration=fence.configuration_id,
        kind=found.kind.value,
        note=found.why,
    )


async def last(tx: Transaction, fence: Fence) -> LastReading:
    """Return where a delta would begin."""
    row = await tx.first(_LAST, configuration=fence.configuration_id)
    if row is None:
        return LastReading(saved=None)
    saved = SavedWatermark(
        mark=Watermark(row.mark),
        basis=row.basis,
        cycle_id=CycleId(row.cycle_id),
        full_at=to_time(row.full_at),
        people=row.people,
        nested=frozenset(map(ExternalId, from_json(row.nested, list[str]))),
    )
    return LastReading(saved=saved, problems=bool(row.problems), conflicts=bool(row.conflicts))


async def keep(tx: Transaction, fence: Fence, saved: SavedWatermark | None) -> None:
    """Store where the next delta begins, or that there is none; checks no fence."""
    if saved is None or await moved_since_start(tx, fence):
        await tx.run(_DROP, configuration=fence.configuration_id)
        return
    await tx.run(
        _KEEP,
        configuration=fence.configuration_id,
        mark=saved.mark,
        basis=saved.basis,
        cycle=saved.cycle_id,
        full_at=to_seconds(saved.full_at),
        people=saved.people,
        nested=to_json(sorted(saved.nested)),
    )


async def linked(tx: Transaction, fence: Fence, people: Sequence[ExternalId]) -> int:
    """Count those who belong to people of the account that are there as far as is known."""
    sql = _LINKED.format(people=among(tx.backend, "people"))
    return int(
        await tx.value(sql, configuration=fence.configuration_id, people=to_json(list(people)))
    )


async def carry_problems(tx: Transaction, fence: Fence, since: CycleId) -> int:
    """Tell again what was wrong with people who were not staged; return how many they are."""
    await check_fence(tx, fence)
    values = {"cycle": fence.cycle_id, "since": since}
    not_here = not_staged(tx.backend, "p.external_id")
    row = await tx.first(_COUNT.format(not_staged=not_here), **values)
    if row is None or not row.problems:
        return 0
    first = await reserve_ids(tx, "problems", row.problems)
    await tx.run(_CARRY.format(not_staged=not_here), first=first, **values)
    return int(row.people)
