"""The staging area: what a cycle read and did not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.cycle import Fence, StagedUser
from core.model.directory import Digest, ExternalId
from core.store.bulk import Columns, insert_rows
from core.store.codec import to_json
from core.store.database import Transaction
from core.store.ending import drop_staging
from core.store.fencing import check_fence
from core.store.names import among
from core.store.newcomers import may_be_new
from core.store.protecting import protect_named
from core.store.tally import begin_again
from core.store.wide import hex_list

_STAGED: Columns = (
    ("cycle_id", "text"),
    ("external_id", "text"),
    ("digest", "bytea"),
    ("mapped_digest", "bytea"),
    ("match_key", "text"),
    ("user_name", "text"),
    ("display_name", "text"),
    ("email", "text"),
    ("active", "boolean"),
    ("readable", "boolean"),
    ("scope", "text"),
    ("group_scoped", "boolean"),
    ("profile", "text"),
    ("problems", "text"),
    ("newcomer", "boolean"),
)
_UNMET: Columns = (("cycle_id", "text"), ("digest", "bytea"))
_KNOWN_CHUNK = 10_000
_KNOWN = """
SELECT {digests} AS digests, max(seq) AS last FROM (
    SELECT seq, digest FROM links
    WHERE seq > :after AND configuration_id = :configuration AND digest IS NOT NULL
    ORDER BY seq LIMIT :limit) AS l
"""
_KNOWN_OF = """
SELECT {digests} FROM links
WHERE configuration_id = :configuration AND digest IS NOT NULL AND external_id IN {people}
"""
_FORGET = """
UPDATE links SET digest = NULL WHERE configuration_id = :configuration AND digest IS NOT NULL
"""
_DECODER = """
UPDATE configurations SET decoder_revision = :decoder
WHERE id = :configuration AND decoder_revision IS DISTINCT FROM :decoder
"""
_LINKED = "SELECT EXISTS (SELECT 1 FROM links WHERE configuration_id = :configuration)"
_REPEATS = """
SELECT coalesce(sum(p.n - 1), 0) FROM (SELECT count(*) AS n FROM staged_users
    WHERE cycle_id = :cycle GROUP BY external_id HAVING count(*) > 1) AS p
"""
_DROP_REPEATS = """
DELETE FROM staged_users WHERE seq IN (SELECT t.seq FROM (
    SELECT seq, row_number() OVER (PARTITION BY external_id ORDER BY seq) AS n
    FROM staged_users WHERE cycle_id = :cycle) AS t WHERE t.n > 1)
"""
_SETTLED = """
SELECT count(*) AS people, count(m.digest) AS unmet FROM staged_users s
CROSS JOIN links l
LEFT JOIN staged_unmet m ON m.cycle_id = :cycle AND m.digest = l.digest
WHERE s.cycle_id = :cycle AND l.external_id = s.external_id
  AND l.configuration_id = :configuration AND l.digest IS NOT NULL
"""
"""The cross join keeps SQLite from going through everybody who is linked."""
_CANARY_STAGED = """
SELECT 1 FROM staged_users
WHERE cycle_id = :cycle AND (external_id = :name
    OR readable AND (match_key = :key OR lower(user_name) = :lower OR lower(email) = :lower))
LIMIT 1
"""
_CANARY_BY_ID = """
SELECT 1 FROM links l
WHERE l.configuration_id = :configuration AND l.external_id = :name AND l.digest IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM staged_unmet m WHERE m.cycle_id = :cycle AND m.digest = l.digest)
"""
"""Nearly every canary is known by its id, which needs no look at everybody."""
_CANARY_MET = """
SELECT 1 FROM links l LEFT JOIN users u ON u.id = l.user_id
WHERE l.configuration_id = :configuration AND l.digest IS NOT NULL
  AND (l.external_id = :name OR u.match_key = :key OR lower(u.user_name) = :lower
      OR lower(u.email) = :lower OR lower(l.label) = :lower)
  AND NOT EXISTS (SELECT 1 FROM staged_unmet m WHERE m.cycle_id = :cycle AND m.digest = l.digest)
LIMIT 1
"""


async def begin(tx: Transaction, fence: Fence, *, decoder_revision: str, new: bool) -> None:
    """Start afresh: no staging, no told problems, no plan of an earlier claim or attempt.

    A cycle that is `new` has none of that.
    """
    await check_fence(tx, fence)
    if not new:
        await _clear(tx, fence)
    await protect_named(tx, fence.configuration_id)
    changed = await tx.run(
        _decoder(tx), configuration=fence.configuration_id, decoder=decoder_revision
    )
    if changed:
        await tx.run(_FORGET, configuration=fence.configuration_id)


async def _clear(tx: Transaction, fence: Fence) -> None:
    await drop_staging(tx, fence.cycle_id)
    for table in ("problems", "plan_items"):
        await tx.run(f"DELETE FROM {table} WHERE cycle_id = :cycle", cycle=fence.cycle_id)  # noqa: S608 - fixed names
    await begin_again(tx, fence.cycle_id)


def _decoder(tx: Transaction) -> str:
    same = "IS DISTINCT FROM" if tx.backend == "postgresql" else "IS NOT"
    return _DECODER.replace("IS DISTINCT FROM", same)


async def known(tx: Transaction, fence: Fence, after: int) -> tuple[list[Digest], int]:
    """Return the digests of the next settled people, and where to go on."""
    row = await tx.first(
        _KNOWN.format(digests=hex_list(tx.backend, "digest")),
        configuration=fence.configuration_id,
        after=after,
        limit=_KNOWN_CHUNK,
    )
    if row is None or row.last is None:
        return [], after
    return _digests(row.digests), row.last


async def known_of(
    tx: Transaction, fence: Fence, people: Sequence[ExternalId]
) -> frozenset[Digest]:
    """Return the digests of those of these people who are settled."""
    sql = _KNOWN_OF.format(
        digests=hex_list(tx.backend, "digest"), people=among(tx.backend, "people")
    )
    listed = await tx.value(sql, configuration=fence.configuration_id, people=to_json(list(people)))
    return frozenset(_digests(listed or ""))


def _digests(listed: str) -> list[Digest]:
    return [Digest(digest) for digest in map(bytes.fromhex, listed.split(","))] if listed else []


async def scoped_ids(tx: Transaction, fence: Fence) -> frozenset[ExternalId]:
    """Return the ids of the people whom a scope group held when last seen."""
    rows = await tx.rows(
        "SELECT external_id FROM links WHERE configuration_id = :configuration AND group_scoped",
        configuration=fence.configuration_id,
    )
    return frozenset(ExternalId(name) for (name,) in rows)


async def stage(tx: Transaction, fence: Fence, rows: Sequence[StagedUser]) -> None:
    """Stage records."""
    await check_fence(tx, fence)
    first = not await tx.value(_LINKED, configuration=fence.configuration_id)
    staged = [(fence.cycle_id, *row, first and may_be_new(row)) for row in rows]
    await insert_rows(tx, "staged_users", _STAGED, staged)


async def stage_unmet(tx: Transaction, fence: Fence, digests: Sequence[bytes]) -> None:
    """Note the known digests that the finished read did not meet."""
    await check_fence(tx, fence)
    await insert_rows(tx, "staged_unmet", _UNMET, [(fence.cycle_id, d) for d in digests])


class Settled(NamedTuple):
    """Of the settled people, those who were staged: met under their old digest too, or not."""

    met: int
    unmet: int


async def repeats(tx: Transaction, fence: Fence) -> int:
    """Return how many records were staged of people who were staged before."""
    return int(await tx.value(_REPEATS, cycle=fence.cycle_id))


async def drop_repeats(tx: Transaction, fence: Fence) -> None:
    """Leave the first record of everybody who was staged."""
    await check_fence(tx, fence)
    await tx.run(_DROP_REPEATS, cycle=fence.cycle_id)


async def settled(tx: Transaction, fence: Fence) -> Settled:
    """Count the settled people who were staged; call it after `stage_unmet`."""
    values = {"cycle": fence.cycle_id, "configuration": fence.configuration_id}
    (row,) = await tx.rows(_SETTLED, **values)
    return Settled(met=row.people - row.unmet, unmet=row.unmet)


async def holds_canary(tx: Transaction, fence: Fence, name: str, *, staged: bool) -> bool:
    """Whether the snapshot has a person of this e-mail, user name or external id.

    Without `staged`, nobody is, and so nobody is looked for there.
    """
    values = {
        "cycle": fence.cycle_id,
        "name": name,
        "key": name.strip().casefold(),
        "lower": name.strip().lower(),
    }
    if staged and await tx.value(_CANARY_STAGED, **values):
        return True
    for sql in (_CANARY_BY_ID, _CANARY_MET):
        if await tx.value(sql, configuration=fence.configuration_id, **values):
            return True
    return False
