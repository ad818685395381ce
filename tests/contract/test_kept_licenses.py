"""Licenses kept back for groups, over both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.errors import ConflictError
from core.model.account import PersonOutcome, UserStatus
from core.model.application import LoginName, LoginStatus, NamedBy
from core.model.configuration import Guard, LeaveBehind, LicensePolicy
from core.model.reserves import Reserve
from core.store.logins import LoginAsked
from tests.support.scripted_directory import people, team
from tests.support.store_world import ADA, StoreWorld, store_world


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    """Give six invited people, u1 and u2 on the board, and four licenses, two for the board."""
    teams = [team("all", ["u1", "u5"]), team("board", ["u1", "u2"])]
    async with store_world(database_url, people(6), teams, guard=Guard(minimum=100)) as found:
        await found.cycle()
        await found.store.licenses.set_total(4, audit=found.audit())
        await keep(found, 2)
        yield found


async def keep(world: StoreWorld, count: int, *, seen: tuple[int, int] = (4, 0)):
    board = next(each for each in await world.store.reserves.groups() if each.name == "board")
    wanted = Reserve(
        configuration_id=board.configuration_id,
        external_id=board.external_id,
        group=board.name,
        group_id=board.group_id,
        kept=count,
    )
    return await world.store.reserves.keep(wanted, seen=seen, audit=world.audit())


async def log_in(world: StoreWorld, *numbers: int) -> list[tuple[LoginStatus, int | None]]:
    asked = [
        LoginAsked(name=LoginName(by=NamedBy.EMAIL, key=f"u{n}@example.com"), audit=world.audit())
        for n in numbers
    ]
    found = await world.store.logins.log_in(asked, now=world.clock.now())
    return [(each.status, each.place) for each in found]


IN = (LoginStatus.ACTIVATED, None)


def waits(place: int) -> tuple[LoginStatus, int]:
    return LoginStatus.WAITING, place


async def test_others_do_not_get_what_is_kept_and_members_pass_them(world):
    assert await log_in(world, 3, 4, 5, 1, 6, 2) == [IN, IN, waits(1), IN, waits(2), IN]
    pool = await world.store.licenses.summary()
    assert (pool.used, pool.waiting, pool.kept, pool.free) == (4, 2, 0, 0)


async def test_a_member_takes_a_kept_one_first(world):
    assert await log_in(world, 1, 2, 3, 4, 5) == [IN, IN, IN, IN, waits(1)]


async def test_what_is_kept_counts_as_in_use_for_others(world):
    await log_in(world, 3, 4, 5)
    pool = await world.store.licenses.summary()
    assert (pool.used, pool.unused, pool.free, pool.kept) == (2, 2, 0, 2)
    assert (pool.ready, pool.shortfall) == (0, 2)
    (board,) = pool.reserves
    assert (board.group, board.kept, board.used, board.left) == ("board", 2, 0, 2)
    ((payload,),) = await world.sql("SELECT payload FROM outbox WHERE kind = 'alert'")
    assert '"resolved":false' in payload


async def test_an_admin_gives_nobody_else_what_is_kept_and_is_told_why(world):
    await log_in(world, 3, 4, 5)
    names = [f"u{n}@example.com" for n in (5, 6, 2)]
    found = await world.store.activations.activate(names, audit=world.audit())
    assert [(each.outcome, each.place) for each in found] == [
        (PersonOutcome.KEPT_BACK, 1),
        (PersonOutcome.KEPT_BACK, None),
        (PersonOutcome.ACTIVATED, None),
    ]


async def test_the_first_in_line_for_whom_there_is_one_is_activated(world):
    await log_in(world, 3, 4)
    await world.sql("UPDATE license_pool SET total = 2")
    assert await log_in(world, 5, 1, 6) == [waits(1), waits(2), waits(3)]
    await world.sql("UPDATE license_pool SET total = 4")
    pool = await world.store.licenses.summary()
    assert (pool.ready, pool.kept_for_waiting) == (1, 1)
    found = await world.store.activations.activate_waiting(1, audit=world.audit())
    assert [(each.asked, each.outcome, each.place) for each in found] == [
        ("u5@example.com", PersonOutcome.KEPT_BACK, 1),
        ("u1@example.com", PersonOutcome.ACTIVATED, None),
    ]


async def test_a_link_keeps_to_it_too(world):
    due = await world.store.invitations.due(owner="w", now=world.clock.now())
    await world.store.invitations.sent(due, now=world.clock.now())
    tokens = {each.email: each.token for each in due}
    found = [
        await world.store.activations.accept(tokens[f"u{n}@example.com"], audit=world.audit())
        for n in (3, 4, 5, 1)
    ]
    assert [each.status for each in found] == [
        UserStatus.ACTIVE,
        UserStatus.ACTIVE,
        UserStatus.WAITING,
        UserStatus.ACTIVE,
    ]


async def test_whoever_becomes_a_member_gets_a_kept_one_where_the_policy_is_automatic(world):
    await world.store.configurations.apply(
        [],
        licenses_total=None,
        licenses_policy=LicensePolicy.AUTOMATIC,
        by=ADA,
        now=world.clock.now(),
    )
    await log_in(world, 3, 4, 5, 6)
    assert (await world.store.licenses.summary()).waiting == 2
    world.directory.teams = [team("all"), team("board", ["u1", "u2", "u6"])]
    await world.cycle()
    assert (await world.person("u6@example.com")).status is UserStatus.ACTIVE
    assert (await world.person("u5@example.com")).status is UserStatus.WAITING


async def test_a_group_that_is_gone_keeps_nothing_and_can_be_released(world):
    await log_in(world, 3, 4, 5)
    world.directory.teams = [team("all", ["u1", "u5"])]
    await world.cycle()
    pool = await world.store.licenses.summary()
    assert (pool.kept, pool.free, pool.ready) == (0, 2, 1)
    assert [each.group_id for each in pool.reserves] == [None]
    (gone,) = await world.store.reserves.gone()
    assert gone.name == "board"
    released = replace(pool.reserves[0], kept=0)
    await world.store.reserves.keep(released, seen=(4, 2), audit=world.audit())
    assert (await world.store.licenses.summary()).reserves == ()


async def test_whoever_comes_back_finds_a_license_that_is_kept_for_them_only(world):
    assert await log_in(world, 1, 3) == [IN, IN]
    kept = world.directory.people
    world.directory.people = [each for each in kept if each.id not in {"u1", "u3"}]
    await world.cycle()
    await log_in(world, 4, 5)
    world.directory.people = kept
    await world.cycle()
    assert (await world.person("u1@example.com")).status is UserStatus.ACTIVE
    assert (await world.person("u3@example.com")).status is UserStatus.INVITED


async def test_keeping_more_than_is_free_keeps_what_gets_free_later(world):
    await log_in(world, 3, 4)
    change = await keep(world, 4, seen=(4, 2))
    assert (change.kept_before, change.after.kept, change.after.free) == (2, 2, 0)
    await world.store.activations.free(["u3@example.com"], audit=world.audit())
    assert await log_in(world, 5) == [waits(1)]
    assert (await world.store.licenses.summary()).kept == 3


async def test_a_decision_about_other_numbers_than_these_changes_nothing(world):
    for seen in ((5, 2), (4, 0)):
        with pytest.raises(ConflictError) as caught:
            await keep(world, 1, seen=seen)
        assert caught.value.code == "licenses_changed"
    assert (await world.store.licenses.summary()).kept == 2


async def test_deleting_a_configuration_releases_what_it_kept(world):
    found = await world.configuration()
    await world.store.lifecycle.delete(
        found.id, people=LeaveBehind.STAY, revision=found.revision, by=ADA, audit=world.audit()
    )
    assert (await world.store.licenses.summary()).reserves == ()
