"""Opening, the sidecar lock, faults of the database, backup and retention."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from datetime import timedelta

import pytest

from core.errors import ConfigurationError, ConflictError, StoreError, StoreUnavailableError
from core.model.cycle import Action
from core.store.opening import open_store
from core.store.urls import parse_url
from tests.support.clocks import WallClock
from tests.support.databases import fresh_database
from tests.support.people import Desk, record

HOLD = """
import asyncio, sys
from core.store.opening import open_store
from tests.support.clocks import WallClock

async def main():
    async with await open_store(sys.argv[1], clock=WallClock(), migrate=True):
        print("open", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def refusal(url, *, migrate=True):
    with pytest.raises((StoreError, ConflictError)) as refused:
        async with await open_store(url, clock=WallClock(), migrate=migrate):
            pass
    return refused.value


@only_sqlite
async def test_a_second_process_is_refused_until_the_first_is_killed(database_url):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, database_url, stdout=asyncio.subprocess.PIPE
    )
    await process.stdout.readline()
    error = await refusal(database_url)
    assert error.code == "database_in_use"
    assert str(process.pid) in error.message
    process.kill()
    await process.communicate()
    async with await open_store(database_url, clock=WallClock(), migrate=False) as store:
        assert await store.maintenance.ping() < 5


@only_sqlite
async def test_a_second_opening_in_the_same_process_is_refused(database_url, store):
    assert (await refusal(database_url)).code == "database_in_use"
    await store.aclose()
    await store.aclose()
    async with await open_store(database_url, clock=WallClock(), migrate=False):
        pass


@only_sqlite
async def test_whoever_removes_the_lock_file_lets_no_second_process_write(store, clock):
    desk = Desk(store, clock)
    lock = store.path.with_name(f"{store.path.name}.lock")
    lock.unlink()
    await desk.configure()
    with pytest.raises(ConflictError):
        await open_store(f"sqlite:///{store.path}", clock=clock, migrate=False)
    lock.unlink()
    async with await open_store(f"sqlite:///{store.path}", clock=clock, migrate=False):
        with pytest.raises(StoreUnavailableError) as refused:
            await desk.queue()
        assert refused.value.code == "store_taken"
    await desk.queue()


@only_sqlite
async def test_opening_ends_the_leases_of_a_dead_process(database_url, clock):
    async with await open_store(database_url, clock=clock, migrate=False) as store:
        desk = Desk(store, clock)
        await desk.configure()
        await desk.begin()
    async with await open_store(database_url, clock=clock, migrate=False) as store:
        assert (await Desk(store, clock).claim("next")).resumed


async def test_a_file_that_is_no_database_is_named_so(tmp_path):
    (tmp_path / "notes.db").write_bytes(b"not a database, " * 500)
    assert (await refusal(f"sqlite:///{tmp_path}/notes.db")).code == "store_not_a_database"


async def test_a_folder_that_cannot_be_written_is_named_so(tmp_path):
    error = await refusal(f"sqlite:///{tmp_path}/missing/dirsync.db")
    assert (error.code, isinstance(error, StoreUnavailableError)) == ("store_read_only", True)


async def test_a_server_that_is_not_there_is_named_so():
    error = await refusal("postgresql://ada:secret@127.0.0.1:1/dirsync")
    assert error.code == "store_unreachable"
    assert "secret" not in str(error)


@only_sqlite
async def test_a_damaged_file_is_named_so(database_url, store, clock, tmp_path):
    desk = Desk(store, clock)
    await desk.configure()
    await desk.cycle([record(f"p{n}") for n in range(200)])
    await store.aclose()
    path = tmp_path / "dirsync.db"
    content = bytearray(path.read_bytes())
    content[4096 * 4 :] = b"\xff" * (len(content) - 4096 * 4)
    path.write_bytes(content)
    codes = set()
    try:
        async with await open_store(database_url, clock=clock, migrate=False) as damaged:
            await damaged.people.search()
    except StoreUnavailableError as error:
        codes.add(error.code)
    assert codes == {"store_corrupt"}


@only_sqlite
async def test_a_full_disk_is_named_so_and_work_goes_on_afterwards(store, clock):
    desk = Desk(store, clock)
    await desk.configure()
    [[pages]] = await desk.sql("SELECT page_count FROM pragma_page_count")
    await _limit(desk, pages + 2)
    with pytest.raises(StoreUnavailableError) as refused:
        await desk.cycle([record(f"p{n}") for n in range(500)])
    assert refused.value.code == "store_full"
    assert await store.people.count() == 0
    await _limit(desk, 1_000_000)
    fence = (await desk.store.cycles.list(limit=1))[0]
    assert fence.result is None
    await store.settings.set("still", "here")


async def _limit(desk, pages):
    database = desk.store.maintenance._database
    async with database.writer.connect() as connection:
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


@only_sqlite
async def test_a_file_locked_by_another_program_is_named_so_and_reading_goes_on(
    store, clock, tmp_path
):
    desk = Desk(store, clock)
    await desk.configure()
    async with store.maintenance._database.writer.connect() as connection:
        await connection.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "dirsync.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError) as refused:
            await store.settings.set("a", "1")
        assert refused.value.code == "store_locked"
        assert len(await store.configurations.all()) == 1
    finally:
        other.close()
    await store.settings.set("a", "1")


@only_sqlite
async def test_a_backup_taken_while_work_goes_on_is_whole(store, clock, tmp_path):
    desk = Desk(store, clock)
    await desk.configure()
    await desk.cycle([record(f"p{n}") for n in range(2_000)])
    steps = []
    target = tmp_path / "copy.db"
    backup = asyncio.create_task(
        store.maintenance.backup(target, progress=lambda done, total: steps.append((done, total)))
    )
    for n in range(10):
        await desk.cycle([record(f"q{n}-{m}") for m in range(50)])
    await backup
    assert steps[-1][0] == steps[-1][1]
    async with await open_store(f"sqlite:///{target}", clock=clock, migrate=False) as copy:
        assert await copy.people.count() in range(2_000, 2_501, 50)
    with pytest.raises(ConflictError) as refused:
        await store.maintenance.backup(target, progress=None)
    assert refused.value.code == "file_exists"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_backup_of_postgresql_points_to_its_own_tool(store, tmp_path):
    with pytest.raises(StoreError) as refused:
        await store.maintenance.backup(tmp_path / "copy.dump", progress=None)
    assert refused.value.code == "use_pg_dump"
    assert "pg_dump" in refused.value.hint


async def test_retention_erases_old_details_and_keeps_the_counts(store, clock):
    desk = Desk(store, clock)
    await desk.configure()
    await desk.cycle([record("ann")])
    clock.time += timedelta(days=401)
    await desk.cycle(
        [record("ann"), record("bob")],
        lambda pair: Action.NOTHING if pair.user_id else Action.CREATE,
    )
    purged = await store.maintenance.purge(before=clock.now() - timedelta(days=400))
    assert purged["changes"] == 1
    ann, bob = [await store.people.by_email(f"{name}@example.com") for name in ("ann", "bob")]
    assert (await store.people.history(ann.id))[0].after == {}
    assert (await store.people.history(bob.id))[0].after == {"title": "Engineer"}
    assert [cycle.counts.created for cycle in await store.cycles.list()] == [1, 1]


@pytest.fixture
def both_urls(tmp_path):
    with (
        fresh_database("sqlite", tmp_path) as sqlite_url,
        fresh_database("postgresql", tmp_path) as postgresql_url,
    ):
        yield sqlite_url, postgresql_url


async def test_twins_have_one_digest_on_either_database_and_a_change_gives_another(
    both_urls, clock
):
    digests = []
    for url in both_urls:
        async with await open_store(url, clock=clock, migrate=False) as twin:
            desk = Desk(twin, clock)
            await desk.configure(licenses=5)
            await desk.cycle([record("ann"), record("bob")])
            digests.append([await twin.maintenance.digest()])
            await desk.cycle([record("ann")], Action.NOTHING, Action.DISABLE)
            digests[-1].append(await twin.maintenance.digest())
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[0][1]


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("sqlite:///a%20b.db", "sqlite:///a b.db"),
        ("postgresql://ada:s3cret@db/x?sslmode=require", "postgresql://ada:***@db/x"),
        ("postgres:///x?host=/run/pg", "postgresql:///x?host=%2Frun%2Fpg"),
    ],
)
def test_a_url_is_understood_and_shown_without_its_password(url, redacted):
    assert parse_url(url).redacted == redacted


def test_sslmode_reaches_the_driver():
    assert parse_url("postgresql://db/x?sslmode=verify-full").arguments["ssl"] == "verify-full"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://db/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "postgresql://db:port/x",
        "postgresql://db/x?sslmode=maybe",
        "postgresql://db/x?surprise=1",
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url):
    with pytest.raises(ConfigurationError):
        parse_url(url)
