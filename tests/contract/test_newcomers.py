"""Who is created without a look at each, and that it comes to the same."""

from __future__ import annotations

import pytest

from core.model.configuration import InvitationWay
from core.model.cycle import Action, Decision, ScopeAnswer
from core.store.opening import open_store
from tests.support.clocks import WallClock
from tests.support.databases import fresh_database
from tests.support.people import Desk, record


@pytest.fixture
async def desk(store, clock):
    desk = Desk(store, clock)
    await desk.configure(licenses=2)
    return desk


async def found(desk, fence, chunk=10_000):
    return [some async for some in desk.store.sync.newcomers(fence, chunk=chunk)]


async def others(desk, fence):
    chunks = [chunk async for chunk in desk.store.sync.pairs(fence, newcomers=False)]
    return [pair.external_id for chunk in chunks for pair in chunk]


async def create(desk, fence, some):
    decision = Decision(some.pair, Action.CREATE, "new", settles=True)
    await desk.store.sync.create_newcomers(
        fence, some, decision, now=desk.clock.now(), send=InvitationWay.MAIL
    )


NOT_NEW = {
    "disabled": {"active": False},
    "unreadable": {"readable": False},
    "out of scope": {"scope": ScopeAnswer.OUT},
    "out by an edit": {"scope": ScopeAnswer.OUT_BY_EDIT},
    "with a warning": {"problems": "[]"},
    "without an address": {"match_key": ""},
}


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("why", NOT_NEW)
async def test_whoever_differs_in_what_a_decision_looks_at_is_no_newcomer(desk, why, linked):
    if linked:
        await desk.cycle([record("ann")])
    fence = await desk.begin([record("bob"), record("cid", **NOT_NEW[why]), record("dee")])
    [some] = await found(desk, fence)
    assert some.people == 2
    assert await others(desk, fence) == [record("cid").external_id]


async def test_twins_holders_and_the_linked_are_no_newcomers(desk):
    await desk.cycle([record("ann"), record("bob")])
    taken = record("cid", match_key=record("ann").match_key)
    twin = record("eve", match_key=record("dee").match_key)
    fence = await desk.begin([record("ann"), taken, record("dee"), twin, record("fay")])
    [some] = await found(desk, fence)
    assert (some.people, some.pair.external_id) == (1, record("fay").external_id)
    wanted = [one.external_id for one in (record("ann"), taken, record("dee"), twin)]
    assert await others(desk, fence) == wanted


async def test_newcomers_come_in_chunks_and_each_once(desk):
    names = [record(f"p{number}") for number in range(7)]
    fence = await desk.begin([*names[:3], record("off", active=False), *names[3:]])
    chunks = await found(desk, fence, chunk=3)
    assert [some.people for some in chunks] == [3, 3, 1]
    for some in chunks:
        await create(desk, fence, some)
    counts = await desk.finish(fence, 8)
    assert (counts.created, counts.invited) == (7, 7)
    assert await desk.store.people.count() == 7


async def test_newcomers_end_up_as_those_created_one_by_one(tmp_path, database_url):
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    records = [record(f"p{number}") for number in range(5)]
    digests = []
    with fresh_database(kind, tmp_path) as twin:
        for url in (database_url, twin):
            async with await open_store(
                url, clock=WallClock(), lease_seconds=60, migrate=False
            ) as store:
                desk = Desk(store, WallClock())
                await desk.configure(licenses=2)
                fence = await desk.begin(records)
                if url == twin:
                    pairs = await desk.pairs(fence)
                    told = [Decision(p, Action.CREATE, "new", settles=True) for p in pairs]
                    await desk.apply(fence, told)
                else:
                    for some in await found(desk, fence, chunk=2):
                        await create(desk, fence, some)
                await desk.finish(fence, 5)
                digests.append(await store.maintenance.digest())
    assert digests[0] == digests[1]


async def test_whoever_is_known_by_now_is_left_to_the_pairs_and_the_rest_is_created(desk):
    fence = await desk.begin([record("ann"), record("bob"), record("cid")])
    [some] = await found(desk, fence)
    await desk.sql(
        "INSERT INTO users (account_id, id, user_name, display_name, email, match_key, status,"
        " profile, created_at, updated_at)"
        " VALUES (:account, 900, 'x', 'x', 'x', :key, 'active', '{}', 1, 1)",
        key=record("bob").match_key,
    )
    await create(desk, fence, some)
    assert await desk.user("bob") is None
    assert await others(desk, fence) == [record("bob").external_id]
    assert (await desk.finish(fence, 3)).created == 2


async def test_newcomers_created_once_are_not_created_again(desk):
    fence = await desk.begin([record("ann"), record("bob")])
    [some] = await found(desk, fence)
    await create(desk, fence, some)
    await create(desk, fence, some)
    counts = await desk.finish(fence, 2)
    assert (counts.created, counts.invited) == (2, 2)
