"""Who owns whom, while cycles run: conflicts are noted, and nobody is written by two owners."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.model.cycle import Fence
from core.store.bulk import Columns, json_rows, reserve_ids
from core.store.codec import to_json, to_seconds
from core.store.database import Transaction
from core.store.names import not_staged

_SEQ: Columns = (("seq", "bigint"),)
_NOTE = """
INSERT INTO conflicts (account_id, id, configuration_id, external_id, user_id, owner_id, label,
    user_name, display_name, email, profile, state, cycle_id, since)
SELECT :account, CAST(:first AS bigint) + row_number() OVER (ORDER BY s.seq) - 1, :configuration,
    s.external_id, u.id, u.configuration_id,
    coalesce(nullif(s.email, ''), nullif(s.user_name, ''), s.external_id),
    s.user_name, s.display_name, s.email, s.profile, 'open', :cycle, CAST(:now AS double precision)
FROM {seqs} AS q CROSS JOIN staged_users s
JOIN users u ON u.account_id = :account AND u.match_key = s.match_key
WHERE s.seq = q.seq AND s.match_key <> '' AND u.configuration_id <> :configuration
ON CONFLICT (configuration_id, external_id) DO UPDATE SET
    user_id = excluded.user_id, owner_id = excluded.owner_id, label = excluded.label,
    user_name = excluded.user_name, display_name = excluded.display_name,
    email = excluded.email, profile = excluded.profile, cycle_id = excluded.cycle_id,
    revision = CASE WHEN <same> THEN conflicts.revision ELSE conflicts.revision + 1 END,
    state = CASE WHEN <same> THEN conflicts.state ELSE 'open' END,
    since = CASE WHEN <same> THEN conflicts.since ELSE excluded.since END,
    decided_by = CASE WHEN <same> THEN conflicts.decided_by END,
    decided_at = CASE WHEN <same> THEN conflicts.decided_at END,
    reason = CASE WHEN <same> THEN conflicts.reason END
""".replace(
    "<same>", "(conflicts.user_id = excluded.user_id AND conflicts.owner_id = excluded.owner_id)"
)
_HELD_ELSEWHERE = """
SELECT s.external_id FROM {seqs} AS q CROSS JOIN staged_users s
JOIN users u ON u.account_id = :account AND u.match_key = s.match_key
WHERE s.seq = q.seq AND s.match_key <> '' AND u.configuration_id <> :configuration
"""
_LOCK_LINKED = """
SELECT id FROM users WHERE id IN (SELECT user_id FROM decided WHERE action = 'link')
ORDER BY id FOR UPDATE
"""
_GONE_ELSEWHERE = """
SELECT d.external_id FROM decided d JOIN users u ON u.id = d.user_id
WHERE d.action <> 'create' AND u.configuration_id <> :configuration
UNION
SELECT d.external_id FROM decided d
JOIN links l ON l.configuration_id = :configuration AND l.external_id = d.external_id
WHERE d.action = 'keep' AND d.user_id IS NULL AND l.user_id IS NOT NULL
"""
_ANY = "SELECT EXISTS (SELECT 1 FROM conflicts WHERE configuration_id = :configuration)"
_OVER = """
DELETE FROM conflicts WHERE configuration_id = :configuration AND cycle_id <> :cycle
  AND (decided_at IS NULL
      OR decided_at < (SELECT c.started_at FROM cycles c WHERE c.id = :cycle))
  AND {gone}
"""
_MET_WITHOUT = """
external_id IN (SELECT s.external_id FROM staged_users s WHERE s.cycle_id = :cycle AND s.readable)
"""
_NOT_MET = """
{not_staged} AND NOT EXISTS (SELECT 1 FROM links l
    WHERE l.configuration_id = :configuration AND l.external_id = conflicts.external_id
      AND l.digest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM staged_unmet m
        WHERE m.cycle_id = :cycle AND m.digest = l.digest))
"""
_MOVED_SINCE = """
SELECT EXISTS (SELECT 1 FROM moves m JOIN cycles c ON c.id = :cycle
    WHERE m.to_id = :configuration AND m.at >= c.started_at)
"""
_ABOUT = {
    "rekeyed": "user_id IN (SELECT user_id FROM decided WHERE rekey)",
    "erased": "user_id IN (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL)",
    "owned": "owner_id = :owner",
}


async def note(tx: Transaction, fence: Fence, staged: Sequence[int], *, now: datetime) -> None:
    """Note whom of these staged rows another configuration owns.

    What was decided holds as long as it is the same person and the same owner.
    """
    if not staged:
        return
    await tx.run(
        _NOTE.format(seqs=json_rows(tx.backend, "seqs", _SEQ)),
        seqs=_listed(staged),
        first=await reserve_ids(tx, "conflicts", len(staged)),
        configuration=fence.configuration_id,
        cycle=fence.cycle_id,
        now=to_seconds(now),
    )


async def held_elsewhere(tx: Transaction, fence: Fence, staged: Sequence[int]) -> set[str]:
    """Return the external ids of those staged rows whose match key another configuration has."""
    rows = await tx.rows(
        _HELD_ELSEWHERE.format(seqs=json_rows(tx.backend, "seqs", _SEQ)),
        seqs=_listed(staged),
        configuration=fence.configuration_id,
    )
    return {row.external_id for row in rows}


async def gone_elsewhere(tx: Transaction, fence: Fence, *, links: bool) -> set[str]:
    """Return who of the view ``decided`` belongs to another owner than when it was decided.

    With `links`, whoever is to be linked stays as they are until this transaction ends.
    """
    if links and tx.backend == "postgresql":
        await tx.rows(_LOCK_LINKED)
    rows = await tx.rows(_GONE_ELSEWHERE, configuration=fence.configuration_id)
    return {row.external_id for row in rows}


async def end_conflicts(tx: Transaction, fence: Fence, *, whole: bool) -> None:
    """Drop the configuration's conflicts that this cycle would have met and did not.

    With `whole`, everything was read and proven, so whoever was not met is not there.
    """
    values = {"configuration": fence.configuration_id, "cycle": fence.cycle_id}
    if not await tx.value(_ANY, **values):
        return
    await tx.run(_OVER.format(gone=_MET_WITHOUT), **values)
    if whole:
        nobody = not_staged(tx.backend, "conflicts.external_id")
        await tx.run(_OVER.format(gone=_NOT_MET.format(not_staged=nobody)), **values)


async def moved_since_start(tx: Transaction, fence: Fence) -> bool:
    """Whether somebody was moved to the configuration after this cycle had begun."""
    return bool(
        await tx.value(_MOVED_SINCE, configuration=fence.configuration_id, cycle=fence.cycle_id)
    )


async def look_again(tx: Transaction, about: str, *, end: bool, **values: object) -> None:
    """Have the claimants of people read them anew: ``rekeyed``, ``erased`` or ``owned``.

    With `end`, the conflicts are over.
    """
    which = _ABOUT[about]
    for statement in _AGAIN:
        await tx.run(statement.format(which=which), **values)
    if end:
        await tx.run(f"DELETE FROM conflicts WHERE {which}", **values)  # noqa: S608 - fixed fragments


_AGAIN = (
    """
UPDATE links SET digest = NULL WHERE digest IS NOT NULL AND (external_id, configuration_id) IN
    (SELECT external_id, configuration_id FROM conflicts WHERE {which})
""",
    """
DELETE FROM watermarks WHERE configuration_id IN
    (SELECT configuration_id FROM conflicts WHERE {which})
""",
)


def _listed(staged: Iterable[int]) -> str:
    return to_json([[seq] for seq in staged])
