"""What the guard and the end of a cycle need: counts, held sets, canaries, the last write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.model.cycle import (
    Counts,
    CycleError,
    CycleResult,
    Fence,
    HeldItem,
    HeldSetId,
    Postponed,
    Progress,
    Proof,
)
from core.model.directory import ExternalId
from core.model.reading import NextReading, ReadingNote
from core.model.verdict import Judge
from core.store import reading
from core.store.bulk import Columns, insert_rows
from core.store.codec import short_id, to_json, to_seconds
from core.store.configurations import load_configuration
from core.store.database import Transaction
from core.store.ending import end_cycle
from core.store.fencing import check_fence, check_lease
from core.store.names import among
from core.store.outbox import held_card, mark_card, put_item
from core.store.outcomes import note_outcome
from core.store.ownership import end_conflicts

_HELD_FOR = timedelta(hours=24)
_ITEM: Columns = (
    ("held_set_id", "text"),
    ("position", "integer"),
    ("kind", "text"),
    ("external_id", "text"),
    ("label", "text"),
    ("action", "text"),
    ("reason", "text"),
)
_PROVISIONED = """
SELECT (SELECT count(*) FROM users
    WHERE configuration_id = :configuration AND status NOT IN ('disabled', 'deleted'))
  - (SELECT count(*) FROM changes WHERE cycle_id = :cycle AND kind = 'user'
      AND action IN ('create', 'link', 'enable', 'restore'))
"""
_REMOVALS = """
SELECT count(*) FROM changes r
WHERE r.configuration_id = :configuration AND r.at >= :since AND r.action IN ('disable', 'delete')
  AND NOT EXISTS (SELECT 1 FROM held_sets h
      JOIN held_items i ON i.held_set_id = h.id
      WHERE h.configuration_id = :configuration AND h.state = 'released'
        AND h.decided_at <= r.at AND h.decided_at >= :since
        AND i.kind = r.kind AND i.external_id = r.external_id AND i.action = r.action)
"""
_RELEASED = """
SELECT i.kind, i.external_id, i.action FROM held_items i
JOIN cycles c ON c.held_set_id = i.held_set_id
WHERE c.id = :cycle AND c.trigger = 'release'
"""
_OPEN = """
SELECT id, digest, expires_at FROM held_sets
WHERE configuration_id = :configuration AND state = 'open'
"""
_SUPERSEDE = """
UPDATE held_sets SET state = 'superseded', decided_at = :now WHERE id = :id AND state = 'open'
"""
_HOLD = """
INSERT INTO held_sets (account_id, id, configuration_id, cycle_id, state, digest, size,
    removal_limit, provisioned, reason, created_at, expires_at, requested_by, channel)
SELECT :account, :id, :configuration, c.id, 'open', :digest, CAST(:size AS integer),
    CAST(:limit AS integer), CAST(:provisioned AS integer), :reason,
    CAST(:now AS double precision), CAST(:expires AS double precision), c.requested_by, c.channel
FROM cycles c WHERE c.id = :cycle
"""
_PROGRESS = "UPDATE cycles SET progress = :progress WHERE id = :cycle"
_DRY = "SELECT dry_run FROM cycles WHERE id = :cycle"
_THROUGH = frozenset({CycleResult.SUCCESS, CycleResult.PARTIAL_SUCCESS})
_FINISH = """
UPDATE cycles SET error = :error, proof = :proof, plan_digest = :plan_digest,
    requests = requests + :requests, held_set_id = coalesce(:held, held_set_id),
    postponed = :postponed, progress = coalesce(:progress, progress)
WHERE id = :cycle
"""
_CANARIES = "UPDATE configurations SET picked_canaries = :canaries WHERE id = :configuration"
_PICK = """
SELECT l.external_id FROM links l CROSS JOIN users u
WHERE u.id = l.user_id
  AND l.configuration_id = :configuration AND u.configuration_id = :configuration
  AND u.status NOT IN ('disabled', 'deleted') AND NOT l.kept
ORDER BY l.seq LIMIT :count
"""
"""The cross join keeps SQLite from sorting everybody to find a few."""
_SEEN_AGAIN = """
DELETE FROM rejections WHERE configuration_id = :configuration AND (
    external_id IN (SELECT s.external_id FROM staged_users s
        WHERE s.cycle_id = :cycle AND s.readable AND s.active AND s.scope = 'in')
    OR external_id IN (SELECT l.external_id FROM links l
        WHERE l.configuration_id = :configuration AND l.digest IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM staged_unmet m
              WHERE m.cycle_id = :cycle AND m.digest = l.digest)))
  AND EXISTS (SELECT 1 FROM held_items i WHERE i.held_set_id = rejections.held_set_id
      AND i.external_id = rejections.external_id AND i.kind = 'user')
"""
_REJECTED = """
SELECT DISTINCT i.kind, r.external_id FROM rejections r
JOIN held_items i ON i.held_set_id = r.held_set_id AND i.external_id = r.external_id
WHERE r.configuration_id = :configuration
"""
_BACK = """
DELETE FROM rejections WHERE configuration_id = :configuration AND external_id IN {groups}
  AND EXISTS (SELECT 1 FROM held_items i WHERE i.held_set_id = rejections.held_set_id
      AND i.external_id = rejections.external_id AND i.kind = 'group')
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a cycle ends; see `SyncStore.finish`."""

    result: CycleResult
    error: CycleError | None
    proof: Proof | None
    held_set_id: HeldSetId | None
    plan_digest: str | None
    requests: int
    canaries: Sequence[ExternalId] | None
    judge: Judge
    postponed: Postponed | None
    progress: Progress | None
    next_reading: NextReading | None
    now: datetime


async def provisioned(tx: Transaction, fence: Fence) -> int:
    """Count the configuration's people who are neither disabled nor deleted.

    Whom an earlier claim of this cycle brought in does not count, so that a cycle that was taken
    over is guarded by the same limit.
    """
    values = {"configuration": fence.configuration_id, "cycle": fence.cycle_id}
    return max(0, int(await tx.value(_PROVISIONED, **values)))


async def removals_since(tx: Transaction, fence: Fence, since: datetime) -> int:
    """Count the removals that the configuration's cycles applied since then.

    What a person released was seen by somebody, and does not use up the guard's limit.
    """
    return int(
        await tx.value(_REMOVALS, configuration=fence.configuration_id, since=to_seconds(since))
    )


async def released_items(tx: Transaction, fence: Fence) -> frozenset[tuple[str, ExternalId, str]]:
    """Return the items of the held set that this cycle releases."""
    rows = await tx.rows(_RELEASED, cycle=fence.cycle_id)
    return frozenset((kind, ExternalId(name), action) for kind, name, action in rows)


async def rejected_items(tx: Transaction, fence: Fence) -> frozenset[tuple[str, ExternalId]]:
    """Return whose removal an admin rejected and who were not seen since."""
    rows = await tx.rows(_REJECTED, configuration=fence.configuration_id)
    return frozenset((kind, ExternalId(name)) for kind, name in rows)


async def groups_are_back(tx: Transaction, fence: Fence, groups: Sequence[ExternalId]) -> None:
    """Forget that the removal of these groups was rejected."""
    await check_fence(tx, fence)
    sql = _BACK.format(groups=among(tx.backend, "groups"))
    await tx.run(sql, groups=to_json(list(groups)), configuration=fence.configuration_id)


async def hold(
    tx: Transaction,
    fence: Fence,
    items: Sequence[HeldItem],
    *,
    limit: int,
    provisioned: int,
    reason: str,
    digest: str,
) -> HeldSetId:
    """Store a held set and its card, or return the open one of the same digest.

    One whose time is over is superseded: nobody could release it any more.
    """
    await check_fence(tx, fence)
    now = tx.clock.now()
    opened = await tx.first(_OPEN, configuration=fence.configuration_id)
    if opened is not None and opened.digest == digest and opened.expires_at > to_seconds(now):
        return HeldSetId(opened.id)
    if opened is not None:
        await _supersede(tx, opened.id, now)
    identifier = HeldSetId(short_id("h"))
    await tx.run(
        _HOLD,
        id=identifier,
        configuration=fence.configuration_id,
        cycle=fence.cycle_id,
        digest=digest,
        size=len(items),
        limit=limit,
        provisioned=provisioned,
        reason=reason,
        now=to_seconds(now),
        expires=to_seconds(now + _HELD_FOR),
    )
    rows = [
        (identifier, n, i.kind.value, i.external_id, i.label, i.action.value, i.reason)
        for n, i in enumerate(items)
    ]
    await insert_rows(tx, "held_items", _ITEM, rows)
    channel = await tx.value("SELECT channel FROM cycles WHERE id = :cycle", cycle=fence.cycle_id)
    await put_item(tx, held_card(identifier, fence.cycle_id, channel), now=now)
    return identifier


async def settle_held(tx: Transaction, fence: Fence) -> None:
    """Supersede the configuration's open held set, if there is one."""
    await check_fence(tx, fence)
    opened = await tx.first(_OPEN, configuration=fence.configuration_id)
    if opened is not None:
        await _supersede(tx, opened.id, tx.clock.now())


async def _supersede(tx: Transaction, held_set: str, now: datetime) -> None:
    await tx.run(_SUPERSEDE, id=held_set, now=to_seconds(now))
    await mark_card(tx, f"held:{held_set}", now=now)


async def progress(
    tx: Transaction, fence: Fence, at: Progress, found: ReadingNote | None = None
) -> None:
    """Store where the cycle is and what it reads, and make its card due."""
    await check_fence(tx, fence)
    if found is not None:
        await reading.note(tx, fence, found)
    await tx.run(_PROGRESS, cycle=fence.cycle_id, progress=to_json(at))
    await mark_card(tx, f"cycle:{fence.cycle_id}", now=tx.clock.now())


async def pick_canaries(tx: Transaction, fence: Fence, count: int) -> list[ExternalId]:
    """Choose provisioned, enabled people by longest standing."""
    rows = await tx.rows(_PICK, configuration=fence.configuration_id, count=count)
    return [ExternalId(name) for (name,) in rows]


async def finish(tx: Transaction, fence: Fence, ending: Ending) -> Counts:
    """End the cycle and return its counts.

    Only the lease is checked, so that a stopped cycle can end too.
    The whole fence is where the next reading is told: nothing goes on from what was stopped.
    The configuration is locked before the cycle's row, as by everybody else.
    """
    if ending.next_reading is None:
        await check_lease(tx, fence)
    else:
        await check_fence(tx, fence)
        await reading.keep(tx, fence, ending.next_reading.saved)
    configuration = await load_configuration(tx, fence.configuration_id, to_change=True)
    if ending.proof is not None:
        values = {"cycle": fence.cycle_id, "configuration": fence.configuration_id}
        await tx.run(_SEEN_AGAIN, **values)
    if ending.result in _THROUGH and not await tx.value(_DRY, cycle=fence.cycle_id):
        proven = ending.proof is not None and ending.proof.proven
        await end_conflicts(tx, fence, whole=proven)
    await tx.run(
        _FINISH,
        cycle=fence.cycle_id,
        error=to_json(ending.error) if ending.error else None,
        proof=to_json(ending.proof) if ending.proof else None,
        plan_digest=ending.plan_digest,
        requests=ending.requests,
        held=ending.held_set_id,
        postponed=to_json(ending.postponed) if ending.postponed else None,
        progress=to_json(ending.progress) if ending.progress else None,
    )
    if ending.canaries is not None:
        await tx.run(
            _CANARIES,
            configuration=fence.configuration_id,
            canaries=to_json(list(ending.canaries)),
        )
    counts = await end_cycle(tx, fence.cycle_id, result=ending.result, now=ending.now)
    await note_outcome(tx, configuration, fence.cycle_id, ending.judge, now=ending.now)
    return counts


async def look_over(tx: Transaction) -> None:
    """Let PostgreSQL's planner know of many new rows.

    It looks by itself within a minute; until then it would plan for the tables as they were.
    """
    await tx.run("ANALYZE users, links, changes, invitations")
