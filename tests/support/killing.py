"""`dirsync run` as a process to be killed at any moment, and an undisturbed twin."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from bot.app import LogNotifier
from core.app import Core, SystemClock, open_core
from core.model.account import Actor, Role
from core.model.configuration import ConfigurationSpec, Guard, ScimSettings
from core.model.cycle import Cycle, CycleState
from core.settings import Settings
from core.store.database import Transaction
from core.store.opening import Store, open_store
from tests.support.cli import spawn
from tests.support.scim_backend import TOKEN, ScimBackend

ROOT = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")
LEASE = "2"
PAGE = 40
PATIENCE = 60.0
_OPEN = (
    "SELECT (SELECT count(*) FROM cycles WHERE state <> 'finished'),"
    " (SELECT count(*) FROM invitations WHERE state = 'pending' AND sent_at IS NULL),"
    " (SELECT count(*) FROM outbox WHERE state = 'pending')"
)


def environment(database_url: str, smtp_url: str) -> dict[str, str]:
    """Return what the processes of these tests are given."""
    return {
        "DIRSYNC_DATABASE_URL": database_url,
        "DIRSYNC_LEASE_SECONDS": LEASE,
        "DIRSYNC_ALLOW_NETWORKS": "127.0.0.0/8",
        "DIRSYNC_HTTP_BIND": "127.0.0.1:0",
        "DIRSYNC_SMTP_URL": smtp_url,
        "DIRSYNC_CREDENTIAL_T": TOKEN,
    }


class Company:
    """A few hundred people at a real SCIM server, of whom some leave and others join."""

    def __init__(self, backend: ScimBackend, people: int) -> None:
        self.backend = backend
        self.version = 0
        self._people = backend.add_people(people)
        for n in range(5):
            backend.add_group(f"Team {n}", users=self._people[n * 20 : n * 20 + 20])

    def turn(self) -> None:
        """Ten leave, fifteen join, five change."""
        self.version += 1
        for person in self._people[:10]:
            self.backend.delete(person)
        joined = self.backend.add_people(15, prefix=f"v{self.version}-")
        self._people = self._people[10:] + joined
        for person in self._people[:5]:
            self.backend.patch(person, "displayName", f"Renamed {self.version}")


def configured(url: str) -> ConfigurationSpec:
    """Return the configuration of both twins; the guard lets everything here through."""
    return ConfigurationSpec(
        name="people-scim",
        provider=ScimSettings(
            url=url, token="env:DIRSYNC_CREDENTIAL_T", page_size=PAGE, delta=False
        ),
        guard=Guard(percent=100, minimum=1000),
    )


class Life:
    """One process of `dirsync run`, from its start to its end."""

    def __init__(self, environ: Mapping[str, str], folder: Path, *, slack: bool = False) -> None:
        arguments = ("run",) if slack else ("run", "--no-slack")
        self._process = spawn(arguments, {**os.environ, **environ}, folder)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    def says(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def wait_for(self, *words: str, within: float = PATIENCE) -> str:
        """Wait until one of these words is said; return it."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            for each in words:
                if self.says(each):
                    return each
            if self._process.poll() is not None:
                break
            time.sleep(0.005)
        raise AssertionError(f"never said {words}: {''.join(self.lines)}")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end and return the exit status."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        status = self._process.wait(timeout=60)
        self._reader.join(timeout=30)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return status


class Twins:
    """Two databases to which the same happens: the victim's process is killed, the other's not."""

    def __init__(self, victim: dict[str, str], twin: dict[str, str], folder: Path) -> None:
        self.victim = victim
        self.twin = twin
        self.folder = folder

    def live(self) -> Life:
        """Start the victim's process."""
        return Life(self.victim, self.folder)

    def prepare(self, url: str) -> None:
        """Give both the same configuration."""
        for environ in (self.victim, self.twin):
            asyncio.run(_configure(environ["DIRSYNC_DATABASE_URL"], configured(url)))

    def undisturbed(self) -> float:
        """Run the twin's cycle to its end; return the seconds that it took."""
        return asyncio.run(_undisturbed(Settings.from_environment(self.twin)))

    def queue(self) -> None:
        """Queue the victim's cycle; nobody runs."""
        asyncio.run(_queue(Settings.from_environment(self.victim)))

    def waiting(self) -> tuple[int, int, int]:
        """Return the victim's open cycles, unsent invitations and undelivered messages."""
        return asyncio.run(_read_one(self.victim["DIRSYNC_DATABASE_URL"], _OPEN))

    def let_claims_end(self) -> None:
        """Let the two minutes pass for which a dead process had claimed messages."""
        asyncio.run(_end_claims(self.victim["DIRSYNC_DATABASE_URL"]))

    def finish(self, life: Life) -> None:
        """Wait until the victim has nothing left to do."""
        until = time.monotonic() + PATIENCE
        while any(self.waiting()):
            assert time.monotonic() < until, f"still waiting: {self.waiting()} {life.lines[-5:]}"
            time.sleep(0.1)

    def digests(self) -> tuple[str, str]:
        """Return the contents' digests of the victim and its twin."""
        return asyncio.run(_digest(self.victim)), asyncio.run(_digest(self.twin))

    def tables(self, sql: str) -> tuple[list[Any], list[Any]]:
        """Return what a query finds in both."""
        found = [asyncio.run(_rows(each, sql)) for each in (self.victim, self.twin)]
        return found[0], found[1]

    def cycles(self) -> tuple[list[Cycle], list[Cycle]]:
        """Return both's cycles, oldest first."""
        found = [asyncio.run(_cycles(each)) for each in (self.victim, self.twin)]
        return found[0], found[1]


async def _opened(environ: Mapping[str, str]) -> Store:
    return await open_store(environ["DIRSYNC_DATABASE_URL"], clock=SystemClock(), migrate=False)


async def _configure(url: str, spec: ConfigurationSpec) -> None:
    clock = SystemClock()
    async with await open_store(url, clock=clock, migrate=True) as store:
        await store.configurations.apply([spec], licenses_total=100, by=ROOT, now=clock.now())


async def _queue(settings: Settings) -> None:
    async with open_core(settings, notifier=None, background=False) as core:
        await core.sync.request(ROOT, None)


def _log_notifier(core: Core) -> LogNotifier:
    del core
    return LogNotifier()


async def _undisturbed(settings: Settings) -> float:
    async with open_core(settings, notifier=_log_notifier, background=True, ticks=False) as core:
        began = time.monotonic()
        cycle = await core.sync.request(ROOT, None)
        async with asyncio.timeout(PATIENCE):
            async for told in core.sync.wait(cycle.id, poll=0.01):
                cycle = told
            took = time.monotonic() - began
            while any(await core.store.people._database.read(_open_things)):  # noqa: ASYNC110 - the database rings no bell
                await asyncio.sleep(0.02)
        assert cycle.state is CycleState.FINISHED
        return took


async def _open_things(tx: Transaction) -> tuple[int, ...]:
    row = await tx.first(_OPEN)
    assert row is not None
    return tuple(row)


async def _read_one(url: str, sql: str) -> tuple[int, int, int]:
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)
        try:
            row = connection.execute(sql).fetchone()
        finally:
            connection.close()
        return row[0], row[1], row[2]
    server = await asyncpg.connect(url)
    try:
        found = await server.fetchrow(sql)
    finally:
        await server.close()
    return found[0], found[1], found[2]


async def _end_claims(url: str) -> None:
    async def work(tx: Transaction) -> None:
        for table in ("invitations", "outbox"):
            await tx.run(f"UPDATE {table} SET claimed_until = 0 WHERE claimed_until IS NOT NULL")

    async with await open_store(url, clock=SystemClock(), migrate=False) as store:
        await store.people._database.write(work)


async def _digest(environ: Mapping[str, str]) -> str:
    async with await _opened(environ) as store:
        return await store.maintenance.digest()


async def _rows(environ: Mapping[str, str], sql: str) -> list[Any]:
    async def work(tx: Transaction) -> list[Any]:
        return [tuple(row) for row in await tx.rows(sql)]

    async with await _opened(environ) as store:
        return await store.people._database.read(work)


async def _cycles(environ: Mapping[str, str]) -> list[Cycle]:
    async with await _opened(environ) as store:
        return list(reversed(await store.cycles.list(limit=1000)))
