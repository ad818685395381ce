"""Counts of cycles, derived from the stored changes and problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from core.model.cycle import Counts, Postponed
from core.store.codec import from_json, to_object
from core.store.database import Transaction
from core.store.names import few, one_of

_HELD = """
held_sets h ON h.id = c.held_set_id AND (h.cycle_id = c.id OR c.trigger <> 'release')
    OR c.state <> 'finished' AND h.cycle_id = c.id AND h.state = 'open'
"""
"""The set that a cycle left, or found again; not the one that it releases."""
_GROUPED = """
SELECT cycle_id, kind, action, count(*) AS n FROM changes
WHERE cycle_id {cycles} GROUP BY cycle_id, kind, action
UNION ALL
SELECT cycle_id, 'plan:' || kind,
    CASE WHEN reason LIKE 'held by the guard:%' THEN 'held'
        WHEN reason LIKE 'not now, removals are frozen:%' THEN 'postponed' ELSE action END AS done,
    count(*)
FROM plan_items WHERE cycle_id {cycles} GROUP BY cycle_id, kind, done
UNION ALL
SELECT cycle_id, 'problem', severity, count(DISTINCT external_id) FROM problems
WHERE cycle_id {cycles} GROUP BY cycle_id, severity
UNION ALL
SELECT cycle_id, 'touched', '', count(*) FROM changes
WHERE cycle_id {cycles} AND kind = 'user' AND action = 'create' GROUP BY cycle_id
UNION ALL
SELECT cycle_id, 'touched', '', count(*) FROM (
    SELECT a.cycle_id, a.external_id FROM changes a WHERE a.cycle_id {cycles}
        AND a.kind = 'user' AND a.action <> 'create'
        AND (a.action NOT IN ('disable', 'delete') OR EXISTS (
            SELECT 1 FROM links l WHERE l.external_id = a.external_id
                AND l.configuration_id = a.configuration_id AND l.absent_since IS NULL))
    UNION SELECT cycle_id, external_id FROM problems WHERE cycle_id {cycles}
    UNION SELECT s.cycle_id, s.external_id FROM plan_items p
        JOIN staged_users s ON s.external_id = p.external_id AND s.cycle_id = p.cycle_id
        WHERE p.cycle_id {cycles} AND p.kind = 'user'
    UNION SELECT s.cycle_id, s.external_id FROM cycles c JOIN {held}
        JOIN held_items i ON i.held_set_id = h.id AND i.kind = 'user'
        JOIN staged_users s ON s.external_id = i.external_id AND s.cycle_id = c.id
        WHERE c.id {cycles}) AS touched
WHERE NOT EXISTS (SELECT 1 FROM changes n WHERE n.external_id = touched.external_id
    AND n.cycle_id = touched.cycle_id AND n.kind = 'user' AND n.action = 'create')
GROUP BY cycle_id
UNION ALL
SELECT cycle_id, 'invited', '', count(*) FROM invitations
WHERE cycle_id {cycles} GROUP BY cycle_id
UNION ALL
SELECT c.id, 'held', '', sum(h.size) FROM cycles c JOIN {held}
WHERE c.id {cycles} GROUP BY c.id
UNION ALL
SELECT id, 'read', coalesce(proof, progress, '{{}}'), 0 FROM cycles WHERE id {cycles}
UNION ALL
SELECT id, 'postponed', postponed, 0 FROM cycles
WHERE id {cycles} AND postponed IS NOT NULL AND NOT dry_run
UNION ALL
SELECT c.id, 'kept', '', count(*) FROM cycles c
JOIN links l ON l.configuration_id = c.configuration_id AND l.kept
WHERE c.id {cycles} AND c.trigger <> 'on_demand' GROUP BY c.id
"""
"""Who is gone was not read, and so is not among the ``touched``. Who was created, which may be
everybody, is so once, and the others are told apart."""
PEOPLE = {
    "create": "created",
    "update": "updated",
    "disable": "disabled",
    "enable": "enabled",
    "restore": "enabled",
    "delete": "deleted",
    "link": "linked",
    "keep": "skipped",
    "held": "held",
    "postponed": "postponed",
}
GROUPS = {"create": "groups_created", "update": "groups_updated", "delete": "groups_deleted"}
PROBLEMS = {"warning": "warnings", "error": "errors", "conflict": "conflicts"}
_SINGLE = {"held": "held", "invited": "invited", "kept": "skipped"}


async def load_counts(tx: Transaction, cycles: Sequence[str]) -> dict[str, Counts]:
    """Derive the counts of these cycles in one query; unknown ids have zeros.

    A dry run is counted by its plan. The cycle's staging area must still be there.
    """
    sql = _GROUPED.format(cycles=one_of(tx.backend, "cycles"), held=_HELD)
    sums: dict[str, dict[str, int]] = {cycle: defaultdict(int) for cycle in cycles}
    for row in await tx.rows(sql, cycles=few(tx.backend, cycles)):
        for name, value in _fields(row.kind, row.action, int(row.n)):
            sums[row.cycle_id][name] += value
    return {cycle: _counts(found) for cycle, found in sums.items()}


def _fields(kind: str, action: str, count: int) -> list[tuple[str, int]]:
    if kind == "postponed":
        found = from_json(action, Postponed)
        return [("postponed", found.removals), ("touched", found.read)]
    name, value = _field(kind, action, count)
    return [(name, value)] if name else []


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
