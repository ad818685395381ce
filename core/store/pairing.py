"""Everything that was staged or is absent, beside what the account knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.model.account import DisabledBy, UserId, UserStatus
from core.model.cycle import Elsewhere, Fence, Pair, ScopeAnswer
from core.model.directory import ExternalId
from core.store import newcomers
from core.store.database import Row, Transaction
from core.store.names import not_staged
from core.store.wide import read_wide

_SHARED = """
SELECT match_key AS twin_key, count(*) AS n FROM staged_users
WHERE cycle_id = :cycle AND match_key <> '' AND readable AND active AND scope = 'in'
GROUP BY match_key HAVING count(*) > 1
"""
_TWINS = f"""
UPDATE staged_users SET twins = t.n FROM ({_SHARED}) AS t
WHERE staged_users.cycle_id = :cycle AND staged_users.match_key = t.twin_key
"""  # noqa: S608 - fixed text
_TAKERS = """
UPDATE staged_users SET moving = TRUE
WHERE cycle_id = :cycle AND match_key IN (
    SELECT u.match_key FROM staged_users s
    CROSS JOIN links l
    JOIN users u ON u.id = l.user_id
    WHERE s.cycle_id = :cycle AND s.readable AND s.match_key <> ''
      AND l.external_id = s.external_id AND l.configuration_id = :configuration
      AND u.match_key <> s.match_key)
"""
"""The cross joins keep SQLite from going through everybody who is linked."""
_GIVERS = """
UPDATE staged_users SET moving = TRUE
WHERE cycle_id = :cycle AND NOT moving AND external_id IN (
    SELECT l.external_id FROM staged_users t
    JOIN users u ON u.account_id = :account AND u.match_key = t.match_key
    JOIN links l ON l.user_id = u.id AND l.configuration_id = :configuration
    WHERE t.cycle_id = :cycle AND t.moving)
"""
_LABEL = (
    "coalesce(nullif(s.email, ''), nullif(s.user_name, ''), nullif(u.email, ''),"
    " nullif(u.user_name, ''), nullif(l.label, ''), s.external_id)"
)
_ELSEWHERE = """CASE WHEN h.configuration_id <> :configuration THEN
    CASE WHEN EXISTS (SELECT 1 FROM conflicts k WHERE k.configuration_id = :configuration
        AND k.external_id = s.external_id AND k.state = 'kept' AND k.user_id = h.id
        AND k.owner_id = h.configuration_id) THEN 'kept' ELSE 'undecided' END END"""
_BLOBS = frozenset({"s.mapped_digest", "l.digest", "l.mapped_digest", "s.digest"})
_COLUMNS = (
    "s.seq", "s.external_id", _LABEL, "s.readable", "s.active", "s.scope", "s.mapped_digest",
    "s.problems", "u.id", "u.status", "u.disabled_by", "u.disabled_at", "l.absent_since", "l.kept",
    "u.protected", "l.digest", "l.mapped_digest", "s.digest", "h.id",
    "h.id IS NOT NULL AND h.configuration_id IS NULL", "s.twins", _ELSEWHERE,
    "l.in_scope",
)  # fmt: skip
_STAGED = """
FROM staged_users s
LEFT JOIN links l ON l.configuration_id = :configuration AND l.external_id = s.external_id
LEFT JOIN users u ON u.id = l.user_id
LEFT JOIN users h ON h.account_id = :account AND h.match_key = s.match_key
    AND s.match_key <> '' AND h.id <> coalesce(u.id, 0)
WHERE s.cycle_id = :cycle AND s.seq > :after AND {which}
ORDER BY s.seq
"""
_MOVES = """h.id IN (SELECT hu.id FROM staged_users hs
    CROSS JOIN links hl
    JOIN users hu ON hu.id = hl.user_id
    WHERE hs.cycle_id = :cycle AND hs.readable AND hs.match_key <> ''
      AND hl.external_id = hs.external_id AND hl.configuration_id = :configuration
      AND hu.match_key <> hs.match_key)"""
Which = Literal["everybody", "no newcomers"]
_STAYING: Mapping[Which, str] = {
    "everybody": _STAGED.format(which="NOT s.moving") + " LIMIT :limit",
    "no newcomers": _STAGED.format(which="NOT s.moving AND NOT s.newcomer") + " LIMIT :limit",
}
_MOVING = _STAGED.format(which="s.moving AND NOT s.newcomer")
_ABSENT = """
SELECT l.external_id, u.id, u.status, u.disabled_by, u.disabled_at, u.protected, u.email,
    u.user_name, l.absent_since, l.kept, l.digest, l.mapped_digest, l.label, l.seq
FROM links l
LEFT JOIN users u ON u.id = l.user_id
WHERE l.seq > :after AND l.configuration_id = :configuration AND {unmet} AND {not_staged}
  AND NOT EXISTS (SELECT 1 FROM moves m JOIN cycles c ON c.id = :cycle
      WHERE m.user_id = l.user_id AND m.to_id = :configuration AND m.at >= c.started_at)
ORDER BY l.seq LIMIT :limit
"""
"""Whoever was moved here since the cycle began may have been met as a person of somebody else's."""
_ANYBODY = """(l.digest IS NULL OR EXISTS (SELECT 1 FROM staged_unmet m
      WHERE m.cycle_id = :cycle AND m.digest = l.digest))"""
_UNSETTLED = "l.digest IS NULL"
_LOOK_UP = "SELECT " + ", ".join(
    f"set_config('enable_{way}', 'off', TRUE)"
    for way in ("hashjoin", "mergejoin", "seqscan", "material")
)
"""A chunk is looked up by index. Without statistics, as in a first cycle, PostgreSQL's planner
would read whole tables once a person."""
_SLICE = 1_000
_DECIDED = {answer.value: answer for answer in Elsewhere}
_SCOPES = {answer.value: answer for answer in ScopeAnswer}
_STATUSES = {status.value: status for status in UserStatus}
_DISABLERS = {by.value: by for by in DisabledBy}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What is known of everybody who was staged.

    Attributes:
        moving: somebody takes part in a move of match keys.
        newcomers: there is one.
    """

    moving: bool
    newcomers: bool


async def prepare(tx: Transaction, fence: Fence) -> Prepared:
    """Work out who shares a match key and who moves to another one; checks no fence."""
    values = {"cycle": fence.cycle_id, "configuration": fence.configuration_id}
    if tx.backend == "postgresql":
        await tx.run("ANALYZE staged_users")
    if await tx.first(f"{_SHARED} LIMIT 1", cycle=fence.cycle_id):
        await tx.run(_TWINS, cycle=fence.cycle_id)
    moving = await tx.run(_TAKERS, **values) > 0
    if moving:
        await tx.run(_GIVERS, **values)
    await _look_up(tx)
    return Prepared(moving=moving, newcomers=await newcomers.mark(tx, fence))


async def _look_up(tx: Transaction) -> None:
    if tx.backend == "postgresql":
        await tx.run(_LOOK_UP)


async def staying(
    tx: Transaction, fence: Fence, after: int, limit: int, which: Which = "everybody"
) -> list[Pair]:
    """Return the next pairs whose match key nobody is giving up."""
    await _look_up(tx)
    rows = await read_wide(
        tx,
        (*_COLUMNS, "FALSE"),
        _STAYING[which],
        blobs=_BLOBS,
        cycle=fence.cycle_id,
        configuration=fence.configuration_id,
        after=after,
        limit=limit,
    )
    return await _pairs(rows)


async def moving(tx: Transaction, fence: Fence) -> list[Pair]:
    """Return all pairs that take part in a move of match keys."""
    rows = await read_wide(
        tx,
        (*_COLUMNS, _MOVES),
        _MOVING,
        blobs=_BLOBS,
        cycle=fence.cycle_id,
        configuration=fence.configuration_id,
        after=0,
    )
    return await _pairs(rows)


async def absentees(
    tx: Transaction, fence: Fence, after: int, limit: int, *, settled: bool
) -> tuple[list[Pair], int]:
    """Return the next linked people whom the read did not meet, and where to go on.

    Without `settled`, only the few who were not settled are looked through.
    """
    unmet = _ANYBODY if settled else _UNSETTLED
    rows = await tx.rows(
        _ABSENT.format(unmet=unmet, not_staged=not_staged(tx.backend, "l.external_id")),
        cycle=fence.cycle_id,
        configuration=fence.configuration_id,
        after=after,
        limit=limit,
    )
    return _absent(rows), rows[-1].seq if rows else after


async def _pairs(rows: Sequence[Sequence[Any]]) -> list[Pair]:
    """Build pairs, letting the event loop run in between."""
    pairs: list[Pair] = []
    for start in range(0, len(rows), _SLICE):
        pairs += _present(rows[start : start + _SLICE])
        await asyncio.sleep(0)
    return pairs


def _present(rows: Sequence[Sequence[Any]]) -> list[Pair]:
    unhex = bytes.fromhex
    return [
        Pair._make(
            (
                seq, external_id, label, True, readable == 1, active == 1, _SCOPES[scope],
                unhex(mapped), problems, user_id,
                _STATUSES[status] if status else None,
                _DISABLERS[disabled_by] if disabled_by else None,
                disabled_at, absent_since, kept == 1, protected == 1,
                None if known is None else unhex(known),
                None if known_mapped is None else unhex(known_mapped),
                unhex(digest), holder, foreign == 1, moves == 1, twins,
                _DECIDED[elsewhere] if elsewhere else None, was_in == 1,
            )
        )
        for (
            seq, external_id, label, readable, active, scope, mapped, problems, user_id, status,
            disabled_by, disabled_at, absent_since, kept, protected, known, known_mapped, digest,
            holder, foreign, twins, elsewhere, was_in, moves,
        ) in rows
    ]  # fmt: skip


def _absent(rows: Sequence[Row]) -> list[Pair]:
    return [
        Pair(
            seq=0,
            external_id=ExternalId(external_id),
            label=email or user_name or label or external_id,
            present=False,
            readable=True,
            active=False,
            scope=ScopeAnswer.OUT,
            mapped_digest=b"",
            problems="",
            user_id=UserId(user_id) if user_id is not None else None,
            status=_STATUSES[status] if status else None,
            disabled_by=_DISABLERS[disabled_by] if disabled_by else None,
            disabled_at=disabled_at,
            absent_since=absent_since,
            kept=kept == 1,
            protected=protected == 1,
            known_digest=known,
            known_mapped_digest=known_mapped,
            digest=b"",
            holder=None,
            holder_foreign=False,
            holder_moves=False,
            twins=0,
        )
        for (
            external_id, user_id, status, disabled_by, disabled_at, protected, email, user_name,
            absent_since, kept, known, known_mapped, label, _,
        ) in rows
    ]  # fmt: skip
