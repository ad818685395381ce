"""SQLite with one turn of its thread a statement.

aiosqlite asks its thread four times for a SELECT: to make a cursor, to run it, for the rows, and to
close it. Each time two threads hand the interpreter's lock to each other, which costs more than a
short statement itself. Here the thread is asked once, and brings the rows along.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self, TypeAlias

from aiosqlite import Connection
from aiosqlite.context import contextmanager

_Done: TypeAlias = tuple[sqlite3.Cursor, list[Any]]
"""A cursor that has come to its end, and the rows."""
_PREPARED = 512
"""Statements that are kept compiled: more than there are in the program."""
_UNUSED = 64
"""aiosqlite's size of a chunk of rows; all rows are fetched at once."""


def connect(database: str, **options: Any) -> OneTurnConnection:
    """Return a connection that is opened when it is awaited; `options` are those of `sqlite3`."""
    return OneTurnConnection(
        partial(sqlite3.connect, database, cached_statements=_PREPARED, **options), _UNUSED
    )


class OneTurnCursor:
    """What SQLAlchemy needs of a cursor; holds all rows of the last statement."""

    arraysize = 1

    def __init__(self, connection: OneTurnConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Run a statement and fetch its rows."""
        self._take(*await self._connection.run(sql, parameters))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Run a statement once for each of `parameters`."""
        self._take(*await self._connection.run_many(sql, parameters))
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows; they are here already."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Let the rows go; the thread has closed its own cursor."""
        self._rows = []

    def _take(self, cursor: sqlite3.Cursor, rows: list[Any]) -> None:
        self._rows = rows
        self.description, self.rowcount = cursor.description, cursor.rowcount
        self.lastrowid = cursor.lastrowid


class OneTurnConnection(Connection):
    """A connection whose cursors ask the thread once a statement."""

    @contextmanager
    async def cursor(self) -> OneTurnCursor:  # type: ignore[override]
        """Return a cursor without asking the thread."""
        return OneTurnCursor(self)

    async def run(self, sql: str, parameters: Any) -> _Done:
        """Run a statement; return its cursor, which is done, and its rows."""
        found: _Done = await self._in_thread(self._run, sql, parameters)
        return found

    async def run_many(self, sql: str, parameters: Iterable[Any]) -> _Done:
        """Run a statement once for each of `parameters`."""
        cursor: sqlite3.Cursor = await self._in_thread(self._conn.executemany, sql, parameters)
        return cursor, []

    async def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        if self.in_transaction:
            await super().rollback()

    async def _in_thread(self, work: Callable[..., Any], *values: object) -> Any:
        return await self._execute(work, *values)  # type: ignore[no-untyped-call]

    def _run(self, sql: str, parameters: Any) -> _Done:
        cursor = self._conn.execute(sql, parameters)
        return cursor, cursor.fetchall() if cursor.description else []
