"""Cycles for one person: who was asked for, and what each step found."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.model.configuration import ConfigurationId
from core.model.cycle import CycleId, Fence
from core.model.directory import ExternalId
from core.model.one_person import PersonRun, StepNote
from core.store.codec import to_json
from core.store.database import Transaction
from core.store.fencing import check_fence

_ASK = """
INSERT INTO personal_cycles (account_id, cycle_id, configuration_id, asked, steps)
VALUES (:account, :cycle, :configuration, :asked, '[]')
"""
_NOTE = """
UPDATE personal_cycles SET external_id = :person, steps = :steps
WHERE account_id = :account AND cycle_id = :cycle
"""
_LOAD = """
SELECT asked, external_id, steps FROM personal_cycles
WHERE account_id = :account AND cycle_id = :cycle
"""
_KNOWN = """
SELECT l.external_id FROM links l LEFT JOIN users u ON u.id = l.user_id
WHERE l.account_id = :account AND l.configuration_id = :configuration
  AND (l.external_id = :name OR u.match_key = :key OR lower(u.user_name) = :lower
      OR lower(u.email) = :lower OR lower(l.label) = :lower)
ORDER BY CASE WHEN l.user_id IS NULL THEN 1 ELSE 0 END, l.seq LIMIT 1
"""
_STEPS = msgspec.json.Decoder(tuple[StepNote, ...])


async def ask_for(
    tx: Transaction, cycle: CycleId, configuration: ConfigurationId, person: str
) -> None:
    """Store whom a cycle is for."""
    await tx.run(_ASK, cycle=cycle, configuration=configuration, asked=person)


async def load(tx: Transaction, cycle: CycleId) -> PersonRun | None:
    """Return what a cycle for one person found, or None for every other cycle."""
    row = await tx.first(_LOAD, cycle=cycle)
    if row is None:
        return None
    return PersonRun(
        cycle_id=cycle,
        asked=row.asked,
        external_id=ExternalId(row.external_id) if row.external_id else None,
        steps=_STEPS.decode(row.steps),
    )


async def note(
    tx: Transaction, fence: Fence, person: ExternalId | None, steps: Sequence[StepNote]
) -> None:
    """Store what the steps found."""
    await check_fence(tx, fence)
    await tx.run(_NOTE, cycle=fence.cycle_id, person=person, steps=to_json(list(steps)))


async def known(tx: Transaction, fence: Fence, name: str, key: str) -> ExternalId | None:
    """Return the id of the configuration's person of this id, name or address, or None."""
    found: str | None = await tx.value(
        _KNOWN,
        configuration=fence.configuration_id,
        name=name,
        key=key,
        lower=name.strip().lower(),
    )
    return ExternalId(found) if found else None
