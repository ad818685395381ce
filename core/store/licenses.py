"""The license pool."""

from __future__ import annotations

from core.model.account import LicenseSummary
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.database import Database, Transaction

_SUMMARY = """
SELECT coalesce((SELECT total FROM license_pool WHERE account_id = :account), 0) AS total,
    (SELECT count(*) FROM users WHERE account_id = :account AND licensed) AS used,
    (SELECT count(*) FROM users WHERE account_id = :account AND status = 'invited') AS invited,
    (SELECT count(*) FROM users WHERE account_id = :account AND status = 'waiting') AS waiting
"""


class Licenses:
    """How many licenses there are, and who would need one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def summary(self) -> LicenseSummary:
        """Return the pool at this moment."""
        return await self._database.read(_summary)

    async def set_total(self, total: int, *, audit: AuditEntry) -> LicenseSummary:
        """Set how many licenses there are; nobody loses one."""

        async def work(tx: Transaction) -> LicenseSummary:
            if await store_total(tx, total):
                await add_audit(tx, audit)
            return await _summary(tx)

        return await self._database.write(work)


async def store_total(tx: Transaction, total: int) -> bool:
    """Set the pool's size; return whether it changed."""
    await lock_pool(tx)
    touched = await tx.run(
        "UPDATE license_pool SET total = :total WHERE account_id = :account AND total <> :total",
        total=total,
    )
    return touched > 0


async def lock_pool(tx: Transaction) -> None:
    """Make this transaction the only one that gives or frees licenses until it ends."""
    await tx.run(
        "INSERT INTO license_pool (account_id, total) VALUES (:account, 0)"
        " ON CONFLICT (account_id) DO NOTHING"
    )
    if tx.backend == "postgresql":
        await tx.value("SELECT total FROM license_pool WHERE account_id = :account FOR UPDATE")


async def free_licenses(tx: Transaction) -> int:
    """Return how many licenses nobody holds; call `lock_pool` before."""
    return (await _summary(tx)).free


async def _summary(tx: Transaction) -> LicenseSummary:
    row = await tx.first(_SUMMARY)
    assert row is not None  # noqa: S101 - a SELECT of scalars has one row
    return LicenseSummary(total=row.total, used=row.used, invited=row.invited, waiting=row.waiting)
