"""The schema's history, on both databases."""

from __future__ import annotations

import asyncio
import sys

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import SchemaTooNewError, StoreError
from core.model.configuration import DEFAULT_ACCOUNT
from core.store.database import Database
from core.store.migrating import REVISIONS
from core.store.opening import open_store
from core.store.schema import metadata
from core.store.upgrading import alembic_config
from core.store.urls import parse_url
from tests.support.clocks import WallClock

pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based"),
]
"""SQLAlchemy reads no such index from SQLite; on PostgreSQL it is compared."""

OPEN = """
import asyncio, sys
from core.store.opening import open_store
from tests.support.clocks import WallClock

async def main():
    async with await open_store(sys.argv[1], clock=WallClock(), migrate=True) as store:
        print(*await store.maintenance.schema())

asyncio.run(main())
"""


async def on(url, work):
    """Run `work` on a plain connection, in a transaction."""
    database = Database(
        parse_url(url), clock=WallClock(), account_id=DEFAULT_ACCOUNT, lease_seconds=60
    )
    try:
        async with database.writer.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await database.aclose()


def empty(connection):
    """Take everything out of the database."""
    found = sa.MetaData()
    found.reflect(connection)
    found.drop_all(connection)


def set_version(version):
    return lambda c: c.execute(sa.text(f"UPDATE alembic_version SET version_num = '{version}'"))


async def opened(url, *, migrate):
    async with await open_store(url, clock=WallClock(), migrate=migrate) as store:
        return await store.maintenance.schema()


def _comparable(connection):
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": False}
    )
    return compare_metadata(context, metadata)


async def test_all_migrations_give_exactly_the_tables_of_the_schema(database_url):
    assert await on(database_url, _comparable) == []


async def test_the_comparison_sees_a_missing_column(database_url):
    def drop(connection):
        connection.execute(sa.text("ALTER TABLE audit DROP COLUMN reason"))
        return _comparable(connection)

    assert [difference[0] for difference in await on(database_url, drop)] == ["add_column"]


def _definition(inspector, table):
    columns = inspector.get_columns(table)
    indexes = inspector.get_indexes(table)
    return (
        sorted((c["name"], str(c["type"]), c["nullable"], c["default"]) for c in columns),
        sorted((i["name"], i["column_names"], i["unique"], _where(i)) for i in indexes),
        inspector.get_pk_constraint(table)["constrained_columns"],
        [key["referred_table"] for key in inspector.get_foreign_keys(table)],
    )


def _where(index):
    return [(name, str(value)) for name, value in sorted(index["dialect_options"].items())]


async def test_migrations_make_the_same_statements_as_the_schema(database_url):
    def definitions(connection):
        inspector = sa.inspect(connection)
        return {table: _definition(inspector, table) for table in metadata.tables}

    def recreated(connection):
        empty(connection)
        metadata.create_all(connection)
        return definitions(connection)

    assert await on(database_url, definitions) == await on(database_url, recreated)


async def test_an_empty_database_is_migrated_on_request_only(database_url):
    await on(database_url, empty)
    with pytest.raises(StoreError) as refused:
        await opened(database_url, migrate=False)
    assert refused.value.code == "schema_too_old"
    assert refused.value.message == "The database is empty."
    database, program = await opened(database_url, migrate=True)
    assert database == program != "none"
    assert await opened(database_url, migrate=False) == (database, program)


async def test_a_newer_schema_is_refused_and_left_alone(database_url):
    await on(database_url, set_version("9999"))
    for migrate in (False, True):
        with pytest.raises(SchemaTooNewError) as refused:
            await opened(database_url, migrate=migrate)
        assert refused.value.code == "schema_too_new"
    version = await on(
        database_url, lambda c: c.execute(sa.text("SELECT * FROM alembic_version")).scalar()
    )
    assert version == "9999"


async def test_tables_of_another_program_are_refused(database_url):
    def foreign(connection):
        empty(connection)
        connection.execute(sa.text("CREATE TABLE users (id INTEGER)"))

    await on(database_url, foreign)
    with pytest.raises(StoreError) as refused:
        await opened(database_url, migrate=True)
    assert refused.value.code == "schema_foreign"


async def test_a_failed_migration_leaves_the_database_as_it_was(database_url):
    await on(database_url, empty)

    def broken(connection):
        command.upgrade(alembic_config(connection), "head")
        connection.execute(sa.text("SELECT * FROM no_such_table"))

    with pytest.raises(sa.exc.DBAPIError):
        await on(database_url, broken)
    tables = await on(database_url, lambda c: sa.inspect(c).get_table_names())
    assert [name for name in tables if name != "alembic_version"] == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_processes_that_start_at_once_on_an_empty_database_all_succeed(database_url):
    await on(database_url, empty)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPEN, database_url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    said = [(await process.communicate())[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert all(database == program for database, program in said)


def test_the_versions_that_a_start_compares_are_those_of_the_migrations():
    with sa.create_engine("sqlite://").connect() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
    assert tuple(reversed([each.revision for each in scripts.walk_revisions()])) == REVISIONS
