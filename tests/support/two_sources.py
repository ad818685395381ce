"""Several configurations over one store, each with a directory of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from core.engine.cycle import run_cycle
from core.model.configuration import Configuration
from core.model.cycle import Cycle
from core.model.ownership import Conflict, ConflictState, Verdict, ranked
from core.store.opening import open_store
from tests.support.engine_world import ManualClock, configuration
from tests.support.scripted_directory import Person, ScriptedDirectory
from tests.support.store_world import ADA, StoreWorld


class Before:
    """A store for the engine before whose first batch something else happens."""

    def __init__(self, inner: object, first: Callable[[], Awaitable[object]]) -> None:
        self._inner = inner
        self._first: Callable[[], Awaitable[object]] | None = first

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def _happen(self) -> None:
        first, self._first = self._first, None
        if first is not None:
            await first()

    async def apply(self, *args: object, **more: object) -> None:
        """Do the other thing once, then carry the batch out."""
        await self._happen()
        await self._inner.apply(*args, **more)

    async def create_newcomers(self, *args: object, **more: object) -> None:
        """Do the other thing once, then create them."""
        await self._happen()
        await self._inner.create_newcomers(*args, **more)


class Source(StoreWorld):
    """One of the configurations."""

    async def configuration(self) -> Configuration:
        """Return this one of the configurations as it is stored."""
        found = await self.store.configurations.by_name(self._spec.name)
        assert found is not None
        return found

    async def run_with(self, first: Callable[[], Awaitable[object]]) -> Cycle:
        """Run a cycle that had planned everything when something else happened."""
        self.clock.time += timedelta(hours=1)
        queued = await self.queue()
        claim = await self.claim()
        assert claim.cycle.id == queued.id
        context = replace(self.context(claim), store=Before(self.store.sync, first))
        await run_cycle(context)
        return await self.store.cycles.get(queued.id)

    async def conflicts(self, state: ConflictState = ConflictState.OPEN) -> list[Conflict]:
        """Return the conflicts in which this one is the claimant."""
        found, _ = await self.store.conflicts.page(state=state, limit=100)
        mine = (await self.configuration()).id
        return [each for each in found if each.claimant_id == mine]

    async def decide(self, verdict: Verdict, *conflicts: Conflict, reason: str = "") -> None:
        """Decide about conflicts as they were seen."""
        chosen = [(each.id, each.revision) for each in conflicts]
        await self.store.conflicts.decide(
            **{verdict.value: chosen},
            by=ADA,
            reason=reason,
            audit=self.audit(),
            now=self.clock.now(),
        )

    async def by_priority(self) -> list[tuple[str, str, str]]:
        """Return (owner, claimant, verdict) of every open conflict."""
        order = [each.id for each in ranked(await self.store.configurations.all())]
        return [(o, c, v.value) for _, _, v, o, c in await self.store.conflicts.ruled(order)]


@asynccontextmanager
async def sources(
    url: str, *directories: tuple[str, Iterable[Person]], **spec: object
) -> AsyncIterator[list[Source]]:
    """Open the store at `url` with a configuration for each (name, people), in this order."""
    clock = ManualClock()
    async with await open_store(url, clock=clock, lease_seconds=36_000, migrate=False) as store:
        made = []
        for name, persons in directories:
            directory = ScriptedDirectory(persons)
            clock.time += timedelta(seconds=1)
            made.append(Source(store, clock, directory, configuration(name=name, **spec)))
            await made[-1].apply()
        yield made
