"""Groups and memberships of a configuration."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from core.model.cycle import Action, Fence, GroupChange
from core.model.directory import ExternalId
from core.store import tally
from core.store.applying import store_plan
from core.store.bulk import Columns, json_rows, reserve_ids
from core.store.codec import to_json, to_seconds
from core.store.counts import GROUPS
from core.store.database import Transaction
from core.store.fencing import check_fence
from core.store.licenses import any_reserves, lock_pool, settle_pool
from core.store.names import among

_SLICE = 5_000
_GROUP: Columns = (
    ("id", "bigint"),
    ("external_id", "text"),
    ("display_name", "text"),
    ("member_digest", "text"),
    ("members", "integer"),
)
_MEMBER: Columns = (("group_id", "bigint"), ("external_id", "text"))
_CHANGE: Columns = (
    ("id", "bigint"),
    ("external_id", "text"),
    ("action", "text"),
    ("label", "text"),
    ("before", "text"),
    ("after", "text"),
)
_KEEP = """
INSERT INTO groups (account_id, id, configuration_id, external_id, display_name, member_digest,
    members, created_at, updated_at)
SELECT :account, g.id, :configuration, g.external_id, g.display_name, g.member_digest, g.members,
    CAST(:now AS double precision), CAST(:now AS double precision)
FROM {source} AS g WHERE TRUE
ON CONFLICT (configuration_id, external_id) DO UPDATE SET display_name = excluded.display_name,
    member_digest = excluded.member_digest, members = excluded.members,
    updated_at = excluded.updated_at
"""
_IDS = "SELECT external_id, id FROM groups WHERE configuration_id = :configuration"
_ADD = """
INSERT INTO memberships (account_id, group_id, external_id, configuration_id)
SELECT :account, m.group_id, m.external_id, :configuration FROM {source} AS m WHERE TRUE
ON CONFLICT DO NOTHING
"""
_REMOVE = """
DELETE FROM memberships WHERE (group_id, external_id) IN
    (SELECT m.group_id, m.external_id FROM {source} AS m)
"""
_RECORD = """
INSERT INTO changes (account_id, id, cycle_id, configuration_id, kind, external_id, action,
    result, label, reason, before, after, at)
SELECT :account, g.id, :cycle, :configuration, 'group', g.external_id, g.action, 'success',
    g.label, '', g.before, g.after, CAST(:now AS double precision)
FROM {source} AS g WHERE TRUE
ON CONFLICT DO NOTHING
"""
_DROP_MEMBERS = """
DELETE FROM memberships WHERE configuration_id = :configuration AND group_id IN
    (SELECT id FROM groups WHERE configuration_id = :configuration AND external_id IN {gone})
"""
_DROP = "DELETE FROM groups WHERE configuration_id = :configuration AND external_id IN {gone}"


async def groups(tx: Transaction, fence: Fence) -> list[tuple[ExternalId, str, bytes]]:
    """Return (external id, display name, member digest) of the known groups."""
    rows = await tx.rows(
        "SELECT external_id, display_name, member_digest FROM groups"
        " WHERE configuration_id = :configuration ORDER BY external_id",
        configuration=fence.configuration_id,
    )
    return [(ExternalId(name), label, bytes.fromhex(digest)) for name, label, digest in rows]


async def members(tx: Transaction, fence: Fence, group: ExternalId) -> frozenset[ExternalId]:
    """Return the ids of a known group's members."""
    rows = await tx.rows(
        "SELECT m.external_id FROM memberships m JOIN groups g ON g.id = m.group_id"
        " WHERE g.configuration_id = :configuration AND g.external_id = :group",
        configuration=fence.configuration_id,
        group=group,
    )
    return frozenset(ExternalId(name) for (name,) in rows)


async def apply(
    tx: Transaction,
    fence: Fence,
    changes: Sequence[tuple[GroupChange, bytes]],
    *,
    now: datetime,
) -> None:
    """Carry out changes of groups and memberships, and record them.

    Members whom licenses are kept for may come and go by that, so the pool is settled.
    """
    await check_fence(tx, fence)
    reserved = await any_reserves(tx)
    if reserved:
        await lock_pool(tx)
    kept = [(c, digest) for c, digest in changes if c.action is not Action.DELETE]
    gone = [c.external_id for c, _ in changes if c.action is Action.DELETE]
    await _drop(tx, fence, gone)
    await _keep(tx, fence, kept, now=now)
    await _members(tx, fence, [c for c, _ in kept])
    told = [c for c, _ in changes if c.action not in {Action.NOTHING, Action.KEEP}]
    await _record(tx, fence, told, now=now)
    await tally.add(tx, fence.cycle_id, Counter(GROUPS[c.action] for c in told))
    if reserved:
        await settle_pool(tx, now=now)


async def record_plan(tx: Transaction, fence: Fence, changes: Sequence[GroupChange]) -> None:
    """Keep a dry run's decisions about groups."""
    await check_fence(tx, fence)
    items = [("group", c.action.value, c.display_name, c.external_id, _told(c)) for c in changes]
    await store_plan(tx, fence, items)


async def _drop(tx: Transaction, fence: Fence, gone: Sequence[ExternalId]) -> None:
    if not gone:
        return
    names = among(tx.backend, "gone")
    for statement in (_DROP_MEMBERS, _DROP):
        await tx.run(
            statement.format(gone=names),
            gone=to_json(gone),
            configuration=fence.configuration_id,
        )


async def _keep(
    tx: Transaction,
    fence: Fence,
    kept: Sequence[tuple[GroupChange, bytes]],
    *,
    now: datetime,
) -> None:
    """Insert groups, or bring known ones up to date."""
    if not kept:
        return
    first = await reserve_ids(tx, "groups", len(kept))
    rows = [
        (first + n, c.external_id, c.display_name, digest.hex(), c.members)
        for n, (c, digest) in enumerate(kept)
    ]
    await tx.run(
        _KEEP.format(source=json_rows(tx.backend, "rows", _GROUP)),
        rows=to_json(rows),
        configuration=fence.configuration_id,
        now=to_seconds(now),
    )


async def _members(tx: Transaction, fence: Fence, kept: Sequence[GroupChange]) -> None:
    found = await tx.rows(_IDS, configuration=fence.configuration_id)
    ids: dict[str, int] = {row.external_id: row.id for row in found}
    removed = [(ids[c.external_id], name) for c in kept for name in c.removed]
    added = [(ids[c.external_id], name) for c in kept for name in c.added]
    source = json_rows(tx.backend, "rows", _MEMBER)
    for statement, rows in ((_REMOVE, removed), (_ADD, added)):
        for start in range(0, len(rows), _SLICE):
            await tx.run(
                statement.format(source=source),
                rows=to_json(rows[start : start + _SLICE]),
                **({"configuration": fence.configuration_id} if statement is _ADD else {}),
            )
            await asyncio.sleep(0)


async def _record(
    tx: Transaction, fence: Fence, told: Sequence[GroupChange], *, now: datetime
) -> None:
    if not told:
        return
    first = await reserve_ids(tx, "changes", len(told))
    rows = [
        (first + n, c.external_id, c.action.value, c.display_name, to_json(before), to_json(after))
        for n, c in enumerate(told)
        for before, after in (_difference(c),)
    ]
    await tx.run(
        _RECORD.format(source=json_rows(tx.backend, "rows", _CHANGE)),
        rows=to_json(rows),
        cycle=fence.cycle_id,
        configuration=fence.configuration_id,
        now=to_seconds(now),
    )


def _difference(change: GroupChange) -> tuple[dict[str, object], dict[str, object]]:
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if change.previous_name is not None and change.previous_name != change.display_name:
        before["display_name"] = change.previous_name
        after["display_name"] = change.display_name
    if change.added:
        after["members_added"] = len(change.added)
    if change.removed:
        after["members_removed"] = len(change.removed)
    return before, after


def _told(change: GroupChange) -> str:
    return f"{len(change.added)} members more, {len(change.removed)} less"
