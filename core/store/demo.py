"""Whose database it is: a demo writes into its own only, and claims an empty one."""

from __future__ import annotations

import sqlalchemy as sa

from core.errors import ConflictError
from core.model.configuration import DEFAULT_ACCOUNT
from core.ports import Clock
from core.store.database import Database, Transaction
from core.store.lock import SidecarLock
from core.store.migrating import prepare_schema
from core.store.urls import Address, parse_url

_MARK = "demo"
_LEASE_SECONDS = 60.0


async def claim_for_demo(url: str, *, clock: Clock) -> None:
    """Make sure that the database is a demo's, claiming it if it is empty.

    Nothing of somebody else's database is written, not even its journal mode. Raises
    `ConflictError` (``not_a_demo``; ``database_in_use``), and `StoreError` when it cannot be
    opened or was written by a newer dirsync.
    """
    address = parse_url(url)
    lock = None if address.path is None else SidecarLock(address.path)
    if lock is not None:
        lock.take()
    database = Database(
        address, clock=clock, account_id=DEFAULT_ACCOUNT, lease_seconds=_LEASE_SECONDS
    )
    try:
        await _claim(database)
    finally:
        await database.aclose()
        if lock is not None:
            lock.release()


async def _claim(database: Database) -> None:
    tables = await database.read(_tables)
    if tables and (_MARK_TABLE not in tables or not await database.read(_marked)):
        raise _foreign(database.address)
    await prepare_schema(database, migrate=True)
    await database.write(_mark)


_MARK_TABLE = "settings"


async def _tables(transaction: Transaction) -> set[str]:
    return await transaction.connection.run_sync(
        lambda connection: set(sa.inspect(connection).get_table_names())
    )


async def _marked(transaction: Transaction) -> bool:
    columns = await transaction.connection.run_sync(
        lambda connection: {each["name"] for each in sa.inspect(connection).get_columns("settings")}
    )
    if not {"account_id", "key", "value"} <= columns:
        return False
    sql = "SELECT value FROM settings WHERE account_id = :account AND key = :key"
    return await transaction.value(sql, key=_MARK) is not None


async def _mark(transaction: Transaction) -> None:
    sql = (
        "INSERT INTO settings (account_id, key, value) VALUES (:account, :key, '1') "
        "ON CONFLICT (account_id, key) DO NOTHING"
    )
    await transaction.run(sql, key=_MARK)


def _foreign(address: Address) -> ConflictError:
    return ConflictError(
        f"{address.redacted} is not a demo's database, so the demo does not touch it.",
        code="not_a_demo",
        hint="Name an empty database, or one that a demo has made.",
    )
