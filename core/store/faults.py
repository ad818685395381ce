"""From a driver's exception to an error with a text for people."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import sqlalchemy as sa

from core.errors import StoreError, StoreUnavailableError

_SQLITE: dict[int, tuple[str, str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "store_locked",
        "The database is locked by another program.",
        "Close whatever else has the file open; dirsync goes on by itself then.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "store_locked",
        "The database is locked.",
        "Close whatever else has the file open; dirsync goes on by itself then.",
    ),
    sqlite3.SQLITE_FULL: (
        "store_full",
        "The disk with the database is full.",
        "Free some space; dirsync goes on by itself then.",
    ),
    sqlite3.SQLITE_READONLY: (
        "store_read_only",
        "The database file or its folder cannot be written.",
        "Give this user the right to write the file and its folder.",
    ),
    sqlite3.SQLITE_PERM: (
        "store_read_only",
        "The database file cannot be accessed.",
        "Give this user the right to read and write the file and its folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "store_unreachable",
        "The database file cannot be opened.",
        "Check that its folder exists and may be written by this user.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "store_corrupt",
        "The database file is damaged.",
        "Stop dirsync and restore the latest backup.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "store_not_a_database",
        "The file is not an SQLite database.",
        "Check the path in DIRSYNC_DATABASE_URL.",
    ),
    sqlite3.SQLITE_IOERR: (
        "store_io_error",
        "The disk with the database reports errors.",
        "Check the disk and its free space; dirsync goes on by itself then.",
    ),
}
_SERVER_FULL = (
    "store_full",
    "The database server is out of disk space or memory.",
    "Free some space there; dirsync goes on by itself then.",
)
_REFUSED = (
    "store_unreachable",
    "The database server refuses the user or password.",
    "Check the user and password in DIRSYNC_DATABASE_URL.",
)
_SLOW = (
    "store_locked",
    "The database took too long to answer.",
    "Look for long transactions on the server; dirsync goes on by itself then.",
)
_UNREACHABLE = "Check that the database server runs and that DIRSYNC_DATABASE_URL is right."

_GONE = ("store_unreachable", "The database server cannot be reached.", _UNREACHABLE)
_POSTGRESQL: dict[str, tuple[str, str, str]] = {
    "53100": _SERVER_FULL,
    "53200": _SERVER_FULL,
    "28": _REFUSED,
    "3D": (
        "store_unreachable",
        "The database does not exist on the server.",
        "Create it with createdb, or check DIRSYNC_DATABASE_URL.",
    ),
    "25006": (
        "store_read_only",
        "The database server is read-only at the moment.",
        "Check that DIRSYNC_DATABASE_URL names the primary server.",
    ),
    "55P03": _SLOW,
    "57014": _SLOW,
    **dict.fromkeys(("08", "53", "57", "58", "XX"), _GONE),
}


@contextmanager
def explained() -> Iterator[None]:
    """Turn driver errors inside the block into `StoreError` and its kinds.

    A broken uniqueness rule passes as `sqlalchemy.exc.IntegrityError`, for the caller to judge.
    """
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.TimeoutError as error:
        raise StoreUnavailableError(
            "Every connection to the database is busy.", code="store_busy"
        ) from error
    except sa.exc.DBAPIError as error:
        raise _translate(error.orig or error) from error
    except (OSError, TimeoutError, sqlite3.Error, asyncpg.PostgresError) as error:
        raise _translate(error) from error


def is_retryable(error: sa.exc.DBAPIError) -> bool:
    """Whether PostgreSQL undid the transaction for one that ran beside it (40001, 40P01)."""
    return getattr(error.orig, "sqlstate", None) in {"40001", "40P01"}


def _translate(error: BaseException) -> StoreError:
    if isinstance(error, sqlite3.Error):
        return _from_sqlite(error)
    state = str(getattr(error, "sqlstate", None) or "")
    if state:
        return _from_postgresql(state)
    return StoreUnavailableError(
        "The database server cannot be reached.", code="store_unreachable", hint=_UNREACHABLE
    )


def _from_sqlite(error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE:
        name, message, hint = _SQLITE[code]
        return StoreUnavailableError(message, code=name, hint=hint)
    return StoreError(f"The database refused a statement: {error}.")


def _from_postgresql(state: str) -> StoreError:
    """Judge by the SQLSTATE, or its class, of PostgreSQL's manual, appendix A."""
    for length in (len(state), 2):
        if found := _POSTGRESQL.get(state[:length]):
            name, message, hint = found
            return StoreUnavailableError(message, code=name, hint=hint)
    return StoreError(f"The database refused a statement (SQLSTATE {state}).")
