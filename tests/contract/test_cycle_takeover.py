"""What becomes of a cycle whose worker sleeps, dies or is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.engine.cycle import run_cycle
from core.errors import FencedError
from core.model.configuration import Guard
from core.model.cycle import CycleResult, CycleState
from core.store.opening import Store, open_store
from tests.support.clocks import WallClock
from tests.support.databases import BACKENDS, fresh_database
from tests.support.engine_world import configuration
from tests.support.figures import FULL
from tests.support.paused_cycle import PEOPLE, directory
from tests.support.scripted_directory import ScriptedDirectory, people, person, team
from tests.support.store_world import APPLYING, StoreWorld, store_world

LEASE = 2.5
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=BACKENDS)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Give two databases of one kind: one to disturb, and its undisturbed twin."""
    for name in ("one", "twin"):
        (tmp_path / name).mkdir()
    with (
        fresh_database(request.param, tmp_path / "one") as one,
        fresh_database(request.param, tmp_path / "twin") as twin,
    ):
        yield one, twin


async def opened(url: str, *, exclusive: bool = True) -> Store:
    return await open_store(
        url, clock=WallClock(), lease_seconds=LEASE, migrate=False, exclusive=exclusive
    )


async def in_world(store: Store) -> StoreWorld:
    return StoreWorld(store, WallClock(), directory(), configuration())


@asynccontextmanager
async def sleeper(url: str, phase: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.paused_cycle",
        url,
        str(LEASE),
        phase,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("phase", ["stage", "create_newcomers", "apply"])
async def test_a_worker_that_slept_past_its_lease_writes_nothing_when_it_wakes(urls, phase):
    url, twin = urls
    shared = url.startswith("postgresql")
    async with await opened(url) as store:
        world = await in_world(store)
        await world.apply()
        await world.queue()
    async with sleeper(url, phase) as process:
        for _ in range(3):
            assert (await process.stdout.readline()).decode().strip() == phase
        os.kill(process.pid, signal.SIGSTOP)
        await asyncio.sleep(LEASE + 0.3)
        async with await opened(url, exclusive=False) as store:
            if shared:
                outcome = await (await in_world(store)).run()
                assert outcome.result is CycleResult.SUCCESS
            before = await store.maintenance.digest()
        os.kill(process.pid, signal.SIGCONT)
        said = (await process.communicate())[0].decode().split()
        assert said[-1] == "fenced"
    async with await opened(url, exclusive=shared is False) as store:
        assert await store.maintenance.digest() == before
        if not shared:
            assert (await (await in_world(store)).run()).result is CycleResult.SUCCESS
        assert await store.people.count() == PEOPLE
        disturbed = await store.maintenance.digest()
    assert disturbed == await undisturbed(twin)


async def undisturbed(url: str) -> str:
    async with await opened(url) as store:
        world = await in_world(store)
        await world.apply()
        await world.queue()
        await world.run()
        return await store.maintenance.digest()


class Killed(BaseException):
    """The process is gone: nothing handles this."""


class Dying:
    """A store for the engine that dies at its n-th call, before or after the call took effect."""

    def __init__(self, inner: object, *, calls: int, after: bool) -> None:
        self._inner = inner
        self._fatal = calls
        self._after = after
        self.made = 0

    def __getattr__(self, name: str) -> object:
        found = getattr(self._inner, name)
        return self._dying(found) if asyncio.iscoroutinefunction(found) else found

    def _dying(self, call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def once(*args: object, **more: object) -> object:
            self.made += 1
            fatal = self.made == self._fatal
            if fatal and not self._after:
                raise Killed
            answer = await call(*args, **more)
            if fatal:
                raise Killed
            return answer

        return once


def changed_directory() -> ScriptedDirectory:
    found = ScriptedDirectory(people(30), [team("a", ["u1", "u2"]), team("b", ["u3"])])
    found.remove("u4", "u5")
    found.change("u6", active=False)
    found.change("u7", email="u8@example.com")
    found.change("u8", email="u7@example.com")
    found.change("u9", attributes={"shirt": "XL"})
    found.people += [person("new1"), person("new2"), person("twin", email="NEW1@example.com")]
    found.people.append(person("last"))
    return found


async def second_cycle(world: StoreWorld, calls: int, *, after: bool) -> int:
    """Run a cycle of many changes that dies at a call, and its take-over; the calls it made."""
    await world.cycle()
    world.directory.people = changed_directory().people
    world.directory.teams = changed_directory().teams
    queued = await world.queue()
    ctx = world.context(await world.claim("first"), batch=3)
    store = Dying(world.store.sync, calls=calls, after=after)
    try:
        await run_cycle(replaced(ctx, store))
    except Killed:
        await world.store.cycles.expire_now()
        if (await world.store.cycles.get(queued.id)).state is not CycleState.FINISHED:
            await run_cycle(world.context(await world.claim("second"), batch=3))
    return store.made


def replaced(ctx: object, store: object) -> object:
    return replace(ctx, store=store, progress_every=1000.0)


CALLS = 28
KILLED_AT = list(range(1, CALLS + 1)) if FULL else [8, 18, 22, 23, 27, 28]
SPEC = {"mapping": {"shirt_size": "shirt"}, "guard": Guard(percent=10, minimum=5)}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("calls", KILLED_AT)
async def test_a_cycle_killed_anywhere_ends_as_one_that_was_not_killed(urls, calls, after):
    digests = []
    for url, at in zip(urls, (calls, -1), strict=True):
        async with store_world(url, people(30), [team("a", ["u1"])], **SPEC) as world:
            made = await second_cycle(world, at, after=after)
            assert made == (at if at > 0 else CALLS), "KILLED_AT leaves a call of the cycle out"
            digests.append(await world.store.maintenance.digest())
    assert digests[0] == digests[1]


async def test_a_taken_over_cycle_is_guarded_by_the_limit_it_began_with(database_url):
    async with store_world(database_url, people(60)) as world:
        await world.cycle()
        world.directory.people = [*people(53), *people(40, 100)]
        await world.queue()
        claim = await world.claim("first")
        ctx = world.context(claim, batch=10)
        provisioned = world.store.sync.provisioned
        before = await provisioned(claim.fence)
        await run_until_killed(world, ctx)
        assert await world.store.people.count() > 60
        await world.store.cycles.expire_now()
        again = await world.claim("second")
        assert await provisioned(again.fence) == before
        outcome = await run_cycle(world.context(again))
        assert outcome.error.code == "held_by_guard"


async def run_until_killed(world: StoreWorld, ctx: object) -> None:
    class DiesInApply(Dying):
        def __getattr__(self, name: str) -> object:
            found = getattr(self._inner, name)
            return self._dying(found) if name in APPLYING else found

    with pytest.raises(Killed):
        await run_cycle(replaced(ctx, DiesInApply(world.store.sync, calls=3, after=True)))


async def test_an_epoch_that_is_over_cannot_write_or_end_the_cycle(database_url):
    async with store_world(database_url, people(5)) as world:
        await world.queue()
        old = await world.claim("first")
        await world.store.cycles.expire_now()
        new = await world.claim("second")
        assert new.fence.epoch > old.fence.epoch
        with pytest.raises(FencedError):
            await run_cycle(world.context(old))
        outcome = await run_cycle(world.context(new))
        assert outcome.result is CycleResult.SUCCESS


async def test_a_configuration_disabled_while_its_cycle_runs_is_not_written_to(database_url):
    async with store_world(database_url, people(5)) as world:
        queued = await world.queue()
        claim = await world.claim()
        await world.store.lifecycle.set_enabled(claim.configuration.id, False, audit=world.audit())
        with pytest.raises(FencedError):
            await run_cycle(world.context(claim))
        cycle = await world.store.cycles.get(queued.id)
        assert cycle.result is CycleResult.CANCELLED
        assert await world.store.people.count() == 0
