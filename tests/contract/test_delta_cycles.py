"""Delta cycles: quick, and never a reason to believe that somebody is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from core.engine.cycle import run_cycle
from core.errors import SignInError, TransientRemoteError, WatermarkExpiredError
from core.model.account import UserStatus
from core.model.configuration import Guard, Scope
from core.model.cycle import Cycle, CycleResult
from core.model.directory import ChangePage, ExternalId, ResourceKind, Watermark
from tests.support.okta_world import okta_world
from tests.support.scripted_directory import Person, people, person, team
from tests.support.store_world import ADA, StoreWorld, store_world

DELTA = {"delta": True}
USER, GROUP = ResourceKind.USER, ResourceKind.GROUP


def page(
    *records: object,
    kind: ResourceKind = USER,
    removed: Iterable[str] = (),
    last: bool = True,
    token: str = "1",
    mark: str | None = "next",
) -> ChangePage:
    """Return a page of changes; the last one has the next watermark."""
    return ChangePage(
        kind=kind,
        records=[msgspec.json.encode(each, order="deterministic") for each in records],
        removed=[ExternalId(each) for each in removed],
        last=last,
        token=token,
        watermark=Watermark(mark) if last and mark else None,
    )


def changed(world: StoreWorld, id_: str, **changes: object) -> Person:
    """Change somebody in the directory and return the new record."""
    world.directory.change(id_, **changes)
    return next(each for each in world.directory.people if each.id == id_)


async def statuses(world: StoreWorld) -> dict[str, UserStatus]:
    """Return where everybody stands, by user name."""
    return {user.user_name: user.status for user in await world.store.people.search(limit=1000)}


def fell_back(cycle: Cycle, words: str) -> bool:
    """Whether everything was read, for this reason."""
    return cycle.reading == "full" and words in cycle.reading_note


async def test_after_a_whole_cycle_only_changes_are_read(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        world.directory.mark = Watermark("first")
        _, whole = await world.cycle()
        assert (whole.reading, whole.reading_note) == ("full", "")
        new, other = person(30), changed(world, "u2", attributes={"title": "x"})
        moved, gone = (
            changed(world, "u1", email="new@example.com"),
            changed(world, "u3", active=False),
        )
        world.directory.people.append(new)
        world.directory.changes = [
            page(moved, other, last=False),
            page(new, gone, token="2", mark="second"),
        ]
        decoded = world.directory.decoded
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert cycle.reading == "delta"
        assert world.directory.asked_since == ["first"]
        assert world.directory.decoded == decoded + 4
        counts = cycle.counts
        assert (counts.read, counts.created, counts.updated, counts.disabled) == (4, 1, 1, 1)
        assert (await world.person("new@example.com")) is not None
        world.directory.changes = [page(mark="third")]
        _, quiet = await world.cycle()
        assert world.directory.asked_since == ["first", "second"]
        assert (quiet.reading, quiet.counts.changed) == ("delta", 0)
        _, last = await world.cycle(full=True)
        assert (last.reading, last.counts.changed) == ("full", 0)


async def test_whoever_is_missing_from_a_delta_stays(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        await world.cycle()
        world.directory.remove("u1", "u2")
        world.directory.changes = [page()]
        _, cycle = await world.cycle()
        assert cycle.reading == "delta"
        assert set((await statuses(world)).values()) == {UserStatus.INVITED}


async def test_somebody_said_to_be_deleted_takes_a_whole_reading_in_the_same_cycle(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        await world.cycle()
        world.directory.remove("u1")
        world.directory.changes = [page(removed=["u1"])]
        _, cycle = await world.cycle()
        assert fell_back(cycle, "Somebody was deleted")
        assert (await statuses(world))["u1"] is UserStatus.DISABLED
        _, cycle = await world.cycle()
        assert cycle.reading == "delta", "somebody known to be gone is no news"


async def test_somebody_wrongly_said_to_be_deleted_stays(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        await world.cycle()
        world.directory.changes = [page(removed=["u1"])]
        await world.cycle()
        assert (await statuses(world))["u1"] is UserStatus.INVITED


async def test_strangers_said_to_be_deleted_are_no_reason_to_read_everything(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        await world.cycle()
        world.directory.changes = [page(removed=["x1", "x2"])]
        _, cycle = await world.cycle()
        assert cycle.reading == "delta"


async def test_everything_is_read_at_least_daily_and_when_somebody_wants_it(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        world.directory.changes = [page()]
        kinds = [(await world.cycle())[1].reading for _ in range(26)]
        assert kinds == ["full", *["delta"] * 23, "full", "delta"]
        _, cycle = await world.cycle(full=True)
        assert cycle.reading == "full"
        _, preview = await world.cycle(dry_run=True)
        assert preview.reading == "full"


TROUBLES = {
    "the provider forgot": (
        [WatermarkExpiredError("The delta token has expired.")],
        "does not list changes that far back. The delta token has expired.",
    ),
    "it broke off": ([page(last=False), TransientRemoteError("503")], "could not be listed: 503"),
    "no end": ([page(last=False)], "had no end"),
    "no watermark": ([page(mark=None)], "had no end"),
    "nothing at all": ([], "had no end"),
    "a page twice": ([page(last=False), page()], "came twice"),
    "nobody's record": (
        [page(person(1, broken=True, nameless=True))],
        "nobody knows whose it is",
    ),
}


@pytest.mark.parametrize(("script", "words"), TROUBLES.values(), ids=TROUBLES.keys())
async def test_any_doubt_about_a_delta_reads_everything_at_once(database_url, script, words):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        await world.cycle()
        world.directory.people.append(person(30))
        world.directory.changes = script
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert fell_back(cycle, words)
        assert cycle.counts.created == 1


async def test_lost_credentials_end_a_delta_as_a_failure(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        await world.cycle()
        world.directory.changes = [SignInError("No.")]
        outcome, _ = await world.cycle()
        assert outcome.result is CycleResult.FAILURE
        assert outcome.error.code == "sign_in_needed"


async def test_a_changed_scope_or_mapping_reads_everything(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        world.directory.changes = [page()]
        await world.cycle()
        await world.apply(mapping={"title": "title"})
        _, cycle = await world.cycle()
        assert fell_back(cycle, "the mapping or the provider was changed")
        await world.apply(scope=Scope(domains=("example.com",)))
        _, cycle = await world.cycle()
        assert fell_back(cycle, "was changed")
        _, cycle = await world.cycle()
        assert cycle.reading == "delta"


async def test_an_unproven_reading_is_no_ground_for_a_delta(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        world.directory.changes = [page()]
        await world.cycle()
        honest, world.directory.bend = world.directory.bend, lambda pages: pages[:-1]
        _, cycle = await world.cycle(full=True)
        assert not cycle.proof.proven
        world.directory.bend = honest
        _, cycle = await world.cycle()
        assert (cycle.reading, cycle.reading_note) == ("full", "")


async def test_what_the_guard_would_hold_is_held_by_a_whole_reading(database_url):
    guard = Guard(minimum=1, percent=0)
    async with store_world(database_url, people(20), guard=guard, directory=DELTA) as world:
        await world.cycle()
        leavers = [changed(world, f"u{n}", active=False) for n in range(1, 6)]
        world.directory.changes = [page(*leavers)]
        outcome, cycle = await world.cycle()
        assert fell_back(cycle, "to be held")
        assert (await world.store.held.get(outcome.held_set_id)).size == 5
        world.directory.changes = [page(leavers[0])]
        _, cycle = await world.cycle()
        assert cycle.reading == "full", "while anything is held, no delta lets a part of it through"
        assert set((await statuses(world)).values()) == {UserStatus.INVITED}


async def test_a_rejected_removal_is_not_done_by_a_delta(database_url):
    guard = Guard(minimum=1, percent=0)
    async with store_world(database_url, people(20), guard=guard, directory=DELTA) as world:
        await world.cycle()
        leavers = [changed(world, f"u{n}", active=False) for n in range(1, 4)]
        outcome, _ = await world.cycle(full=True)
        held = await world.store.held.get(outcome.held_set_id)
        entry, now = world.audit(), world.clock.now()
        await world.store.held.reject(held.id, digest=held.digest, by=ADA, audit=entry, now=now)
        await world.cycle(full=True)
        world.directory.changes = [page(leavers[0])]
        _, cycle = await world.cycle()
        assert cycle.reading == "delta"
        assert set((await statuses(world)).values()) == {UserStatus.INVITED}


async def test_conflicts_are_judged_by_whole_readings_only(database_url):
    async with store_world(database_url, people(20), directory=DELTA) as world:
        await world.cycle()
        twin = person(31, email="u1@example.com")
        world.directory.people.append(twin)
        world.directory.changes = [page(twin)]
        _, cycle = await world.cycle()
        assert fell_back(cycle, "There is a conflict")
        assert cycle.counts.conflicts == 1
        world.directory.changes = [page()]
        _, cycle = await world.cycle()
        assert fell_back(cycle, "There are conflicts")


async def test_a_warning_stays_a_warning_until_its_record_is_mended(database_url):
    everybody = [person(1, attributes={"shoe": "42"}), *people(9, start=2)]
    mapping = {"shoe_size": "shoe"}
    async with store_world(database_url, everybody, mapping=mapping, directory=DELTA) as world:
        await world.cycle()
        world.directory.changes = [page(changed(world, "u2", email="two@example.com"))]
        for _ in range(2):
            outcome, cycle = await world.cycle()
            assert cycle.reading == "delta"
            assert outcome.result is CycleResult.PARTIAL_SUCCESS
            assert cycle.counts.warnings == 1
        user = await world.person("u1@example.com")
        assert len(await world.store.people.problems(user.id)) == 1
        world.directory.changes = [page(changed(world, "u1", attributes={}))]
        outcome, cycle = await world.cycle()
        assert outcome.result is CycleResult.SUCCESS
        assert cycle.counts.warnings == 0


async def test_groups_that_changed_are_read_and_people_in_scope_by_them_looked_at(database_url):
    scope, directory = Scope(groups=("in",)), DELTA
    teams = [team("in", ["u1", "u2"]), team("other", ["u1"])]
    async with store_world(
        database_url, people(9), teams, scope=scope, directory=directory, guard=Guard(minimum=9)
    ) as world:
        await world.cycle()
        world.directory.changes = [page(changed(world, "u3", email="three@example.com"))]
        _, cycle = await world.cycle()
        assert (cycle.reading, cycle.counts.changed) == ("delta", 0), "u3 is not in scope"
        more = team("other", ["u1", "u4"])
        world.directory.teams = [team("in", ["u1", "u2"]), more]
        world.directory.changes = [page(more, kind=GROUP)]
        _, cycle = await world.cycle()
        assert (cycle.reading, cycle.counts.groups_updated) == ("delta", 1)
        fewer = team("in", ["u1", "u5"])
        world.directory.teams = [fewer, more]
        world.directory.changes = [page(fewer, kind=GROUP)]
        _, cycle = await world.cycle()
        assert fell_back(cycle, "other members now")
        found = await statuses(world)
        assert (found["u2"], found["u5"]) == (UserStatus.DISABLED, UserStatus.INVITED)


async def test_a_group_that_could_not_be_read_whole_takes_nobody_out(database_url):
    teams = [team("in", ["u1", "u2"])]
    async with store_world(
        database_url, people(9), teams, scope=Scope(groups=("in",)), directory=DELTA
    ) as world:
        await world.cycle()
        world.directory.teams = [team("in", ["u1"], complete=False)]
        world.directory.changes = [page(world.directory.teams[0], kind=GROUP)]
        _, cycle = await world.cycle()
        assert fell_back(cycle, "could not be read in full")
        assert (await statuses(world))["u2"] is UserStatus.INVITED


async def test_a_deleted_group_waits_for_a_whole_reading_and_its_people_stay(database_url):
    teams = [team("a", ["u1"]), team("b", ["u2"])]
    async with store_world(database_url, people(9), teams, directory=DELTA) as world:
        await world.cycle()
        world.directory.teams = teams[:1]
        world.directory.changes = [page(kind=GROUP, removed=["g-b"])]
        _, cycle = await world.cycle()
        assert (cycle.reading, cycle.counts.groups_deleted) == ("delta", 0)
        world.clock.time += timedelta(hours=25)
        _, cycle = await world.cycle()
        assert (cycle.reading, cycle.counts.groups_deleted) == ("full", 1)


async def test_an_interrupted_delta_reads_the_same_changes_again_and_tells_them_once(database_url):
    async with store_world(database_url, people(9), directory=DELTA, lease_seconds=60) as world:
        await world.cycle()
        world.directory.changes = [page(changed(world, "u1", email="new@example.com"))]
        world.clock.time += timedelta(hours=1)
        queued = await world.queue()
        claim = await world.claim("first")
        stopped = _StopsBeforeTheEnd(world.store.sync)
        with pytest.raises(_Stopped):
            await _run(world, claim, stopped)
        world.clock.time += timedelta(minutes=5)
        await world.store.cycles.expire_now()
        outcome = await world.run()
        assert outcome.result is CycleResult.SUCCESS
        cycle = await world.store.cycles.get(queued.id)
        assert (cycle.reading, cycle.counts.updated) == ("delta", 1)


class _Stopped(BaseException):
    pass


class _StopsBeforeTheEnd:
    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def finish(self, *_args: object, **_more: object) -> None:
        raise _Stopped


async def _run(world: StoreWorld, claim: object, store: object) -> None:
    await run_cycle(replace(world.context(claim), store=store))


async def test_deltas_of_an_okta_org_bring_changes_and_its_departures_wait_for_a_whole_reading(
    database_url,
):
    """Okta says who changed, and nothing of who was deleted."""
    async with okta_world() as okta, okta.opened() as provider:
        names = okta.org.add_people(30)
        async with store_world(database_url, guard=Guard(minimum=9)) as world:
            world.directory = provider
            _, cycle = await world.cycle()
            assert (cycle.reading, cycle.counts.created) == ("full", 30)
            okta.org.change(names[0], firstName="Changed")
            okta.org.set_status(names[1], "DEPROVISIONED")
            okta.org.delete_user(names[2])
            okta.org.add_user("new@example.com", email="new@example.com")
            _, cycle = await world.cycle()
            counts = cycle.counts
            assert cycle.reading == "delta"
            assert (counts.created, counts.updated, counts.disabled) == (1, 1, 1)
            world.clock.time += timedelta(hours=25)
            _, cycle = await world.cycle()
            assert (cycle.reading, cycle.counts.disabled) == ("full", 1)
