"""People who are given to another configuration while one of its cycles is reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from core.engine.cycle import run_cycle
from core.model.account import UserStatus
from core.model.cycle import Cycle
from core.model.directory import Page
from core.model.ownership import ConflictState, Verdict
from tests.support.scripted_directory import people, person
from tests.support.two_sources import Source, sources


class Meanwhile:
    """A directory at the end of whose listing something else happens."""

    def __init__(self, inner: object, then: Callable[[], Awaitable[object]]) -> None:
        self._inner = inner
        self._then = then

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def read_users(self) -> AsyncIterator[Page]:
        async for page in self._inner.read_users():
            yield page
        await self._then()


async def cycle_while(source: Source, then: Callable[[], Awaitable[object]]) -> Cycle:
    """Run a cycle at the end of whose reading something else happens."""
    source.clock.time += timedelta(hours=1)
    queued = await source.queue()
    context = source.context(await source.claim())
    await run_cycle(replace(context, provider=Meanwhile(source.directory, then)))
    return await source.store.cycles.get(queued.id)


async def test_somebody_moved_to_a_configuration_that_has_just_read_them_is_not_gone(database_url):
    ada = {"email": "ada@example.com"}
    hr, crm = ("hr", [person("a", **ada), *people(5)]), ("crm", [person("b", **ada)])
    async with sources(database_url, hr, crm) as (a, b):
        for source in (a, b):
            source.directory.capabilities = replace(source.directory.capabilities, read_one=False)
        await a.cycle()
        await b.cycle()
        await b.decide(Verdict.MOVE, *await b.conflicts())
        await b.cycle()
        await a.cycle()

        async def move_back() -> None:
            await a.decide(Verdict.MOVE, *await a.conflicts(ConflictState.KEPT))

        cycle = await cycle_while(a, move_back)
        assert (cycle.counts.disabled, cycle.counts.deleted) == (0, 0)
        found = await a.person("ada@example.com")
        assert (found.status, found.configuration_id) == (
            UserStatus.INVITED,
            (await a.configuration()).id,
        )
        a.directory.remove("ua")
        assert (await a.cycle())[1].counts.disabled == 1
