"""Delta cycles over every real counterpart, whole: read, decided, stored with the watermark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from core.model.account import UserStatus
from core.model.configuration import Guard
from core.model.cycle import CycleResult
from tests.contract.providers.harness import HARNESSES, Backend, Person, crowd
from tests.support.clocks import AheadClock
from tests.support.store_world import StoreWorld, store_world

WHO = ("scim-index", "scim-cursor", "csv-file", "csv-url", "entra-secret", "okta-token", "ldap")
TELL_WHO_IS_GONE = frozenset({"scim-index", "scim-cursor", "entra-secret"})
"""Those of which a delta shows that somebody is gone; the others take the daily full cycle."""


@pytest.fixture(scope="module", params=WHO)
def shared(request: pytest.FixtureRequest) -> Iterator[tuple]:
    start, harness = HARNESSES[request.param]
    with start() as common:
        yield request.param, common, harness


@pytest.fixture
async def backend(shared: tuple, tmp_path: Path) -> AsyncIterator[Backend]:
    name, common, harness = shared
    (tmp_path / "directory").mkdir()
    async with harness(tmp_path / "directory", common) as running:
        running.name = name
        yield running


@asynccontextmanager
async def reading(backend: Backend, url: str, **spec: object) -> AsyncIterator[StoreWorld]:
    """Open a store whose cycles read the backend, each through a provider of its own."""
    usual = {"guard": Guard(minimum=9), "mapping": {"title": "title"}}
    async with store_world(url, **usual | spec) as world:
        yield world


async def cycle(backend: Backend, world: StoreWorld, **more: object) -> tuple:
    world.directory = await backend.open(page_size=10)
    try:
        return await world.cycle(**more)
    finally:
        await world.directory.aclose()


async def status(world: StoreWorld, key: str) -> UserStatus:
    found = await world.person(Person(key=key).email)
    assert found is not None
    return found.status


async def test_what_changed_arrives_and_a_quiet_cycle_reads_nothing_much(backend, database_url):
    await backend.start([Person(key=f"p{n:04d}", groups=("all",)) for n in range(12)])
    async with reading(backend, database_url) as world:
        _, first = await cycle(backend, world)
        assert (first.reading, first.counts.created) == ("full", 12)
        _, quiet = await cycle(backend, world)
        assert (quiet.reading, quiet.reading_note, quiet.counts.changed) == ("delta", "", 0)
        await backend.rename("p0001", "Director")
        await backend.disable("p0002")
        await backend.add(Person(key="eve"))
        outcome, changed = await cycle(backend, world)
        assert outcome.result is CycleResult.SUCCESS
        counts = changed.counts
        assert (counts.created, counts.updated, counts.disabled) == (1, 1, 1)
        if backend.lists_changes:
            assert (changed.reading, changed.reading_note) == ("delta", "")
        else:
            assert changed.reading_note == "The file changed, so all of it was read."
        assert await status(world, "p0002") is UserStatus.DISABLED
        _, again = await cycle(backend, world)
        assert (again.reading, again.counts.changed) == ("delta", 0)


async def test_who_is_deleted_is_never_removed_by_a_delta_alone(backend, database_url):
    await backend.start(crowd(9))
    async with reading(backend, database_url) as world:
        await cycle(backend, world)
        await backend.delete("p0003")
        _, second = await cycle(backend, world)
        if backend.name in TELL_WHO_IS_GONE or not backend.lists_changes:
            assert second.reading == "full"
            assert second.reading_note
        else:
            assert (second.reading, second.counts.disabled) == ("delta", 0)
            world.clock.time += timedelta(hours=25)
            _, second = await cycle(backend, world)
        assert second.proof.proven
        assert second.counts.disabled == 1
        assert await status(world, "p0003") is UserStatus.DISABLED


async def test_a_watermark_that_means_nothing_any_more_reads_everything_with_a_note(
    backend, database_url
):
    await backend.start(crowd(5))
    async with reading(backend, database_url) as world:
        await cycle(backend, world)
        await backend.rename("p0001", "Director")
        await world.sql("UPDATE watermarks SET mark = 'of another age'")
        outcome, second = await cycle(backend, world)
        assert outcome.result is CycleResult.SUCCESS
        assert second.reading == "full"
        assert "does not list changes that far back" in second.reading_note
        assert second.counts.updated == 1
        _, third = await cycle(backend, world)
        assert third.reading == "delta", "the full one left a good one"
        world.clock.time += timedelta(hours=25)
        _, daily = await cycle(backend, world)
        assert (daily.reading, daily.reading_note) == ("full", "")


async def test_a_wrong_clock_here_loses_no_change(backend, database_url):
    """Which side is wrong nobody can tell, and it may be mended between two cycles."""
    # LDAP servers tell no time, so that with them only minutes are safe.
    wrong = timedelta(minutes=9) if backend.name == "ldap" else timedelta(hours=1)
    await backend.start(crowd(5))
    async with reading(backend, database_url) as world:
        backend.clock = AheadClock(wrong)
        await cycle(backend, world)
        for turn in (1, -1, 1):
            backend.clock = AheadClock(turn * wrong)
            await backend.rename("p0001", f"Director {turn}")
            outcome, found = await cycle(backend, world)
            assert outcome.result is CycleResult.SUCCESS
            assert found.counts.updated == 1
            if backend.lists_changes and backend.name != "ldap":
                assert found.reading == "delta"
