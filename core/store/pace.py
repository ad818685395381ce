"""How many invitations may leave in a minute, over all replicas."""

from __future__ import annotations

from datetime import datetime

from core.store.codec import to_seconds
from core.store.database import Transaction

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
