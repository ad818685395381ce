"""SQLite with one turn of its thread a statement.

aiosqlite asks its thread four times for a SELECT: to make a cursor, to run it, for the rows, and to
close it. Each time two threads hand the interpreter's lock to each other, which costs more than a
short statement itself. Here the thread is asked once, and brings the rows along: a cursor of
`sqlite3` fetches them with what SQLAlchemy wants to know of them, and aiosqlite passes that on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Self

from aiosqlite import Connection

_PREPARED = 512
"""Statements that are kept compiled: more than there are in the program."""
_UNUSED = 64
"""aiosqlite's size of a chunk of rows; all rows are fetched at once."""


class _Rows(list[Any]):
    """All rows of a statement, and what its cursor says of them."""

    description: Any
    rowcount: int
    lastrowid: int | None


class _Cursor(sqlite3.Cursor):
    """Runs in the thread; what it fetches says everything about itself."""

    def fetchall(self) -> _Rows:
        """Return the rows, none for a statement that has none."""
        rows = _Rows(super().fetchall())
        rows.description, rows.rowcount = self.description, self.rowcount
        rows.lastrowid = self.lastrowid
        return rows


class _ThreadConnection(sqlite3.Connection):
    """Runs in the thread; executes with such cursors."""

    def execute(self, sql: str, parameters: Any = ()) -> _Cursor:
        """Run a statement."""
        return self.cursor(_Cursor).execute(sql, parameters)


def connect(database: str, **options: Any) -> OneTurnConnection:
    """Return a connection that is opened when it is awaited; `options` are those of `sqlite3`."""
    settled = {"cached_statements": _PREPARED, "factory": _ThreadConnection}
    return OneTurnConnection(partial(sqlite3.connect, database, **settled, **options), _UNUSED)


class OneTurnCursor:
    """What SQLAlchemy needs of a cursor; holds all rows of the last statement."""

    arraysize = 1

    def __init__(self, connection: OneTurnConnection) -> None:
        self._connection = connection
        self._rows: Sequence[Any] = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Run a statement and fetch its rows."""
        found: Any = await self._connection.execute_fetchall(sql, parameters)
        self._rows, self.description = found, found.description
        self.rowcount, self.lastrowid = found.rowcount, found.lastrowid
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Run a statement once for each of `parameters`."""
        done = await self._connection.executemany(sql, parameters)
        self._rows, self.description = (), done.description
        self.rowcount, self.lastrowid = done.rowcount, done.lastrowid
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows; they are here already."""
        rows, self._rows = self._rows, ()
        return rows

    async def close(self) -> None:
        """Let the rows go; the thread has closed its own cursor."""
        self._rows = ()


class OneTurnConnection(Connection):
    """A connection whose cursors ask the thread once a statement."""

    def cursor(self) -> OneTurnCursor:  # type: ignore[override]
        """Return a cursor without asking the thread."""
        return OneTurnCursor(self)

    async def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        if self.in_transaction:
            await super().rollback()
