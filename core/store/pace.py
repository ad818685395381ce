"""Claiming what is due to be sent, and how many invitations may leave in a minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.store.codec import to_seconds
from core.store.database import Row, Transaction

MINUTE = 60.0
_LOCK = 7_461_002
_BEGUN = """
SELECT (SELECT count(*) FROM invitations WHERE account_id = :account AND begun_at > :since)
    + (SELECT count(*) FROM invitation_chats WHERE account_id = :account AND begun_at > :since)
"""


async def room_for(tx: Transaction, wanted: int, per_minute: int | None, *, now: datetime) -> int:
    """Return how many of `wanted` may be begun now; until this transaction ends nobody else asks.

    In any sixty seconds at most `per_minute` are begun; None is no limit.
    """
    if per_minute is None:
        return wanted
    if tx.backend == "postgresql":
        await tx.rows("SELECT pg_advisory_xact_lock(:lock)", lock=_LOCK)
    begun = int(await tx.value(_BEGUN, since=to_seconds(now) - MINUTE))
    return max(0, min(wanted, per_minute - begun))


async def claim_due(
    tx: Transaction,
    statement: str,
    *,
    owner: str,
    limit: int,
    now: datetime,
    seconds: float = 120.0,
    of: str = "",
) -> Sequence[Row]:
    """Return the rows that `statement` claims for `owner`, for so many seconds.

    What another process is just claiming is passed over: in place of ``{lock}`` PostgreSQL is told
    so, for the rows `of` a table's alias where several are joined. SQLite has one writer.
    """
    rows = f"FOR UPDATE OF {of}" if of else "FOR UPDATE"
    lock = f"{rows} SKIP LOCKED" if tx.backend == "postgresql" else ""
    moment = to_seconds(now)
    return await tx.rows(
        statement.format(lock=lock), owner=owner, now=moment, until=moment + seconds, limit=limit
    )
