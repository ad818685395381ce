"""Counts of cycles, derived from the stored changes and problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from core.model.cycle import Counts
from core.store.codec import to_json, to_object
from core.store.database import Transaction
from core.store.names import among

_GROUPED = """
SELECT cycle_id, kind, action, count(*) AS n FROM changes
WHERE cycle_id IN {cycles} GROUP BY cycle_id, kind, action
UNION ALL
SELECT cycle_id, 'plan:' || kind, action, count(*) FROM plan_items
WHERE cycle_id IN {cycles} GROUP BY cycle_id, kind, action
UNION ALL
SELECT cycle_id, 'problem', severity, count(DISTINCT external_id) FROM problems
WHERE cycle_id IN {cycles} GROUP BY cycle_id, severity
UNION ALL
SELECT cycle_id, 'touched', '', count(*) FROM (
    SELECT cycle_id, external_id FROM changes WHERE cycle_id IN {cycles} AND kind = 'user'
    UNION SELECT cycle_id, external_id FROM problems WHERE cycle_id IN {cycles}
    UNION SELECT cycle_id, external_id FROM plan_items
        WHERE cycle_id IN {cycles} AND kind = 'user') AS touched GROUP BY cycle_id
UNION ALL
SELECT cycle_id, 'invited', '', count(*) FROM invitations
WHERE cycle_id IN {cycles} GROUP BY cycle_id
UNION ALL
SELECT cycle_id, 'held', '', sum(size) FROM held_sets
WHERE cycle_id IN {cycles} GROUP BY cycle_id
UNION ALL
SELECT id, 'read', coalesce(proof, progress, '{{}}'), 0 FROM cycles WHERE id IN {cycles}
UNION ALL
SELECT c.id, 'kept', '', count(*) FROM cycles c
JOIN links l ON l.configuration_id = c.configuration_id AND l.kept
WHERE c.id IN {cycles} GROUP BY c.id
"""
PEOPLE = {
    "create": "created",
    "update": "updated",
    "disable": "disabled",
    "enable": "enabled",
    "restore": "enabled",
    "delete": "deleted",
    "link": "linked",
    "keep": "skipped",
}
GROUPS = {"create": "groups_created", "update": "groups_updated", "delete": "groups_deleted"}
PROBLEMS = {"warning": "warnings", "error": "errors", "conflict": "conflicts"}
_SINGLE = {"held": "held", "invited": "invited", "kept": "skipped"}


async def load_counts(tx: Transaction, cycles: Sequence[str]) -> dict[str, Counts]:
    """Derive the counts of these cycles in one query; unknown ids have zeros.

    A dry run is counted by its plan.
    """
    sql = _GROUPED.format(cycles=among(tx.backend, "cycles"))
    sums: dict[str, dict[str, int]] = {cycle: defaultdict(int) for cycle in cycles}
    for row in await tx.rows(sql, cycles=to_json(list(cycles))):
        name, value = _field(row.kind, row.action, int(row.n))
        if name:
            sums[row.cycle_id][name] += value
    return {cycle: _counts(found) for cycle, found in sums.items()}


def _field(kind: str, action: str, count: int) -> tuple[str, int]:
    if kind in {"user", "plan:user"}:
        return PEOPLE.get(action, ""), count
    if kind in {"group", "plan:group"}:
        return GROUPS.get(action, ""), count
    if kind == "problem":
        return PROBLEMS.get(action, ""), count
    if kind == "read":
        return "read", _read(action)
    return _SINGLE.get(kind, kind), count


def _counts(found: dict[str, int]) -> Counts:
    touched = found.pop("touched", 0)
    unchanged = max(0, found.get("read", 0) - touched)
    return Counts(**found, unchanged=unchanged)


def _read(document: str) -> int:
    return int(to_object(document).get("read", 0))
