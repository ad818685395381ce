"""Fresh, migrated databases for tests: SQLite files, and a real PostgreSQL from its wheel."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from core.store.opening import open_store
from tests.support import postgresql
from tests.support.clocks import WallClock

BACKENDS = ("sqlite", "postgresql")


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dirsync-sqlite-"))
    postgresql.now(_migrate(f"sqlite:///{folder / 'template.db'}"))
    return folder / "template.db"


def sqlite_file(path: Path) -> str:
    """Make an empty, migrated SQLite database there unless there is one; return its URL."""
    if not path.exists():
        shutil.copyfile(_sqlite_template(), path)
    return f"sqlite:///{path}"


async def _migrate(url: str) -> None:
    async with await open_store(url, clock=WallClock(), migrate=True):
        pass


@contextmanager
def fresh_database(backend: str, folder: Path, *, migrated: bool = True) -> Iterator[str]:
    """Give the URL of an empty database, migrated by default, that nobody uses afterwards.

    To be called outside an event loop, as a fixture is.
    """
    if backend == "sqlite":
        path = folder / "dirsync.db"
        yield sqlite_file(path) if migrated else f"sqlite:///{path}"
        return
    server = postgresql.server(_migrate)
    with server.migrated() if migrated else server.bare() as url:
        yield url
