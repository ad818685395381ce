"""A database that is used again is as fresh as a new one."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.support.databases import fresh_database

WRITTEN = "INSERT INTO settings VALUES ('somebody', 'key', 'value')"


def left_by(tmp_path, statement):
    """Return the URL of a fresh database on which this was run, by a connection left open."""
    with asyncio.Runner() as runner:
        with fresh_database("postgresql", tmp_path) as url:
            connection = runner.run(asyncpg.connect(url))
            runner.run(connection.execute(statement))
        with pytest.raises(asyncpg.PostgresConnectionError):
            runner.run(connection.fetch("SELECT 1"))
    return url


def found(tmp_path, query):
    """Return the URL of the next fresh database, and the value that a query finds there."""

    async def value(url):
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    with fresh_database("postgresql", tmp_path) as url:
        return url, asyncio.run(value(url))


@pytest.mark.parametrize(
    ("statement", "query"),
    [
        (WRITTEN, "SELECT value FROM settings"),
        (f"BEGIN; {WRITTEN}; LOCK TABLE settings", "SELECT value FROM settings"),
        (
            "UPDATE alembic_version SET version_num = '9999'",
            "SELECT version_num FROM alembic_version WHERE version_num = '9999'",
        ),
        ("CREATE TEMPORARY TABLE kept (x INTEGER)", "SELECT to_regclass('pg_temp.kept')::text"),
    ],
)
def test_what_was_written_is_gone_and_the_database_is_used_again(tmp_path, statement, query):
    used = left_by(tmp_path, statement)
    assert found(tmp_path, query) == (used, None)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE memberships",
        "ALTER TABLE settings ADD more INTEGER",
        "CREATE TABLE wages (pay INTEGER)",
        "DROP SCHEMA public CASCADE",
    ],
)
def test_a_database_whose_tables_were_changed_is_not_used_again(tmp_path, statement):
    changed = left_by(tmp_path, statement)
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'settings'"
    other, count = found(tmp_path, columns)
    assert other != changed
    assert count == 3
