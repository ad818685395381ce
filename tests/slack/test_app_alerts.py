"""What people say to alerts: seen, muted for a day, heard again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from app_world import ADMIN, CHANNEL, VIEWER, app_world

from core.model.account import Actor, Role
from core.model.events import AlertKind

OPERATOR = Actor(id=f"slack:{ADMIN}", name="Tomasz", role=Role.OPERATOR, door="slack")


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def failed(world, *, after=0):
    """Let a sync fail and return its alert."""
    world.directory.do("down")
    await world.ask(ADMIN, "sync")
    page = await world.as_(ADMIN)
    return await page.message("Sync failed", channel=CHANNEL, after=after, patience=60)


async def test_whoever_sees_to_an_alert_stands_on_its_card(world):
    alert = await failed(world)
    assert "sees to it" not in alert.text
    await world.click(ADMIN, "I see to it", on=alert)
    page = await world.as_(ADMIN)
    card = await page.message("sees to it", channel=CHANNEL)
    assert card.ts == alert.ts
    assert "I see to it" not in card.text
    entries = await world.core.store.audit.list(limit=3)
    assert entries[0].action == "alert.acknowledge"


async def test_a_muted_kind_posts_no_new_card_until_it_is_heard_again(world):
    alert = await failed(world)
    await world.click(ADMIN, "Mute 24 h", on=alert, sure=True)
    page = await world.as_(ADMIN)
    card = await page.message("muted until", channel=CHANNEL)
    assert card.ts == alert.ts
    world.directory.do("normal")
    await world.synced()
    await page.message("Sync failed: over", channel=CHANNEL)
    mark = page.mark()
    world.directory.do("down")
    await world.ask(ADMIN, "sync")
    await page.message("people-scim: Failure", channel=CHANNEL, after=mark, patience=60)
    cards = [each for each in world.public_texts() if "header" in each and "Sync failed" in each]
    assert len(cards) == 1


async def test_a_mute_lasts_a_week_at_most_and_can_be_taken_back(world):
    key, kind = "alert:sync_failed:c-1", AlertKind.SYNC_FAILED
    until = await world.core.alerts.mute(OPERATOR, key, kind, "", length=timedelta(days=99))
    assert until - world.core.clock.now() <= timedelta(days=7)
    await world.core.alerts.unmute(OPERATOR, key, kind, "")
    assert await world.core.store.alert_marks.get("mute:sync_failed:") is None


async def test_viewers_do_not_mute(world):
    alert = await failed(world)
    answer = await world.click(VIEWER, "Mute 24 h", on=alert, sure=True)
    assert "You may not do this" in answer.text
