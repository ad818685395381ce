"""A directory beside a real store: one call queues, claims and runs one cycle of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from core.engine.context import CycleContext, CycleOutcome
from core.engine.cycle import run_cycle
from core.model.account import Actor, Role, User
from core.model.configuration import Configuration
from core.model.cycle import Change, Cycle, HeldSetId, Trigger
from core.model.events import AuditEntry
from core.store.claims import Claim
from core.store.database import Transaction
from core.store.opening import Store, open_store
from tests.support.engine_world import ManualClock, configuration
from tests.support.scripted_directory import Person, ScriptedDirectory, Team

ADA = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")


class StoreWorld:
    """Everything that a cycle over a real store needs."""

    def __init__(
        self,
        store: Store,
        clock: ManualClock,
        directory: ScriptedDirectory,
        given: Configuration,
    ) -> None:
        self.store = store
        self.clock = clock
        self.directory = directory
        self._spec = given.spec

    async def apply(self, **changes: object) -> Configuration:
        """Store the configuration, changed as given."""
        self._spec = replace(self._spec, **changes)
        now = self.clock.now()
        await self.store.configurations.apply([self._spec], licenses_total=100, by=ADA, now=now)
        return await self.configuration()

    async def configuration(self) -> Configuration:
        """Return the configuration as it is stored."""
        return (await self.store.configurations.all())[0]

    def audit(self) -> AuditEntry:
        """Return an audit entry for whatever is done next."""
        return AuditEntry(
            at=self.clock.now(),
            actor=ADA.id,
            door=ADA.door,
            action="test",
            subject="people",
            allowed=True,
            detail={},
        )

    async def queue(
        self,
        *,
        dry_run: bool = False,
        bound_plan: str | None = None,
        person: str | None = None,
        full: bool = False,
    ) -> Cycle:
        """Queue a cycle, for one person if given."""
        return await self.store.cycles.queue(
            configuration=(await self.configuration()).id,
            trigger=Trigger.MANUAL if person is None else Trigger.ON_DEMAND,
            dry_run=dry_run,
            actor=ADA,
            channel=None,
            audit=self.audit(),
            bound_plan=bound_plan,
            person=person,
            full=full,
            now=self.clock.now(),
        )

    async def claim(self, owner: str = "w") -> Claim:
        """Claim what is queued or left behind."""
        claim = await self.store.cycles.claim(owner=owner, now=self.clock.now())
        assert claim is not None
        return claim

    def context(self, claim: Claim, **more: object) -> CycleContext:
        """Return what the engine is given for a claim."""
        settings: dict[str, object] = {"bound_plan": claim.bound_plan, **more}
        return CycleContext(
            provider=self.directory,
            store=self.store.sync,
            configuration=claim.configuration,
            fence=claim.fence,
            clock=self.clock,
            trigger=claim.cycle.trigger,
            dry_run=claim.cycle.dry_run,
            person=claim.person,
            full=claim.cycle.full,
            **settings,
        )

    async def run(self, **more: object) -> CycleOutcome:
        """Claim and run what is queued."""
        return await run_cycle(self.context(await self.claim(), **more))

    async def cycle(
        self,
        *,
        dry_run: bool = False,
        bound_plan: str | None = None,
        full: bool = False,
        **more: object,
    ) -> tuple[CycleOutcome, Cycle]:
        """Run one cycle an hour later; return how it ended and how it is stored."""
        self.clock.time += timedelta(hours=1)
        queued = await self.queue(dry_run=dry_run, bound_plan=bound_plan, full=full)
        outcome = await self.run(**more)
        return outcome, await self.store.cycles.get(queued.id)

    async def one_person(self, name: str, *, dry_run: bool = False) -> tuple[CycleOutcome, Cycle]:
        """Run a cycle for one person, an hour later."""
        self.clock.time += timedelta(hours=1)
        queued = await self.queue(dry_run=dry_run, person=name)
        return await self.run(), await self.store.cycles.get(queued.id)

    async def release(self, held: HeldSetId) -> tuple[CycleOutcome, Cycle]:
        """Release a held set and run the cycle that this starts."""
        digest = (await self.store.held.get(held)).digest
        cycle = await self.store.held.release(
            held,
            digest=digest,
            by=ADA,
            channel=None,
            audit=self.audit(),
            now=self.clock.now(),
        )
        return await self.run(), await self.store.cycles.get(cycle.id)

    async def changes(self, cycle: Cycle) -> list[Change]:
        """Return what a cycle changed."""
        return await self.store.cycles.changes(cycle.id)

    async def sql(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Run a statement, for states of the account that no cycle leads to."""

        async def work(tx: Transaction) -> list[tuple[object, ...]]:
            if statement.lstrip().upper().startswith("SELECT"):
                return [tuple(row) for row in await tx.rows(statement, **values)]
            await tx.run(statement, **values)
            return []

        return await self.store.people._database.write(work)

    async def person(self, email: str) -> User | None:
        """Return somebody by address."""
        return await self.store.people.by_email(email)


APPLYING = frozenset({"apply", "create_newcomers"})
"""The calls that change people."""


class Interrupted:
    """A store for the engine after each batch of which something else happens."""

    def __init__(self, inner: object, then: Callable[[], Awaitable[object]]) -> None:
        self._inner = inner
        self._then = then

    def __getattr__(self, name: str) -> object:
        found = getattr(self._inner, name)
        if name not in APPLYING:
            return found

        async def batch(*args: object, **more: object) -> None:
            await found(*args, **more)
            await self._then()

        return batch


@asynccontextmanager
async def store_world(
    url: str,
    persons: Iterable[Person] = (),
    teams: Iterable[Team] = (),
    *,
    directory: dict[str, object] | None = None,
    lease_seconds: float = 60.0,
    **spec: object,
) -> AsyncIterator[StoreWorld]:
    """Open the store at `url` with one configuration in it."""
    clock = ManualClock()
    async with await open_store(url, clock=clock, lease_seconds=lease_seconds, migrate=False) as s:
        source = ScriptedDirectory(persons, teams, **(directory or {}))
        world = StoreWorld(s, clock, source, configuration(**spec))
        await world.apply()
        yield world
