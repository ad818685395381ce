"""Brings a database to the program's schema, and refuses one that is newer."""

from __future__ import annotations

import sqlalchemy as sa

from core.errors import SchemaTooNewError, StoreError
from core.store.database import Database
from core.store.faults import explained
from core.store.schema import metadata

REVISIONS = ("0001", "0002")
"""The versions of the schema, in order. Alembic is loaded only to go from one to another."""
_ADVISORY_KEY = 0x64697273796E63


async def prepare_schema(database: Database, *, migrate: bool) -> None:
    """Check the schema and, if asked, migrate an empty or older one, in one transaction.

    Several processes may do this at once: the first migrates, the others wait and find it done.
    Raises `SchemaTooNewError`, or `StoreError` (code ``schema_too_old`` without `migrate`,
    ``schema_foreign`` if the tables are not dirsync's).
    """
    with explained():
        if not migrate:
            async with database.writer.connect() as connection:
                await connection.run_sync(_check)
            return
        async with database.writer.begin() as connection:
            if database.backend == "postgresql":
                await connection.exec_driver_sql("SET LOCAL lock_timeout = '120s'")
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_KEY})")
            await connection.run_sync(_upgrade)


async def schema_versions(database: Database) -> tuple[str, str]:
    """Return the database's schema version ("none" if empty) and the program's."""
    with explained():
        async with database.writer.connect() as connection:
            return await connection.run_sync(_versions)


def _versions(connection: sa.Connection) -> tuple[str, str]:
    current = None
    if sa.inspect(connection).has_table("alembic_version"):
        current = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return current or "none", REVISIONS[-1]


def _upgrade(connection: sa.Connection) -> None:
    current, head = _versions(connection)
    _refuse_strange(connection, current)
    if current != head:
        from core.store.upgrading import upgrade  # noqa: PLC0415 - most starts need no Alembic

        upgrade(connection)


def _check(connection: sa.Connection) -> None:
    current, head = _versions(connection)
    _refuse_strange(connection, current)
    if current != head:
        empty = current == "none"
        raise StoreError(
            "The database is empty."
            if empty
            else f"The database has schema version {current}; this dirsync needs {head}.",
            code="schema_too_old",
            hint="Run dirsync db upgrade.",
        )


def _refuse_strange(connection: sa.Connection, current: str) -> None:
    if current == "none":
        ours = set(metadata.tables)
        if ours & set(sa.inspect(connection).get_table_names()):
            raise StoreError(
                "The database has tables that another program made.",
                code="schema_foreign",
                hint="Give dirsync a database of its own.",
            )
    elif current not in REVISIONS:
        raise SchemaTooNewError(
            f"The database was written by a newer dirsync (schema version {current}).",
            hint="Install that version, or restore a backup from before the upgrade.",
        )
