"""Whoever an edit of the scope leaves out is kept, whatever happens around the edit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.engine.cycle import run_cycle
from core.errors import FencedError, TransientRemoteError
from core.model.account import UserStatus
from core.model.configuration import Scope
from core.model.cycle import CycleResult
from tests.support.scripted_directory import Person, people, person, team
from tests.support.store_world import ADA, Interrupted, StoreWorld, store_world

OUTSIDER = "out@elsewhere.example"


async def status(world: StoreWorld, email: str) -> UserStatus:
    """Return where somebody stands."""
    found = await world.person(email)
    assert found is not None
    return found.status


def company() -> list[Person]:
    """Return twenty people of the company and one of another domain, all in one team."""
    return [person("out", email=OUTSIDER), *people(20)]


async def test_an_unproven_listing_of_groups_does_not_turn_an_edit_into_leavers(database_url):
    """The previous scope named a group, whose members cannot be read after the edit."""
    everybody = company()
    teams = [team("staff", [p.id for p in everybody])]
    async with store_world(database_url, everybody, teams, scope=Scope(groups=("staff",))) as world:
        await world.cycle()
        await world.apply(scope=Scope(domains=("example.com",)))
        honest = world.directory.bend_groups
        world.directory.bend_groups = lambda _: [TransientRemoteError("no groups today")]
        await world.cycle()
        assert await status(world, OUTSIDER) is UserStatus.INVITED
        world.directory.bend_groups = honest
        await world.cycle()
        assert await status(world, OUTSIDER) is UserStatus.INVITED


async def test_a_group_deleted_together_with_the_edit_keeps_its_people(database_url):
    """The group that the previous scope named does not exist any more."""
    everybody = company()
    teams = [team("staff", [p.id for p in everybody])]
    async with store_world(database_url, everybody, teams, scope=Scope(groups=("staff",))) as world:
        await world.cycle()
        await world.apply(scope=Scope(domains=("example.com",)))
        world.directory.teams = [team("other", ["u1"])]
        await world.cycle()
        assert await status(world, OUTSIDER) is UserStatus.INVITED


async def test_people_of_a_cancelled_first_cycle_are_kept_when_the_scope_is_narrowed(database_url):
    """Too wide a scope is noticed while the first cycle runs: it is cancelled and narrowed."""
    async with store_world(database_url, company()) as world:
        queued = await world.queue()

        async def cancel() -> None:
            await world.store.cycles.request_cancel(
                queued.id, by=ADA, audit=world.audit(), now=world.clock.now()
            )

        context = world.context(await world.claim(), batch=5)
        await run_cycle(replace(context, store=Interrupted(world.store.sync, cancel)))
        assert (await world.store.cycles.get(queued.id)).result is CycleResult.CANCELLED
        await world.apply(scope=Scope(domains=("example.com",)))
        await world.cycle()
        assert await status(world, OUTSIDER) is UserStatus.INVITED


async def test_people_of_a_cycle_under_way_are_kept_when_the_scope_is_narrowed(database_url):
    """The edit fences the first cycle, which another worker goes on with under the new scope."""
    async with store_world(database_url, company()) as world:
        queued = await world.queue()

        async def narrow() -> None:
            world.clock.time += timedelta(seconds=1)
            await world.apply(scope=Scope(domains=("example.com",)))

        claim = await world.claim()
        context = replace(world.context(claim), store=Interrupted(world.store.sync, narrow))
        with pytest.raises(FencedError):
            await run_cycle(context)
        await world.store.cycles.abandon(claim.fence)
        await world.run()
        assert (await world.store.cycles.get(queued.id)).result is CycleResult.SUCCESS
        assert await status(world, OUTSIDER) is UserStatus.INVITED


@pytest.mark.parametrize("trouble", ["a warning", "unreadable once", "another mapping"])
async def test_whoever_leaves_the_scope_long_after_its_edit_is_no_leftover_of_it(
    database_url, trouble
):
    """The edit left them in; that their record is looked at anew does not make them its victims."""
    shirt = {"shirt": "XL"} if trouble == "a warning" else {}
    everybody = [person("w", attributes=shirt), *people(20)]
    staff = [p.id for p in everybody]
    given = {"mapping": {"shirt_size": "shirt"}} if shirt else {}
    async with store_world(database_url, everybody, [team("staff", staff)], **given) as world:
        await world.cycle()
        await world.apply(scope=Scope(groups=("staff",)))
        await world.cycle()
        if trouble == "unreadable once":
            world.directory.change("uw", broken=True)
            await world.cycle()
            world.directory.change("uw", broken=False)
        if trouble == "another mapping":
            await world.apply(mapping={"title": "title"})
        world.directory.teams = [team("staff", staff[1:])]
        _, cycle = await world.cycle()
        assert cycle.counts.disabled == 1
        assert await status(world, "uw@example.com") is UserStatus.DISABLED


async def test_whoever_one_edit_kept_is_kept_by_the_next_one_too(database_url):
    """The scope in between would not have had them either."""
    everybody = company()
    staff = team("staff", [p.id for p in everybody])
    async with store_world(database_url, everybody, [staff]) as world:
        await world.cycle()
        for scope in (Scope(domains=("example.com",)), Scope(groups=("staff",))):
            await world.apply(scope=replace(scope, domains=("example.com",)))
            for _ in range(2):
                await world.cycle()
        assert await status(world, OUTSIDER) is UserStatus.INVITED
