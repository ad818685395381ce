"""The pool's days, and who makes no use of a license, over both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.engine.matching import match_key
from core.model.application import LoginName, NamedBy
from core.model.desk import Unused
from core.store.logins import LoginAsked
from tests.support.scripted_directory import people
from tests.support.store_world import StoreWorld, store_world


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    """Give an account of six people whose invitations were sent, and three licenses."""
    async with store_world(database_url, people(6)) as found:
        await found.cycle()
        await found.store.licenses.set_total(3, audit=found.audit())
        due = await found.store.invitations.due(owner="w", now=found.clock.now())
        await found.store.invitations.sent(due, now=found.clock.now())
        yield found


async def activate(world: StoreWorld, *numbers: int) -> None:
    names = [f"u{n}@example.com" for n in numbers]
    await world.store.activations.activate(names, audit=world.audit())


async def log_in(world: StoreWorld, number: int) -> None:
    name = LoginName(by=NamedBy.EMAIL, key=match_key(f"u{number}@example.com"))
    asked = LoginAsked(name=name, audit=world.audit())
    await world.store.logins.log_in([asked], now=world.clock.now())


async def unused(world: StoreWorld, days: int, limit: int = 10):
    before = world.clock.now() - timedelta(days=days)
    return await world.store.license_days.unused(before=before, limit=limit)


async def test_each_day_on_which_something_changed_has_how_it_ended(world):
    first = world.clock.now().date()
    await activate(world, 1)
    world.clock.time += timedelta(days=3)
    await activate(world, 2)
    await activate(world, 3)
    world.clock.time += timedelta(days=2)
    await world.store.activations.free(["u1@example.com"], audit=world.audit())
    found = await world.store.license_days.since(first)
    assert [((each.day - first).days, each.used, each.total) for each in found] == [
        (0, 1, 3),
        (3, 3, 3),
        (5, 2, 3),
    ]
    later = await world.store.license_days.since(first + timedelta(days=4))
    assert [((each.day - first).days, each.used) for each in later] == [(4, 3), (5, 2)]
    assert await world.store.license_days.since(first + timedelta(days=5)) == found[2:]


async def test_who_has_not_logged_in_and_who_has_not_come_are_listed_longest_unused_first(world):
    await activate(world, 1, 2)
    await log_in(world, 3)
    world.clock.time += timedelta(days=20)
    await log_in(world, 2)
    world.clock.time += timedelta(days=15)
    found = await unused(world, 30)
    assert found.logins_known
    assert found.counts == {Unused.NO_LOGIN: 2, Unused.NOT_ACCEPTED: 3}
    assert [each.email for each in found.people] == [
        f"u{number}@example.com" for number in (1, 3, 4, 5, 6)
    ]
    assert (await unused(world, 36)).people == ()
    few = await unused(world, 30, limit=1)
    assert [each.email for each in few.people] == ["u1@example.com"]
    assert few.counts == found.counts


async def test_without_an_application_that_tells_of_logins_nobody_is_called_idle(world):
    await activate(world, 1, 2)
    world.clock.time += timedelta(days=90)
    found = await unused(world, 30)
    assert not found.logins_known
    assert found.counts == {Unused.NO_LOGIN: 0, Unused.NOT_ACCEPTED: 4}


async def test_protected_people_are_not_asked_to_give_anything_up(world):
    await log_in(world, 1)
    await world.sql("UPDATE users SET protected = TRUE WHERE email = 'u1@example.com'")
    world.clock.time += timedelta(days=90)
    assert (await unused(world, 30)).counts[Unused.NO_LOGIN] == 0
