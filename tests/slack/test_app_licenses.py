"""The license desk in Slack."""

from __future__ import annotations

import pytest
from app_world import CLI, VIEWER, app_world

from core.model.account import UserStatus


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path, people=6, licenses=4) as made:
        await made.synced()
        yield made


async def test_the_desk_has_a_bar_the_outlook_and_who_could_give_a_license_up(world):
    people = await world.core.store.people.search(status=UserStatus.INVITED)
    application, _ = await world.core.applications.create(CLI, "portal")
    for person in people[:2]:
        await world.core.activation.log_in(application, email=person.email)
    shown = (await world.ask(VIEWER, "licenses")).text
    assert f"{'█' * 10}{'░' * 10} 50 %" in shown
    assert "2 of 4 licenses used" in shown
    assert "once their use is known for 7 days" in shown
    assert "Who could give one up" not in shown
    assert "Nobody has left a license" in (await world.ask(VIEWER, "licenses --unused 7d")).text
    await long_ago(world)
    desk = await world.ask(VIEWER, "licenses")
    assert "2 hold a license without a login for 30 days" in desk.text
    named = (await world.click(VIEWER, "Who could give one up", on=desk)).text
    assert people[0].email in named
    assert "from how many days on" in (await world.ask(VIEWER, "licenses --unused 5h")).text


async def long_ago(world) -> None:
    async def work(tx):
        await tx.run("UPDATE users SET last_login_at = 1 WHERE account_id = :account AND licensed")

    await world.core.store.people._database.write(work)
