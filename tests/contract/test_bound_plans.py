"""A plan that a person saw is applied as it was seen, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.engine.cycle import run_cycle
from core.errors import FencedError
from core.model.configuration import Scope
from core.model.cycle import CycleResult
from core.scheduling.worker import Worker
from tests.support.scripted_directory import ScriptedDirectory, people, person
from tests.support.store_world import Interrupted, StoreWorld, store_world


async def test_an_edit_while_a_plan_is_applied_does_not_widen_it(database_url):
    """What nobody has seen in a preview is not done by whoever goes on with the cycle."""
    everybody = [*people(8), person("out", email="out@elsewhere.example")]
    scope = Scope(domains=("example.com",))
    async with store_world(database_url, everybody, scope=scope) as world:
        preview, _ = await world.cycle(dry_run=True)
        queued = await world.queue(bound_plan=preview.plan_digest)

        async def widen() -> None:
            world.clock.time += timedelta(seconds=1)
            await world.apply(scope=Scope())

        claim = await world.claim()
        context = world.context(claim, batch=5)
        with pytest.raises(FencedError):
            await run_cycle(replace(context, store=Interrupted(world.store.sync, widen)))
        await world.store.cycles.abandon(claim.fence)
        await one_turn(world)
        assert (await world.store.cycles.get(queued.id)).result is CycleResult.CANCELLED
        assert await world.person("u1@example.com") is not None
        assert await world.person("out@elsewhere.example") is None


async def one_turn(world: StoreWorld) -> None:
    """Let a worker carry on with what another one left."""

    async def opened(_: object) -> ScriptedDirectory:
        return world.directory

    worker = Worker(store=world.store, clock=world.clock, open_provider=opened, poll=0.02)
    assert await worker._turn()
