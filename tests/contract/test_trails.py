"""One person's story over all cycles, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import ConflictError, NotFoundError, NotPermittedError
from core.model.account import Actor, Role
from core.model.configuration import Guard, Scope
from core.model.events import AuditEntry
from core.model.trail import PersonTrail, TrailKind
from core.services.access import AccessService
from core.services.audit import AuditService
from core.services.people import PeopleService
from core.services.why import WhyService
from core.settings import Settings
from tests.support.scripted_directory import people, person, team
from tests.support.store_world import ADA, StoreWorld, store_world

LEAVERS = [f"u{number}" for number in range(20, 29)]


async def why(world: StoreWorld, who: str, **more: object) -> PersonTrail:
    """Ask for somebody's story."""
    audit = AuditService(store=world.store, clock=world.clock)
    settings = Settings.from_environment({})
    access = AccessService(settings=settings, store=world.store, audit=audit)
    people_service = PeopleService(store=world.store, access=access)
    service = WhyService(store=world.store, access=access, people=people_service)
    return await service.explain(ADA, who, **more)


def told(trail: PersonTrail) -> list[str]:
    """Return what happened, in order."""
    return [event.what for event in trail.events]


async def test_a_newcomers_story_names_the_cycle_the_rule_and_who_started_it(database_url):
    teams = [team("Engineering", ["u1"])]
    scope = Scope(groups=("engineering",), domains=("example.com",))
    async with store_world(database_url, people(3), teams, scope=scope) as world:
        _, cycle = await world.cycle()
        trail = await why(world, "U1@example.com")
        (standing,) = trail.standings
        assert standing.scope == "in scope: member of Engineering, address in example.com"
        assert standing.seen.last_cycle == cycle.id
        assert standing.seen.first_seen == world.clock.now()
        created, invited = trail.events
        assert (created.what, created.text) == ("create", "in scope and not in the account yet")
        assert (created.by_name, created.cycle_id) == ("Ada", cycle.id)
        assert (invited.kind, invited.what) == (TrailKind.INVITATION, "invitation")


async def test_a_change_shows_before_and_after_and_a_lasting_warning_is_one_line(database_url):
    someone = person(1, attributes={"title": "Clerk", "shoe": "42"})
    mapping = {"title": "title", "shoe_size": "shoe"}
    async with store_world(database_url, [someone, person(2)], mapping=mapping) as world:
        for _ in range(3):
            await world.cycle()
        world.directory.change("u1", attributes={"title": "Chief", "shoe": "42"})
        await world.cycle()
        trail = await why(world, "u1@example.com")
        (update,) = [event for event in trail.events if event.what == "update"]
        assert (update.before, update.after) == ({"title": "Clerk"}, {"title": "Chief"})
        (warning,) = [event for event in trail.events if event.kind is TrailKind.PROBLEM]
        assert (warning.what, warning.times) == ("attribute_without_field", 4)
        assert warning.until is not None
        assert (warning.until - warning.at).total_seconds() == 3 * 3600


async def test_who_approved_a_removal_stands_in_the_story(database_url):
    async with store_world(database_url, people(30)) as world:
        await world.cycle()
        _, whole = await world.cycle()
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        before = await why(world, "u20@example.com")
        assert before.standings[0].seen.last_cycle == whole.id, "held is not seen"
        await world.release(outcome.held_set_id)
        trail = await why(world, "u20@example.com")
        assert [each for each in told(trail) if each != "invitation"] == [
            "create",
            "held",
            "released",
            "disable",
        ]
        disabled = trail.events[-1]
        assert (disabled.by, disabled.text) == (ADA.id, "no longer in the directory")
        assert trail.standings[0].scope == "not in the directory any more"
        assert trail.standings[0].seen.last_cycle == whole.id


async def test_a_rejected_removal_does_not_count_as_having_been_seen(database_url):
    async with store_world(database_url, people(30)) as world:
        _, whole = await world.cycle()
        world.directory.remove(*LEAVERS)
        outcome, _ = await world.cycle()
        held = await world.store.held.get(outcome.held_set_id)
        audit = replace(world.audit(), reason="They are on leave")
        rejected = await world.store.held.reject(
            held.id, digest=held.digest, by=ADA, audit=audit, now=world.clock.now()
        )
        assert rejected.decided_reason == "They are on leave"
        await world.cycle()
        trail = await why(world, "u20@example.com")
        assert any(event.text.endswith("stays (“They are on leave”)") for event in trail.events)
        assert trail.standings[0].seen.last_cycle == whole.id
        assert "rejected" in told(trail)


async def test_licenses_and_decisions_of_people_are_in_the_story(database_url):
    async with store_world(database_url, people(2)) as world:
        await world.cycle()
        await world.store.activations.activate(["u1@example.com"], audit=_act(world, "activate"))
        await world.store.activations.free(["u1@example.com"], audit=_act(world, "licenses.free"))
        await world.store.activations.activate(["u2@example.com"], audit=_act(world, "activate"))
        trail = await why(world, "u1@example.com")
        acts = [(e.what, e.by) for e in trail.events if e.kind is TrailKind.LICENSE and e.by]
        assert acts == [("activate", ADA.id), ("licenses.free", ADA.id)]


def _act(world: StoreWorld, action: str) -> AuditEntry:
    return replace(world.audit(), action=action)


async def test_an_edit_of_the_scope_a_departure_and_a_disabled_record_are_told_apart(database_url):
    teams = [team("in", ["u1", "u2", "u3", "u4"]), team("left", ["u4"])]
    scope = Scope(groups=("in",))
    guard = Guard(minimum=100, percent=100)
    async with store_world(database_url, people(10), teams, scope=scope, guard=guard) as world:
        await world.cycle()
        world.directory.change("u2", active=False)
        world.directory.teams = [team("in", ["u1", "u2", "u4"]), team("left", ["u4"])]
        await world.cycle()
        await world.apply(scope=Scope(groups=("left",)))
        await world.cycle()
        scopes = {
            who: (await why(world, f"{who}@example.com")).standings[0].scope
            for who in ("u1", "u2", "u3", "u4", "u5")
        }
        assert scopes == {
            "u1": "out of scope by an edit of the configuration, and kept",
            "u2": "disabled in the directory",
            "u3": "no longer in scope after a change in the directory",
            "u4": "in scope: member of left",
            "u5": "read and not provisioned: out of scope, or disabled in the directory",
        }


async def test_somebody_in_a_conflict_who_was_never_provisioned_has_a_story(database_url):
    twins = [person(1, email="same@example.com"), person(2, email="same@example.com")]
    async with store_world(database_url, [*twins, person(3)]) as world:
        await world.cycle()
        trail = await why(world, "Same@example.com")
        assert trail.user is None
        assert len(trail.standings) == 2
        assert "More than one person" in trail.standings[0].scope


async def test_only_the_latest_events_are_given_and_the_others_counted(database_url):
    async with store_world(database_url, people(2)) as world:
        for number in range(5):
            world.directory.change("u1", attributes={"title": str(number)})
            await world.apply(mapping={"title": "title"})
            await world.cycle()
        trail = await why(world, "u1@example.com", limit=2)
        assert len(trail.events) == 2
        assert trail.earlier > 2
        assert trail.events[-1].after == {"title": "4"}


async def test_nobody_and_several_people_are_told_so(database_url):
    async with store_world(database_url, people(3)) as world:
        await world.cycle()
        with pytest.raises(NotFoundError):
            await why(world, "nobody@example.com")
        with pytest.raises(ConflictError):
            await why(world, "example.com")


async def test_a_story_is_for_viewers(database_url):
    nobody = Actor(id="slack:U1", name="U1", role=Role.NONE, door="slack")
    async with store_world(database_url, people(1)) as world:
        audit = AuditService(store=world.store, clock=world.clock)
        access = AccessService(
            settings=Settings.from_environment({}), store=world.store, audit=audit
        )
        service = WhyService(
            store=world.store, access=access, people=PeopleService(store=world.store, access=access)
        )
        with pytest.raises(NotPermittedError):
            await service.explain(nobody, "u1@example.com")
        (entry,) = await world.store.audit.list(limit=1)
        assert (entry.action, entry.allowed) == ("why", False)
