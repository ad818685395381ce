"""Newcomers: staged people who are all created in the same way, by rows of the staging table.

In a first cycle that is nearly everybody, so nothing of them goes through Python a second time.
"""

from __future__ import annotations

from datetime import datetime

from core.model.account import UserStatus
from core.model.cycle import Decision, Fence, Pair, ScopeAnswer, StagedUser
from core.model.newcomers import Newcomers
from core.store import tally
from core.store.applying import Sending, beginning, carry_out, load_kinds
from core.store.bulk import reserve_ids
from core.store.database import Row, Transaction
from core.store.deciding import Batch, Kind
from core.store.fencing import check_fence
from core.store.wide import hex_list

_KNOWN = """
EXISTS (SELECT 1 FROM links l WHERE l.configuration_id = :configuration
        AND l.external_id = staged_users.external_id)
    OR EXISTS (SELECT 1 FROM users h WHERE h.account_id = :account
        AND h.match_key = staged_users.match_key)
"""
_MARK = f"""
UPDATE staged_users SET newcomer = NOT newcomer
WHERE cycle_id = :cycle AND newcomer <> (readable AND active AND scope = 'in' AND problems = ''
    AND match_key <> '' AND twins = 1 AND NOT moving AND NOT ({_KNOWN}))
"""  # noqa: S608 - fixed text
_ANY = "SELECT EXISTS (SELECT 1 FROM staged_users WHERE cycle_id = :cycle AND newcomer)"
_LEAVE_TO_OTHERS = f"""
UPDATE staged_users SET newcomer = FALSE
WHERE cycle_id = :cycle AND newcomer AND seq BETWEEN :first AND :last AND ({_KNOWN})
"""  # noqa: S608 - fixed text
_CHUNK = """
SELECT count(*) AS n, min(seq) AS first, max(seq) AS last, {digests} AS digests FROM (
    SELECT seq, mapped_digest FROM staged_users
    WHERE cycle_id = :cycle AND newcomer AND seq > :after ORDER BY seq LIMIT :limit) AS s
"""
_LABEL = "coalesce(nullif(s.email, ''), nullif(s.user_name, ''), s.external_id)"
_ONE = f"""
SELECT s.external_id, {_LABEL} AS label, s.mapped_digest, s.digest FROM staged_users s
WHERE s.seq = :seq
"""  # noqa: S608 - fixed text
_DECIDE = f"""
INSERT INTO decided_rows (seq, external_id, user_id, change_id, label, kind)
SELECT s.seq, s.external_id,
    CAST(:user AS bigint) + row_number() OVER (ORDER BY s.seq) - 1,
    CAST(:change AS bigint) + row_number() OVER (ORDER BY s.seq) - 1, {_LABEL}, 0
FROM staged_users s
WHERE s.cycle_id = :cycle AND s.newcomer AND s.seq BETWEEN :first AND :last
"""  # noqa: S608 - fixed text


def may_be_new(row: StagedUser) -> bool:
    """Whether a record may be a newcomer's, as far as it says itself."""
    return (
        row.active
        and row.readable
        and not row.problems
        and row.scope is ScopeAnswer.IN
        and bool(row.match_key)
    )


async def mark(tx: Transaction, fence: Fence) -> bool:
    """Settle who is a newcomer, once twins and moves are known; return whether anybody is."""
    await tx.run(_MARK, cycle=fence.cycle_id, configuration=fence.configuration_id)
    return bool(await tx.value(_ANY, cycle=fence.cycle_id))


async def following(tx: Transaction, fence: Fence, after: int, limit: int) -> Newcomers | None:
    """Return the next newcomers, or None if there are no more."""
    row = await tx.first(
        _CHUNK.format(digests=hex_list(tx.backend, "mapped_digest")),
        cycle=fence.cycle_id,
        after=after,
        limit=limit,
    )
    if row is None or not row.n:
        return None
    one = await tx.first(_ONE, seq=row.first)
    assert one is not None  # noqa: S101 - it was found within this snapshot
    return Newcomers(
        pair=_pair(row.first, one),
        first=row.first,
        last=row.last,
        people=row.n,
        mark=sum(int(digest or "0", 16) for digest in row.digests.split(",")),
    )


def _pair(seq: int, row: Row) -> Pair:
    return Pair(
        seq=seq,
        external_id=row.external_id,
        label=row.label,
        present=True,
        readable=True,
        active=True,
        scope=ScopeAnswer.IN,
        mapped_digest=row.mapped_digest,
        problems="",
        user_id=None,
        status=None,
        disabled_by=None,
        disabled_at=None,
        absent_since=None,
        kept=False,
        protected=False,
        known_digest=None,
        known_mapped_digest=None,
        digest=row.digest,
        holder=None,
        holder_foreign=False,
        holder_moves=False,
        twins=1,
    )


async def create(
    tx: Transaction,
    fence: Fence,
    found: Newcomers,
    decision: Decision,
    *,
    now: datetime,
    send: Sending,
    careful: bool,
) -> None:
    """Create them all. With `careful`, whoever is not a newcomer any more is left to the pairs."""
    await check_fence(tx, fence)
    rows: dict[str, object] = {
        "cycle": fence.cycle_id,
        "first": found.first,
        "last": found.last,
    }
    if careful:
        await tx.run(_LEAVE_TO_OTHERS, configuration=fence.configuration_id, **rows)
    batch = Batch(
        kinds={_kind(decision, beginning(send)): 0},
        first_user=await reserve_ids(tx, "users", found.people),
        created=found.people,
    )
    change = await reserve_ids(tx, "changes", found.people)
    await load_kinds(tx, batch)
    count = await tx.run(_DECIDE, user=batch.first_user, change=change, **rows)
    await carry_out(tx, fence, batch, now=now, send=send)
    await tally.add(tx, fence.cycle_id, {"created": count, "invited": count})


def _kind(decision: Decision, status: UserStatus) -> Kind:
    return Kind(
        action=decision.action.value,
        status=status.value,
        reason=decision.reason,
        result="success",
        settles=decision.settles,
        kept=decision.keeps,
        present=True,
        readable=True,
        rekey=False,
        writes=False,
    )
