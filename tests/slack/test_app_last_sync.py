"""Wherever it is said when something was last synced, a click leads to that very cycle."""

from __future__ import annotations

import re

import pytest
from app_world import ADMIN, MEMBER, VIEWER, app_world, until


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def test_the_line_leads_to_the_cycle_from_the_status_the_people_and_the_licenses(world):
    assert "Last sync" not in (await world.ask(VIEWER, "status")).text
    await world.synced()
    [cycle] = await world.core.store.cycles.list(limit=1)
    for text, label in (("status", "Last sync"), ("users", "Show it"), ("licenses", "Show it")):
        answer = await world.ask(VIEWER, text)
        assert "Partial success, " in answer.text
        assert cycle.id in (await world.click(VIEWER, label, on=answer)).text
    assert "Last sync]" not in (await world.ask(MEMBER, "status")).text


async def test_the_run_card_and_the_home_tab_lead_there_too(world):
    card = await world.synced()
    [cycle] = await world.core.store.cycles.list(limit=1)
    assert cycle.id in (await world.click(VIEWER, "Details", on=card)).text
    page = await world.as_(ADMIN)
    await page.open_home()
    await until(lambda: "Last sync: Partial success" in str(page.screen.home))
    mark = page.mark()
    label = re.search(r"Last sync: Partial success, [a-z0-9 ]+", str(page.screen.home))
    await page.click(label[0], home=True)
    shown = await page.message(cycle.id, channel="dirsync", after=mark)
    assert "people-scim" in shown.text
