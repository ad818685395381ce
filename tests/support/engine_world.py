"""A directory, a store in memory and a clock: one call runs one cycle of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.engine import guard, proof
from core.engine.context import CycleContext, CycleOutcome
from core.engine.cycle import run_cycle
from core.model.configuration import (
    DEFAULT_ACCOUNT,
    Configuration,
    ConfigurationId,
    ConfigurationSpec,
    ScimSettings,
    Scope,
)
from core.model.cycle import CycleId, Fence
from tests.support.memory_store import Finished, MemoryStore
from tests.support.scripted_directory import Person, ScriptedDirectory, Team

START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
FENCE = Fence(
    cycle_id=CycleId("c-1"),
    configuration_id=ConfigurationId("people"),
    owner="w",
    epoch=1,
    revision=1,
)


class ManualClock:
    """Time that moves when the test says so."""

    def __init__(self, start: datetime = START) -> None:
        self.time = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the set time."""
        return self.time

    def monotonic(self) -> float:
        """Return seconds since the start of 1970."""
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


def configuration(**spec: object) -> Configuration:
    """Return a configuration of the given spec."""
    given = {"name": "people", "provider": ScimSettings(url="https://idp.example/scim/v2"), **spec}
    return Configuration(
        id=ConfigurationId("people"),
        account_id=DEFAULT_ACCOUNT,
        spec=ConfigurationSpec(**given),
        enabled=True,
        revision=1,
        scope_revision=1,
        previous_scope=None,
        created_at=START,
        created_by="cli:ada",
    )


class World:
    """Everything that a cycle needs, between cycles open for changes."""

    def __init__(
        self,
        persons: Iterable[Person] = (),
        teams: Iterable[Team] = (),
        *,
        directory: dict[str, object] | None = None,
        rules: Sequence[proof.Rule] = proof.RULES,
        guard_rules: Sequence[guard.Rule] = guard.RULES,
        **spec: object,
    ) -> None:
        self.directory = ScriptedDirectory(persons, teams, **(directory or {}))
        self.store = MemoryStore()
        self.clock = ManualClock()
        self.configuration = configuration(**spec)
        self.rules = rules
        self.guard_rules = guard_rules

    def context(self, **more: object) -> CycleContext:
        """Return what a cycle is given."""
        settings: dict[str, object] = {"progress_every": 0.0, **more}
        return CycleContext(
            provider=self.directory,
            store=self.store,
            configuration=self.configuration,
            fence=FENCE,
            clock=self.clock,
            proof_rules=self.rules,
            guard_rules=self.guard_rules,
            **settings,
        )

    async def cycle(self, **more: object) -> CycleOutcome:
        """Run one cycle an hour later; what it wrote is in `store.writes`."""
        self.clock.time += timedelta(hours=1)
        self.store.writes = []
        self.directory.asked = []
        outcome = await run_cycle(self.context(**more))
        if self.store.canaries:
            picked = self.store.canaries
            self.configuration = replace(self.configuration, picked_canaries=picked)
        return outcome

    @property
    def finished(self) -> Finished:
        """How the latest cycle was stored."""
        assert self.store.finished is not None
        return self.store.finished

    def edit_scope(self, scope: Scope) -> None:
        """Edit the scope as an admin does."""
        now = self.configuration
        self.configuration = replace(
            now,
            spec=replace(now.spec, scope=scope),
            previous_scope=now.spec.scope,
            scope_revision=now.scope_revision + 1,
            revision=now.revision + 1,
        )
        self.store.forget()
