"""Whose Home tab is shown anew: decided by the store, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.model.events import EventKind
from core.store.home_viewers import GATHERED, MOST, RECENT
from core.store.opening import open_store
from tests.support.databases import fresh_database


async def due(store, clock, owner="a"):
    items = [item for item, _ in await store.outbox.due(owner=owner, now=clock.now())]
    assert all(item.kind is EventKind.HOME for item in items)
    return [item.subject for item in items]


async def test_only_the_latest_who_opened_theirs_lately_are_remembered(store, clock):
    viewers = store.home_viewers
    for number in range(MOST + 2):
        await viewers.opened(f"U{number:02}", now=clock.now())
        clock.time += timedelta(seconds=1)
    await viewers.opened("U05", now=clock.now())
    found = await viewers.recent(now=clock.now())
    assert len(found) == MOST
    assert {"U00", "U01"}.isdisjoint(found)
    assert found[-1] == "U05"
    assert await viewers.show_anew(now=clock.now()) == MOST
    clock.time += RECENT + timedelta(seconds=1)
    assert await viewers.recent(now=clock.now()) == []
    assert await viewers.show_anew(now=clock.now()) == 0
    await viewers.opened("U99", now=clock.now())
    assert await viewers.recent(now=clock.now()) == ["U99"]


async def test_what_happens_within_a_moment_is_shown_once(store, clock):
    await store.home_viewers.opened("U1", now=clock.now())
    assert await due(store, clock) == []
    await store.home_viewers.show_anew(now=clock.now())
    await store.home_viewers.show_anew(now=clock.now() + GATHERED / 2)
    clock.time += GATHERED
    [(item, _)] = await store.outbox.due(owner="a", now=clock.now())
    await store.outbox.delivered(item, None, now=clock.now())
    assert await due(store, clock) == []
    assert await store.outbox.backlog() == (0, 0)


async def test_what_happens_while_a_tab_is_published_is_shown_afterwards(store, clock):
    await store.home_viewers.opened("U1", now=clock.now())
    await store.home_viewers.show_anew(now=clock.now())
    clock.time += GATHERED
    [(item, _)] = await store.outbox.due(owner="a", now=clock.now())
    await store.home_viewers.show_anew(now=clock.now())
    assert await due(store, clock, "b") == []
    await store.outbox.delivered(item, None, now=clock.now())
    assert await due(store, clock, "b") == ["U1"]


@pytest.fixture
def postgresql_url(tmp_path):
    with fresh_database("postgresql", tmp_path) as url:
        yield url


async def test_a_replica_shows_the_tab_that_was_opened_at_another_and_only_one_does(
    postgresql_url, clock
):
    async with (
        await open_store(postgresql_url, clock=clock, migrate=False) as one,
        await open_store(postgresql_url, clock=clock, migrate=False) as other,
    ):
        await one.home_viewers.opened("U1", now=clock.now())
        await other.home_viewers.show_anew(now=clock.now())
        clock.time += GATHERED
        assert await due(other, clock, "b") == ["U1"]
        assert await due(one, clock, "a") == []
