"""Connections and transactions: one writer and several readers on SQLite, a pool on PostgreSQL."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from core.errors import StoreUnavailableError
from core.model.configuration import AccountId
from core.ports import Clock
from core.store.faults import explained, is_retryable
from core.store.lock import SidecarLock
from core.store.sqlite_driver import connect
from core.store.urls import Address, Backend

T = TypeVar("T")
Row: TypeAlias = "sa.Row[*tuple[Any, ...]]"
"""A row of values as the driver gives them."""

_ATTEMPTS = 5
_PARAMETER = re.compile(r"(?<![:\w]):(\w+)(?!:)")
_BUSY_MS = 5_000
_CHECKPOINT_PAGES = 16_000
_WRITER_CACHE_KIB = 24_576
_READER_CACHE_KIB = 4_096
_PREPARED = 500
"""Statements that a connection to PostgreSQL keeps prepared: more than the program has."""
_DECIDED = (
    """
CREATE TEMPORARY TABLE IF NOT EXISTS decided_rows (
    seq BIGINT NOT NULL, external_id TEXT NOT NULL, user_id BIGINT, change_id BIGINT,
    label TEXT NOT NULL, kind INTEGER NOT NULL, before TEXT, after TEXT
)""",
    """
CREATE TEMPORARY TABLE IF NOT EXISTS decided_kinds (
    kind INTEGER PRIMARY KEY, action TEXT NOT NULL, status TEXT, reason TEXT NOT NULL,
    result TEXT NOT NULL, settles BOOLEAN NOT NULL, kept BOOLEAN NOT NULL,
    present BOOLEAN NOT NULL, readable BOOLEAN NOT NULL, rekey BOOLEAN NOT NULL,
    writes BOOLEAN NOT NULL
)""",
)
_DECIDED_VIEW = """
CREATE TEMPORARY VIEW decided AS
SELECT r.seq, r.external_id, r.user_id, r.change_id, r.label, r.before, r.after, k.action,
    k.status, k.reason, k.result, k.settles, k.kept, k.present, k.readable, k.rekey, k.writes
FROM decided_rows r JOIN decided_kinds k ON k.kind = r.kind
"""


class Transaction:
    """One transaction: short ways to run SQL text with named parameters.

    ``:account`` is always bound. Rows come as plain tuples of what the driver gives.
    """

    __slots__ = ("_last", "account", "backend", "clock", "connection", "lease_seconds")

    def __init__(self, connection: AsyncConnection, database: Database) -> None:
        self.connection = connection
        self.backend: Backend = database.backend
        self.account = database.account_id
        self.clock = database.clock
        self.lease_seconds = database.lease_seconds
        self._last: dict[LastWork, list[Any]] = {}

    def before_commit(self, work: LastWork, item: object) -> None:
        """Have `work` run as the last of this transaction, once, with all items given for it.

        For rows that every replica wants: they are locked for the shortest time, and whoever
        holds them waits for nothing else.
        """
        self._last.setdefault(work, []).append(item)

    async def end(self) -> None:
        """Run what was to be the last."""
        for work, items in self._last.items():
            await work(self, items)

    async def rows(self, sql: str, **values: object) -> Sequence[Row]:
        """Run and return all rows."""
        return (await self._execute(sql, values)).all()

    async def first(self, sql: str, **values: object) -> Row | None:
        """Run and return the first row, or None."""
        return (await self._execute(sql, values)).first()

    async def value(self, sql: str, **values: object) -> Any:
        """Run and return the first value of the first row, or None."""
        return (await self._execute(sql, values)).scalar()

    async def run(self, sql: str, **values: object) -> int:
        """Run and return the number of rows that it touched."""
        return (await self._execute(sql, values)).rowcount

    async def _execute(self, sql: str, values: Mapping[str, object]) -> sa.CursorResult[Any]:
        named = {"account": self.account, **values}
        if self.backend == "sqlite":
            return await self.connection.exec_driver_sql(sql, named)
        numbered, names = _numbered(sql)
        values_in_order = tuple([named[name] for name in names])
        return await self.connection.exec_driver_sql(numbered, values_in_order)

    async def driver(self, sql: str, values: tuple[object, ...]) -> sa.CursorResult[Any]:
        """Run SQL in the driver's own parameter style, for statements of thousands of values."""
        return await self.connection.exec_driver_sql(sql, values)

    async def lease_time(self) -> float:
        """Return the seconds by which leases run: the database's clock, or a monotonic one."""
        if self.backend == "postgresql":
            return float(await self.value("SELECT extract(epoch FROM clock_timestamp())"))
        return self.clock.monotonic()


@lru_cache(maxsize=1024)
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return SQL with ``$1`` for the first name in it, and the names in that order."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[1], f"${len(numbers) + 1}")

    return _PARAMETER.sub(number, sql), tuple(numbers)


Work = Callable[[Transaction], Awaitable[T]]
LastWork = Callable[[Transaction, list[Any]], Awaitable[None]]


class _SameFile:
    """Notices that the file was taken away: what is written to it then would be lost unseen."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None

    def require(self) -> None:
        """Raise `StoreUnavailableError` (code ``store_removed``) unless it is still there."""
        if self._path is None:
            return
        try:
            found = self._path.stat()
            identity = (found.st_dev, found.st_ino)
        except OSError:
            identity = None
        if self._identity is None:
            self._identity = identity  # what is not there yet is made by the first connection
        elif identity != self._identity:
            raise StoreUnavailableError(
                "The database file was removed or replaced while dirsync has it open.",
                code="store_removed",
                hint="Put it back; or stop dirsync, restore a backup and start it again.",
            )


class Database:
    """A database that is open. All errors are those of `core.store.faults.explained`."""

    def __init__(
        self,
        address: Address,
        *,
        clock: Clock,
        account_id: AccountId,
        lease_seconds: float,
        lock: SidecarLock | None = None,
    ) -> None:
        self.address = address
        self.backend = address.backend
        self.clock = clock
        self.account_id = account_id
        self.lease_seconds = lease_seconds
        self._file = _SameFile(address.path)
        self._lock = lock
        if address.backend == "sqlite":
            self._writer = _sqlite_engine(address, writes=True)
            self._reader = _sqlite_engine(address, writes=False)
            self._turn: asyncio.Lock | None = asyncio.Lock()
        else:
            self._writer = self._reader = _postgresql_engine(address)
            self._turn = None

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot of the database; it must not write."""
        self._file.require()
        with explained():
            async with self._reader.connect() as connection:
                return await work(Transaction(connection, self))

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction.

        A cancelled caller waits until the transaction has ended as a whole, so that nothing is
        ever left half done. `work` may run again if PostgreSQL undid it for another transaction.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._turn or nullcontext())
            self._file.require()
            if self._lock is not None:
                self._lock.require()
            return await _whole(asyncio.create_task(self._attempts(work)))

    async def _attempts(self, work: Work[T]) -> T:
        with explained():
            for _ in range(_ATTEMPTS - 1):
                try:
                    return await self._once(work)
                except sa.exc.DBAPIError as error:
                    if not is_retryable(error):
                        raise
            return await self._once(work)

    async def _once(self, work: Work[T]) -> T:
        async with self._writer.begin() as connection:
            transaction = Transaction(connection, self)
            result = await work(transaction)
            await transaction.end()
            return result

    async def aclose(self) -> None:
        """Close every connection; waits for a transaction under way."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._turn or nullcontext())
            await self._reader.dispose()
            if self._writer is not self._reader:
                await self._writer.dispose()

    @property
    def writer(self) -> AsyncEngine:
        """The engine that may write, for migrations and backups."""
        return self._writer


async def _whole(task: asyncio.Task[T]) -> T:
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()
        raise


def _sqlite_engine(address: Address, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        address.driver_url,
        pool_size=1 if writes else 4,
        max_overflow=0,
        pool_timeout=30,
        connect_args={
            "async_creator_fn": connect,
            "isolation_level": None,
            "timeout": _BUSY_MS / 1000,
        },
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    def on_connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in _pragmas(writes=writes):
            cursor.execute(statement)
        cursor.close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine.sync_engine, "connect", on_connect)
    sa.event.listen(engine.sync_engine, "begin", on_begin)
    return engine


def _pragmas(*, writes: bool) -> tuple[str, ...]:
    common = (
        f"PRAGMA busy_timeout={_BUSY_MS}",
        "PRAGMA foreign_keys=ON",
        "PRAGMA temp_store=MEMORY",
    )
    if not writes:
        return (*common, f"PRAGMA cache_size=-{_READER_CACHE_KIB}", "PRAGMA query_only=ON")
    return (
        *common,
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}",
        f"PRAGMA cache_size=-{_WRITER_CACHE_KIB}",
        *_DECIDED,
        _DECIDED_VIEW,
    )


def _postgresql_engine(address: Address) -> AsyncEngine:
    arguments = dict(address.arguments)
    settings = arguments.pop("server_settings", {})
    limits = {
        "statement_timeout": "60s",
        "lock_timeout": "15s",
        "idle_in_transaction_session_timeout": "30s",
        "jit": "off",
        "plan_cache_mode": "force_custom_plan",  # tables grow a thousandfold within one cycle
        "max_parallel_workers_per_gather": "0",
        "random_page_cost": "1.1",  # else a thousand people are sought by reading all the others
        "timezone": "UTC",
    }
    engine = create_async_engine(
        address.driver_url,
        pool_size=5,
        max_overflow=5,
        pool_timeout=30,
        connect_args={
            "timeout": 10,
            "command_timeout": 90,
            "prepared_statement_cache_size": _PREPARED,
            "server_settings": {**limits, **(settings if isinstance(settings, dict) else {})},
            **arguments,
        },
    )

    def on_connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in _DECIDED:
            cursor.execute(f"{statement} ON COMMIT DELETE ROWS")
        cursor.execute(_DECIDED_VIEW)
        cursor.close()
        connection.commit()

    sa.event.listen(engine.sync_engine, "connect", on_connect)
    return engine
