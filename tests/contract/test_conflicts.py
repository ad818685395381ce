"""Two configurations that mean the same person: one owner, and a conflict until it is decided."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.engine.cycle import run_cycle
from core.errors import ConflictError
from core.model.account import UserStatus
from core.model.configuration import Guard, LeaveBehind
from core.model.cycle import CycleResult
from core.model.ownership import ConflictState, Verdict
from tests.contract.test_decision_table import USERS
from tests.contract.test_erasure import tables_that_name
from tests.support.scripted_directory import Person, people, person
from tests.support.store_world import ADA
from tests.support.two_sources import Source, sources

KEEP, MOVE = Verdict.KEEP, Verdict.MOVE
TITLE = {"title": "title"}


def titled(one: str, address: str, title: str) -> Person:
    return Person(id=one, email=address, attributes={"title": title})


def hr(*more: Person) -> tuple[str, list[Person]]:
    return "hr", [titled("a1", "ada@example.com", "Engineer"), *more]


def crm(*more: Person) -> tuple[str, list[Person]]:
    return "crm", [titled("b1", "ada@example.com", "Contact"), *more]


async def owner_of(source: Source, address: str) -> tuple[object, str, UserStatus]:
    """Return who owns somebody, the title and the status."""
    found = await source.person(address)
    return found.configuration_id, str(found.profile.get("title")), found.status


async def test_a_claimed_person_stays_as_they_are_until_somebody_decides(database_url):
    async with sources(database_url, hr(*people(5)), crm(person(9)), mapping=TITLE) as (a, b):
        await a.cycle()
        outcome, cycle = await b.cycle()
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert (cycle.counts.created, cycle.counts.conflicts) == (1, 1)
        (told,) = await b.store.cycles.problems(cycle.id)
        assert (told.problem.code, told.label) == ("owned_elsewhere", "ada@example.com")
        (found,) = await b.conflicts()
        assert (found.owner, found.claimant, found.external_id) == ("hr", "crm", "b1")
        assert found.changes["title"] == ("Engineer", "Contact")
        first = found.since
        await a.cycle()
        await b.cycle()
        (again,) = await b.conflicts()
        assert (again.id, again.revision, again.since) == (found.id, found.revision, first)
        assert await owner_of(a, "ada@example.com") == (found.owner_id, "Engineer", "invited")


async def test_what_was_decided_for_the_owner_is_not_asked_again(database_url):
    async with sources(database_url, hr(), crm(), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        await b.decide(KEEP, *await b.conflicts())
        for title in ("Contact", "Lead"):
            b.directory.change("b1", attributes={"title": title})
            outcome, cycle = await b.cycle()
            assert outcome.result is CycleResult.SUCCESS
            assert (cycle.counts.conflicts, cycle.counts.changed) == (0, 0)
            assert await b.conflicts() == []
        (kept,) = await b.conflicts(ConflictState.KEPT)
        assert (kept.decided_by, kept.changes["title"]) == ("cli:ada", ("Engineer", "Lead"))
        assert (await b.cycle())[1].counts.unchanged == 1


async def test_a_move_disables_nobody_and_both_cycles_agree_with_it(database_url):
    others = people(5, start=20)
    async with sources(database_url, hr(*people(5)), crm(*others), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        (found,) = await b.conflicts()
        await b.decide(MOVE, found)
        for first, second in ((a, b), (b, a)):
            for source in (first, second):
                outcome, cycle = await source.cycle()
                assert outcome.result is CycleResult.SUCCESS
                assert cycle.counts.disabled == 0
        assert await owner_of(b, "ada@example.com") == (found.claimant_id, "Contact", "invited")
        assert (await b.person("ada@example.com")).external_id == "b1"
        a.directory.remove("a1")
        assert (await a.cycle())[1].counts.disabled == 0
        b.directory.remove("b1")
        assert (await b.cycle())[1].counts.disabled == 1


async def test_a_move_can_be_taken_back(database_url):
    async with sources(database_url, hr(), crm(), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        await b.decide(MOVE, *await b.conflicts())
        await b.cycle()
        (back,) = await a.conflicts(ConflictState.KEPT)
        assert (back.owner, back.claimant) == ("crm", "hr")
        await a.decide(MOVE, back)
        await b.cycle()
        _, cycle = await a.cycle()
        assert cycle.counts.updated == 1
        assert (await owner_of(a, "ada@example.com"))[1] == "Engineer"


async def test_a_decision_about_what_has_changed_decides_nothing(database_url):
    async with sources(database_url, hr(), crm(), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        seen = await b.conflicts()
        await b.decide(KEEP, *seen)
        with pytest.raises(ConflictError, match="nothing was decided"):
            await b.decide(MOVE, *seen)
        (kept,) = await b.conflicts(ConflictState.KEPT)
        await b.decide(MOVE, kept)
        with pytest.raises(ConflictError, match="nothing was decided"):
            await b.decide(MOVE, kept)
        assert (await owner_of(b, "ada@example.com"))[0] == kept.claimant_id


async def test_a_conflict_ends_with_what_made_it_one(database_url):
    ends = {
        "is disabled there": lambda b: b.directory.change("b1", active=False),
        "has another address": lambda b: b.directory.change("b1", email="b1@example.com"),
        "is gone": lambda b: b.directory.remove("b1"),
    }
    async with sources(database_url, hr(), crm(*people(9)), mapping=TITLE) as (a, b):
        await a.cycle()
        for decided in (False, True):
            for end in ends.values():
                b.directory.people = [*people(9), titled("b1", "ada@example.com", "Contact")]
                await b.cycle()
                (found,) = await b.conflicts()
                if decided:
                    await b.decide(KEEP, found)
                    await b.cycle()
                end(b)
                await b.cycle()
                assert await b.conflicts() == []
                assert await b.conflicts(ConflictState.KEPT) == []
                await b.sql("DELETE FROM users WHERE email = 'b1@example.com'")
                await b.sql("DELETE FROM links WHERE external_id = 'b1'")


async def test_whoever_gets_another_address_at_the_owner_is_new_to_the_claimant(database_url):
    async with sources(database_url, hr(), crm(person(9)), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        await b.decide(KEEP, *await b.conflicts())
        await b.cycle()
        a.directory.change("a1", email="ada.l@example.com")
        await a.cycle()
        outcome, cycle = await b.cycle()
        assert (outcome.result, cycle.counts.created) == (CycleResult.SUCCESS, 1)
        assert await b.conflicts(ConflictState.KEPT) == []
        assert (await b.person("ada@example.com")).external_id == "b1"


@pytest.mark.parametrize("decided", [False, True], ids=["undecided", "kept"])
@pytest.mark.parametrize("left", list(LeaveBehind))
async def test_who_is_freed_by_a_deletion_goes_to_the_claimant(database_url, left, decided):
    async with sources(database_url, hr(), crm(person(9)), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        if decided:
            await b.decide(KEEP, *await b.conflicts())
            await b.cycle()
        gone = await a.configuration()
        await a.store.lifecycle.delete(
            gone.id, people=left, revision=gone.revision, by=ADA, audit=a.audit()
        )
        assert await b.conflicts() == await b.conflicts(ConflictState.KEPT) == []
        _, cycle = await b.cycle()
        assert cycle.counts.linked == 1
        await b.cycle()
        mine = (await b.configuration()).id
        assert await owner_of(b, "ada@example.com") == (mine, "Contact", UserStatus.INVITED)


async def test_a_disabled_owner_keeps_its_people_and_an_admin_may_move_them(database_url):
    async with sources(database_url, hr(), crm(), mapping=TITLE) as (a, b):
        await a.cycle()
        owner = await a.configuration()
        await a.store.lifecycle.set_enabled(owner.id, False, audit=a.audit())
        await b.cycle()
        (found,) = await b.conflicts()
        assert (await owner_of(b, "ada@example.com"))[0] == owner.id
        await b.decide(MOVE, found)
        _, cycle = await b.cycle()
        assert cycle.counts.updated == 1
        await a.store.lifecycle.set_enabled(owner.id, True, audit=a.audit())
        assert (await a.cycle())[0].result is CycleResult.SUCCESS
        assert (await owner_of(b, "ada@example.com"))[:2] == (found.claimant_id, "Contact")


async def test_a_deleted_claimant_claims_nobody(database_url):
    async with sources(database_url, hr(), crm(), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        gone = await b.configuration()
        await b.store.lifecycle.delete(
            gone.id, people=LeaveBehind.STAY, revision=gone.revision, by=ADA, audit=b.audit()
        )
        assert (await b.store.conflicts.count()).people == 0
        assert await b.sql("SELECT * FROM conflicts") == []


async def test_a_cycle_under_way_writes_nothing_of_somebody_who_was_moved_meanwhile(database_url):
    async with sources(database_url, hr(*people(5)), crm(), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        (found,) = await b.conflicts()
        a.directory.change("a1", attributes={"title": "Chief"})
        cycle = await a.run_with(lambda: b.decide(MOVE, found))
        assert cycle.counts.updated == 0
        assert await owner_of(a, "ada@example.com") == (found.claimant_id, "Engineer", "invited")
        assert (await a.cycle())[0].result is CycleResult.SUCCESS
        assert await a.conflicts() == []


async def test_the_new_owners_cycle_under_way_does_not_take_the_person_for_up_to_date(database_url):
    async with sources(database_url, hr(), crm(person(9)), mapping=TITLE) as (a, b):
        await a.cycle()
        await b.cycle()
        await b.decide(KEEP, *await b.conflicts())
        (kept,) = await b.conflicts(ConflictState.KEPT)
        await b.run_with(lambda: b.decide(MOVE, kept))
        _, cycle = await b.cycle()
        assert cycle.counts.updated == 1
        assert (await owner_of(b, "ada@example.com"))[:2] == (kept.claimant_id, "Contact")


@pytest.mark.parametrize("there", [False, True], ids=["new", "there before dirsync"])
async def test_of_two_who_want_a_person_at_the_same_moment_one_gets_them(database_url, there):
    async with sources(database_url, hr(person(7)), crm(person(9)), mapping=TITLE) as (a, b):
        if there:
            await a.sql(USERS, id=900_000, email="ada@example.com")
        cycle = await b.run_with(a.cycle)
        assert cycle.counts.conflicts == 1
        (found,) = await b.conflicts()
        assert (found.owner, found.external_id) == ("hr", "b1")
        assert (await owner_of(b, "ada@example.com"))[:2] == (found.owner_id, "Engineer")


async def test_two_cycles_at_once_share_a_crowd_without_a_rest(database_url):
    crowd = [f"p{number}@example.com" for number in range(60)]
    ours = [Person(id=f"a{n}", email=mail) for n, mail in enumerate(crowd)]
    theirs = [Person(id=f"b{n}", email=mail) for n, mail in enumerate(reversed(crowd))]
    async with sources(database_url, ("hr", ours), ("crm", theirs)) as (a, b):
        contexts = []
        for source in (a, b):
            await source.queue()
            contexts.append(source.context(await source.claim(), batch=7))
        await asyncio.gather(*(run_cycle(context) for context in contexts))
        ids = [(await source.configuration()).id for source in (a, b)]
        owners = {
            user.email: user.configuration_id for user in await a.store.people.search(limit=99)
        }
        claimed = {
            each.label: each.claimant_id for each in [*await a.conflicts(), *await b.conflicts()]
        }
        assert set(owners) == set(claimed) == set(crowd)
        assert all({owners[mail], claimed[mail]} == set(ids) for mail in crowd)
        for source in (a, b):
            await source.cycle()
        assert len(await a.conflicts()) + len(await b.conflicts()) == len(crowd)


async def test_priority_decides_for_the_first_of_all_who_want_a_person(database_url):
    both = [Person(id=f"p{n}", email=f"p{n}@example.com") for n in range(3)]
    async with sources(database_url, ("low", both), ("mid", both), ("top", both[:1])) as found:
        low, mid, top = found
        for source in found:
            await source.cycle()
        assert {verdict for *_, verdict in await low.by_priority()} == {"keep"}
        await mid.apply(priority=2)
        await top.apply(priority=1)
        assert sorted(await low.by_priority()) == [
            ("low", "mid", "keep"),
            ("low", "mid", "move"),
            ("low", "mid", "move"),
            ("low", "top", "move"),
        ]


async def test_who_was_moved_and_is_deleted_for_good_is_named_nowhere(database_url):
    mark = "zebra"
    one = {"attributes": {"title": f"{mark} title"}, "email": f"{mark}@example.com"}
    ours = Person(id=f"a-{mark}", **one)
    theirs = Person(id=f"b-{mark}", **{**one, "attributes": {"title": "Contact"}})
    async with sources(
        database_url,
        ("hr", [*people(20), ours]),
        ("crm", [*people(20, start=30), theirs]),
        mapping=TITLE,
        guard=Guard(percent=100, minimum=100),
    ) as found:
        b = found[1]
        for source in found:
            await source.cycle(dry_run=True)
            await source.cycle()
        await b.decide(MOVE, *await b.conflicts(), reason="a new job")
        await b.cycle()
        assert {"conflicts", "moves", "problems", "changes"} <= await tables_that_name(b, mark)
        for source in found:
            source.directory.people = source.directory.people[:20]
        for _ in range(3):
            for source in found:
                await source.cycle()
            b.clock.time += timedelta(days=31)
        assert await tables_that_name(b, mark) == set()
