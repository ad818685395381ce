"""What SQLAlchemy needs of a cursor comes with one turn of SQLite's thread."""

from __future__ import annotations

import logging

import pytest
import pytest_asyncio

from core.store.sqlite_driver import connect


@pytest_asyncio.fixture
async def connection():
    opened = await connect(":memory:", isolation_level=None)
    await opened.cursor().execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    yield opened
    await opened.close()


async def done(connection, sql: str, parameters=()):
    return await connection.cursor().execute(sql, parameters)


async def test_a_statement_brings_its_rows_and_what_is_said_of_them(connection):
    added = await done(connection, "INSERT INTO t (name) VALUES (?) RETURNING id, name", ("ann",))
    assert [column[0] for column in added.description] == ["id", "name"]
    assert await added.fetchall() == [(1, "ann")]
    plain = await done(connection, "INSERT INTO t (name) VALUES (:name)", {"name": "bob"})
    assert (plain.description, plain.rowcount, plain.lastrowid) == (None, 1, 2)
    changed = await done(connection, "UPDATE t SET name = 'eve'")
    assert (changed.rowcount, await changed.fetchall()) == (2, [])
    many = await connection.cursor().executemany(
        "INSERT INTO t (name) VALUES (?)", [("a",), ("b",), ("c",)]
    )
    assert (many.description, many.rowcount) == (None, 3)
    nobody = await done(connection, "SELECT id FROM t WHERE name = 'nobody'")
    assert ([column[0] for column in nobody.description], await nobody.fetchall()) == (["id"], [])


@pytest.mark.parametrize(
    "sql", ["SELECT id, name FROM t", "INSERT INTO t (name) VALUES ('x')", "BEGIN IMMEDIATE"]
)
async def test_a_statement_is_one_turn_of_the_thread(connection, caplog, sql):
    """aiosqlite logs each turn; four would cost more than a short statement itself."""
    caplog.set_level(logging.DEBUG, logger="aiosqlite")
    cursor = await done(connection, sql)
    await cursor.fetchall()
    await cursor.close()
    turns = [record for record in caplog.records if record.msg.startswith("executing")]
    assert len(turns) == 1
