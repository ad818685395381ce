"""What a cycle did and found, in detail."""

from __future__ import annotations

from collections.abc import Sequence

from core.model.cycle import (
    Action,
    Change,
    ChangeResult,
    CycleId,
    PersonProblem,
    Problem,
    ProblemGroup,
    Severity,
)
from core.model.directory import ExternalId, ResourceKind
from core.model.views import PlanItem
from core.store.codec import to_object, to_time
from core.store.database import Row, Transaction

_GROUPS = """
SELECT severity, code, attribute, min(message) AS message, min(hint) AS hint,
    count(DISTINCT external_id) AS people
FROM problems WHERE account_id = :account AND cycle_id = :cycle
GROUP BY severity, code, attribute ORDER BY people DESC, code, attribute LIMIT :limit
"""
_SAMPLES = """
SELECT DISTINCT label FROM problems
WHERE cycle_id = :cycle AND severity = :severity AND code = :code AND attribute = :attribute
ORDER BY label LIMIT 3
"""


async def changes(tx: Transaction, cycle: CycleId, *, after: int, limit: int) -> list[Change]:
    """Return a cycle's changes by id."""
    rows = await tx.rows(
        "SELECT * FROM changes WHERE account_id = :account AND cycle_id = :cycle AND id > :after"
        " ORDER BY id LIMIT :limit",
        cycle=cycle,
        after=after,
        limit=limit,
    )
    return [to_change(row) for row in rows]


def to_change(row: Row) -> Change:
    """Build a change from its row."""
    return Change(
        id=row.id,
        cycle_id=CycleId(row.cycle_id),
        kind=ResourceKind(row.kind),
        action=Action(row.action),
        result=ChangeResult(row.result),
        label=row.label,
        external_id=ExternalId(row.external_id),
        reason=row.reason,
        before=to_object(row.before),
        after=to_object(row.after),
        at=to_time(row.at),
    )


async def problem_groups(tx: Transaction, cycle: CycleId, *, limit: int) -> list[ProblemGroup]:
    """Return a cycle's problems by cause, with up to three labels each."""
    found = []
    for row in await tx.rows(_GROUPS, cycle=cycle, limit=limit):
        samples = await tx.rows(
            _SAMPLES,
            cycle=cycle,
            severity=row.severity,
            code=row.code,
            attribute=row.attribute,
        )
        found.append(_group(row, [sample.label for sample in samples]))
    return found


def _group(row: Row, samples: Sequence[str]) -> ProblemGroup:
    return ProblemGroup(
        severity=Severity(row.severity),
        code=row.code,
        attribute=row.attribute,
        message=row.message,
        hint=row.hint,
        people=row.people,
        samples=tuple(samples),
    )


async def problems(
    tx: Transaction, cycle: CycleId, *, offset: int, limit: int
) -> list[PersonProblem]:
    """Return a cycle's problems one by one."""
    rows = await tx.rows(
        "SELECT * FROM problems WHERE account_id = :account AND cycle_id = :cycle"
        " ORDER BY id LIMIT :limit OFFSET :offset",
        cycle=cycle,
        limit=limit,
        offset=offset,
    )
    return [to_problem(row) for row in rows]


def to_problem(row: Row) -> PersonProblem:
    """Build a person's problem from its row."""
    return PersonProblem(
        cycle_id=CycleId(row.cycle_id),
        external_id=ExternalId(row.external_id),
        label=row.label,
        problem=Problem(
            severity=Severity(row.severity),
            code=row.code,
            message=row.message,
            attribute=row.attribute,
            value_kind=row.value_kind,
            hint=row.hint,
        ),
    )


async def plan(tx: Transaction, cycle: CycleId, *, offset: int, limit: int) -> list[PlanItem]:
    """Return a dry run's decisions in the order in which they were made."""
    rows = await tx.rows(
        "SELECT * FROM plan_items WHERE account_id = :account AND cycle_id = :cycle"
        " ORDER BY id LIMIT :limit OFFSET :offset",
        cycle=cycle,
        limit=limit,
        offset=offset,
    )
    return [
        PlanItem(
            action=Action(row.action),
            kind=ResourceKind(row.kind),
            label=row.label,
            external_id=ExternalId(row.external_id),
            reason=row.reason,
        )
        for row in rows
    ]
