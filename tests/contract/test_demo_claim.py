"""A demo claims an empty database and its own, and nobody else's, on both databases."""

import asyncio
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from core.errors import ConflictError
from core.store.database import Database
from core.store.demo import claim_for_demo
from core.store.opening import open_store
from core.store.urls import parse_url
from tests.support.clocks import WallClock
from tests.support.databases import BACKENDS, fresh_database

CLOCK = WallClock()


async def statements(url: str, *texts: str) -> None:
    database = Database(parse_url(url), clock=CLOCK, account_id="default", lease_seconds=60)
    try:
        async with database.writer.begin() as connection:
            for text in texts:
                await connection.execute(sa.text(text))
    finally:
        await database.aclose()


@pytest.fixture(params=BACKENDS)
def empty(request, tmp_path) -> Iterator[str]:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    with fresh_database("postgresql", tmp_path) as url:
        asyncio.run(statements(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"))
        yield url


@pytest.fixture(params=BACKENDS)
def installed(request, tmp_path) -> Iterator[str]:
    """The URL of a real installation's database."""
    with fresh_database(request.param, tmp_path) as url:
        yield url


async def test_an_empty_database_is_claimed_and_stays_the_demos(empty):
    for _ in range(2):
        await claim_for_demo(empty, clock=CLOCK)
    async with await open_store(empty, clock=CLOCK, migrate=False) as store:
        assert await store.configurations.all() == []


async def test_a_real_installation_is_left_alone(installed):
    for _ in range(2):
        with pytest.raises(ConflictError) as refused:
            await claim_for_demo(installed, clock=CLOCK)
        assert refused.value.code == "not_a_demo"


async def test_another_programs_tables_are_left_alone(empty):
    await statements(empty, "CREATE TABLE settings (key TEXT)", "CREATE TABLE wages (pay INTEGER)")
    with pytest.raises(ConflictError) as refused:
        await claim_for_demo(empty, clock=CLOCK)
    assert refused.value.code == "not_a_demo"


async def test_a_database_in_use_is_refused_on_sqlite(tmp_path):
    url = f"sqlite:///{tmp_path}/busy.db"
    async with await open_store(url, clock=CLOCK, migrate=True):
        with pytest.raises(ConflictError) as refused:
            await claim_for_demo(url, clock=CLOCK)
    assert refused.value.code == "database_in_use"
