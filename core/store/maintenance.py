"""Care for the database itself: health, backup, retention, comparison."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from core.errors import ConflictError, StoreError
from core.store import contents
from core.store.codec import to_seconds
from core.store.database import Database, Transaction, Work
from core.store.faults import explained
from core.store.migrating import schema_versions

_PAGES = 2_000
_PART = 5_000
_NEXT_OLD = """
SELECT max(id) FROM (SELECT id FROM changes
    WHERE id > :after AND account_id = :account AND at < :before
    AND (before <> '{}' OR after <> '{}' OR label <> '') ORDER BY id LIMIT :part) AS o
"""
_BLANK = """
UPDATE changes SET before = '{}', after = '{}', label = ''
WHERE id > :after AND id <= :last AND account_id = :account AND at < :before
AND (before <> '{}' OR after <> '{}' OR label <> '')
"""
_DROP_PART = """
DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE cycle_id IN {old} LIMIT :part)
"""
_PURGE: tuple[tuple[str, str], ...] = (
    ("personal_cycles", "DELETE FROM personal_cycles WHERE cycle_id IN {old}"),
    (
        "held_items",
        """
DELETE FROM held_items WHERE held_set_id IN (SELECT id FROM held_sets
WHERE account_id = :account AND state <> 'open' AND created_at < :before
AND id NOT IN (SELECT held_set_id FROM rejections))
""",
    ),
    (
        "outbox",
        """
DELETE FROM outbox WHERE account_id = :account AND state <> 'pending'
AND created_at < :before
""",
    ),
    (
        "deliveries",
        "DELETE FROM deliveries WHERE account_id = :account AND updated_at < :before",
    ),
    ("drafts", "DELETE FROM drafts WHERE account_id = :account AND updated_at < :before"),
    (
        "slots",
        """
DELETE FROM slots WHERE account_id = :account AND slot < :before
AND slot < (SELECT max(s.slot) FROM slots s WHERE s.configuration_id = slots.configuration_id)
""",
    ),
)
_OLD = """(SELECT id FROM cycles WHERE account_id = :account AND state = 'finished'
    AND finished_at < :before)"""

Report = Callable[[int, int], None]
"""Called with (pages copied, pages in all)."""


class Maintenance:
    """Care for the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ping(self) -> float:
        """Return how many seconds the smallest query took; raises `StoreUnavailableError`."""
        start = time.perf_counter()
        await self._database.read(lambda tx: tx.value("SELECT 1"))
        return time.perf_counter() - start

    async def skew(self) -> float | None:
        """Return by how many seconds the database's clock is ahead of this machine's.

        None for SQLite, which has no clock of its own.
        """
        if self._database.backend != "postgresql":
            return None
        theirs = await self._database.read(lambda tx: tx.lease_time())
        return theirs - time.time()

    async def schema(self) -> tuple[str, str]:
        """Return the schema versions of the database and of the program."""
        return await schema_versions(self._database)

    async def backup(self, target: Path, *, progress: Report | None = None) -> None:
        """Copy the SQLite file to `target` while work goes on.

        Raises `ConflictError` (code ``file_exists``), `StoreUnavailableError`; on PostgreSQL
        `StoreError` (code ``use_pg_dump``) with the command in its hint.
        """
        path = self._database.address.path
        if path is None:
            raise StoreError(
                "A PostgreSQL database is backed up with its own tool.",
                code="use_pg_dump",
                hint=f"Run: pg_dump --format=custom --file={target} {self._dump_url()}",
            )
        with explained():
            await asyncio.to_thread(_copy, path, target, progress)

    def _dump_url(self) -> str:
        url = self._database.address.driver_url
        return url.set(drivername="postgresql", password=None).render_as_string()

    async def purge(self, *, before: datetime, part: int = _PART) -> dict[str, int]:
        """Erase what is older than the retention, and return rows touched by table.

        Cycles and their counts stay; before/after data, names, plans, problems and delivered
        messages go. The large tables are gone through in parts, so that nobody else who writes
        waits for all of them.
        """
        at = to_seconds(before)
        gone = {"changes": await self._blank_changes(at, part)}
        for table in ("plan_items", "problems"):
            gone[table] = await self._drop_parts(table, at, part)

        async def work(tx: Transaction) -> dict[str, int]:
            return {
                name: await tx.run(statement.replace("{old}", _OLD), before=at)
                for name, statement in _PURGE
            }

        return {**gone, **await self._database.write(work)}

    async def _blank_changes(self, before: float, part: int) -> int:
        after, touched = 0, 0
        while True:
            values: dict[str, object] = {"after": after, "before": before}
            last = await self._database.read(_valued(_NEXT_OLD, part=part, **values))
            if last is None:
                return touched
            touched += await self._database.write(_running(_BLANK, last=last, **values))
            after = last

    async def _drop_parts(self, table: str, before: float, part: int) -> int:
        sql, dropped = _DROP_PART.format(table=table, old=_OLD), 0
        while found := await self._database.write(_running(sql, before=before, part=part)):
            dropped += found
        return dropped

    async def digest(self) -> str:
        """Return a digest over what the store says, without ids, times, leases and staging.

        Two stores to which the same happened have the same one.
        """
        return await self._database.read(contents.digest)


def _valued(sql: str, **values: object) -> Work[int | None]:
    async def work(tx: Transaction) -> int | None:
        found: int | None = await tx.value(sql, **values)
        return found

    return work


def _running(sql: str, **values: object) -> Work[int]:
    return lambda tx: tx.run(sql, **values)


def _copy(source: Path, target: Path, progress: Report | None) -> None:
    if target.exists():
        raise ConflictError(
            f"{target} exists already.", code="file_exists", hint="Choose another name."
        )

    def report(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    partial = target.with_name(f"{target.name}.partial")
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as origin,
            contextlib.closing(sqlite3.connect(partial)) as copy,
        ):
            origin.execute("PRAGMA query_only=ON")
            origin.execute("BEGIN")
            origin.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            origin.backup(copy, pages=_PAGES, progress=report, sleep=0)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
