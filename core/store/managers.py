"""Who is whose manager: from what the directory names to the person of the account.

The directory names a manager by an id, and some by a user name or an address. Whom the account
does not have (yet) is waited for: whoever arrives is looked for among those who are.
"""

from __future__ import annotations

from core.model.account import Manager, UserId, UserStatus
from core.model.cycle import Fence
from core.store import tally
from core.store.bulk import reserve_ids
from core.store.codec import to_seconds
from core.store.database import Transaction
from core.store.fencing import check_fence
from core.store.urls import Backend

_UNTIL = """
SELECT count(*) AS people, max(seq) AS until FROM (SELECT seq FROM staged_users
    WHERE cycle_id = :cycle AND seq > :after ORDER BY seq LIMIT :chunk) AS part
"""
_STAGED = "s.cycle_id = :cycle AND s.seq > :after AND s.seq <= :until"
_AFTERD = """
SELECT s.external_id, {manager} AS wanted FROM staged_users s
JOIN links l ON l.configuration_id = :configuration AND l.external_id = s.external_id
JOIN users u ON u.id = l.user_id AND u.configuration_id = :configuration
WHERE {staged}
"""
_MANAGER: dict[Backend, str] = {
    "sqlite": "json_extract(u.profile, '$.manager')",
    "postgresql": "CAST(u.profile AS json)->>'manager'",
}
_DROP = """
DELETE FROM managers WHERE configuration_id = :configuration AND external_id IN (
    SELECT n.external_id FROM ({named}) AS n WHERE n.wanted IS NULL)
"""
_WANT = """
INSERT INTO managers (account_id, configuration_id, external_id, wanted, wanted_key)
SELECT :account, :configuration, n.external_id, n.wanted, lower(n.wanted)
FROM ({named}) AS n WHERE n.wanted IS NOT NULL
ON CONFLICT (configuration_id, external_id) DO UPDATE SET wanted = excluded.wanted,
    wanted_key = excluded.wanted_key
WHERE excluded.wanted <> managers.wanted
"""
_TARGET = """coalesce(
    (SELECT l.user_id FROM links l
        WHERE l.external_id = managers.wanted AND l.configuration_id = :configuration),
    (SELECT u.id FROM users u WHERE u.account_id = :account
        AND u.match_key = managers.wanted_key AND u.configuration_id = :configuration),
    (SELECT min(u.id) FROM users u WHERE u.account_id = :account
        AND lower(u.user_name) = managers.wanted_key AND u.configuration_id = :configuration))"""
_SET = """
UPDATE managers SET manager_id = {target}, cycle_id = :cycle
WHERE configuration_id = :configuration AND (
    external_id IN (SELECT s.external_id FROM staged_users s WHERE {staged})
    OR wanted_key IN (SELECT lower(s.external_id) FROM staged_users s WHERE {staged}
        UNION ALL SELECT lower(s.email) FROM staged_users s WHERE {staged}
        UNION ALL SELECT lower(s.user_name) FROM staged_users s WHERE {staged}))
  AND manager_id IS DISTINCT FROM {target}
"""
_NEWS = """
FROM managers m
JOIN links l ON l.configuration_id = m.configuration_id AND l.external_id = m.external_id
WHERE m.configuration_id = :configuration AND m.cycle_id = :cycle
  AND m.manager_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM changes c WHERE c.cycle_id = :cycle AND c.kind = 'user'
        AND c.external_id = m.external_id)
"""
_COUNT_NEWS = f"SELECT count(*) {_NEWS}"
_TELL = f"""
INSERT INTO changes (account_id, id, cycle_id, configuration_id, kind, external_id, action,
    result, label, reason, before, after, at)
SELECT :account, CAST(:first AS bigint) + row_number() OVER (ORDER BY m.external_id) - 1, :cycle,
    :configuration, 'user', m.external_id, 'update', 'success', l.label,
    'the manager is in the account now', '{{}}', <after>, CAST(:now AS double precision)
{_NEWS}
"""
_AFTER: dict[Backend, str] = {
    "sqlite": "json_object('manager', m.wanted)",
    "postgresql": "CAST(json_build_object('manager', m.wanted) AS text)",
}
_OF = """
SELECT m.wanted, g.id, g.display_name, g.email, g.status FROM users u
JOIN links l ON l.user_id = u.id AND l.configuration_id = u.configuration_id
JOIN managers m ON m.configuration_id = l.configuration_id AND m.external_id = l.external_id
LEFT JOIN users g ON g.id = m.manager_id
WHERE u.account_id = :account AND u.id = :user
"""


async def resolve_part(tx: Transaction, fence: Fence, after: int, chunk: int) -> int | None:
    """Look up the managers of the next staged people, and who waits for them.

    Returns where to go on, or None at the end, when whoever's manager arrived is told of.
    """
    await check_fence(tx, fence)
    row = await tx.first(_UNTIL, cycle=fence.cycle_id, after=after, chunk=chunk)
    if row is not None and row.people:
        await _resolve(tx, fence, after, row.until)
    if row is not None and row.people == chunk:
        return int(row.until)
    await _tell(tx, fence)
    return None


async def _resolve(tx: Transaction, fence: Fence, after: int, until: int) -> None:
    values = {
        "cycle": fence.cycle_id,
        "configuration": fence.configuration_id,
        "after": after,
        "until": until,
    }
    named = _AFTERD.format(manager=_MANAGER[tx.backend], staged=_STAGED)
    await tx.run(_DROP.format(named=named), **values)
    await tx.run(_WANT.format(named=named), **values)
    sql = _SET.format(target=_TARGET, staged=_STAGED)
    if tx.backend == "sqlite":
        sql = sql.replace("IS DISTINCT FROM", "IS NOT")
    await tx.run(sql, **values)


async def _tell(tx: Transaction, fence: Fence) -> None:
    """Record whose manager arrived in this cycle, of people to whom nothing else happened."""
    values = {"cycle": fence.cycle_id, "configuration": fence.configuration_id}
    news = int(await tx.value(_COUNT_NEWS, **values))
    if not news:
        return
    first = await reserve_ids(tx, "changes", news)
    sql = _TELL.replace("<after>", _AFTER[tx.backend])
    await tx.run(sql, first=first, now=to_seconds(tx.clock.now()), **values)
    await tally.add(tx, fence.cycle_id, {"updated": news})


async def of(tx: Transaction, user: UserId) -> Manager | None:
    """Return whom the directory names as somebody's manager, or None."""
    row = await tx.first(_OF, user=user)
    if row is None:
        return None
    return Manager(
        wanted=row.wanted,
        id=None if row.id is None else UserId(row.id),
        name=row.display_name or "",
        email=row.email or "",
        status=None if row.status is None else UserStatus(row.status),
    )
