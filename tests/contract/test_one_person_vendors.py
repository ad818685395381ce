"""One person's cycle over every real counterpart comes to the verdict of a whole cycle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.model.account import UserStatus
from core.model.configuration import Guard, Scope
from core.model.cycle import Cycle
from core.model.one_person import PersonStep
from tests.contract.providers.harness import HARNESSES, Backend, Person
from tests.support.store_world import StoreWorld, store_world

WHO = ("scim-index", "csv-file", "entra-secret", "google", "okta-token", "ldap")
WHO = (*WHO, *(name for name in HARNESSES if name == "active-directory"))
KEYS = [f"p{n}" for n in range(5)]
MOST_REQUESTS = 30
SCOPE = Scope(groups=("crew", "Outer"))
"""The second one is called "outer": names are compared without regard to case."""


@pytest.fixture(scope="module", params=WHO)
def shared(request: pytest.FixtureRequest) -> Iterator[tuple]:
    start, harness = HARNESSES[request.param]
    with start() as common:
        yield common, harness


@pytest.fixture
async def backend(shared: tuple, tmp_path: Path) -> AsyncIterator[Backend]:
    common, harness = shared
    (tmp_path / "directory").mkdir()
    async with harness(tmp_path / "directory", common) as running:
        yield running


async def ran(backend: Backend, world: StoreWorld, key: str | None = None) -> Cycle:
    """Run a cycle for one person, or a whole one, through a provider of its own."""
    world.directory = await backend.open(page_size=20)
    try:
        if key is None:
            _, cycle = await world.cycle(full=True)
        else:
            _, cycle = await world.one_person(Person(key=key).email)
            assert cycle.requests <= MOST_REQUESTS
    finally:
        await world.directory.aclose()
    return cycle


async def everybody_singly(backend: Backend, world: StoreWorld) -> dict[str, str]:
    """Run a cycle for each person; return what was said of their scope."""
    told = {}
    for key in KEYS:
        cycle = await ran(backend, world, key)
        run = await world.store.cycles.person_run(cycle.id)
        (told[key],) = (note.text for note in run.steps if note.step is PersonStep.SCOPE)
    return told


async def there(world: StoreWorld) -> set[str]:
    """Return who may sign in."""
    found = {key: await world.person(Person(key=key).email) for key in KEYS}
    return {key for key, one in found.items() if one and one.status is UserStatus.INVITED}


async def people_changed(backend: Backend, world: StoreWorld) -> int:
    """Run a whole cycle; return to how many people it did something."""
    counts = (await ran(backend, world)).counts
    return counts.created + counts.updated + counts.enabled + counts.disabled


async def test_a_person_alone_is_judged_as_in_a_whole_cycle(backend, database_url):
    await backend.start([Person(key=key) for key in KEYS])
    await backend.put_group("crew", ["p0"])
    await backend.put_group("inner", ["p1"])
    await backend.put_group("outer", ["p2"], ["inner"] if backend.holds_groups else [])
    await backend.put_group("idle", ["p3"])
    inside = {"p0", "p2", *(["p1"] if backend.holds_groups else [])}
    async with store_world(database_url, scope=SCOPE, guard=Guard(minimum=9)) as world:
        told = await everybody_singly(backend, world)
        assert await there(world) == inside
        assert told["p0"].startswith("in scope: member of crew")
        assert told["p3"].startswith("not in scope: in none of the scope's groups")
        assert await people_changed(backend, world) == 0

        await backend.put_group("crew", ["p3"])
        inside = inside - {"p0"} | {"p3"}
        if backend.holds_groups:
            await backend.put_group("inner", ["p1", "p4"], ["outer"])
            inside |= {"p4"}
        await everybody_singly(backend, world)
        assert await there(world) == inside
        assert await people_changed(backend, world) == 0
