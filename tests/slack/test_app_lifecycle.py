"""Disable, enable and delete in Slack: the forms, who may, and what the channel is told."""

from __future__ import annotations

import asyncio

import pytest
from app_world import ADMIN, ADMIN_2, CHANNEL, MEMBER, OWNER, VIEWER, app_world

DENIED = "You may not do this"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def form(world, user, text, title):
    """Type a command that opens a form, and return the page with the form on top."""
    page = await world.as_(user)
    await page.say(f"/dirsync {text}", channel=CHANNEL)
    await page.wait_view(title)
    return page


async def only(world):
    (found,) = await world.core.store.configurations.all()
    return found


async def test_disabling_shows_what_stops_and_leaves_one_record_with_its_reason(world):
    await world.synced()
    page = await form(world, ADMIN, "disable", "Disable configuration")
    view = await page.wait_view("12 people stay exactly as they are")
    assert "Last synced" in str(view)
    assert await page.submit({"reason": "audit <!channel> week"}) == {}
    await page.wait_view("is disabled")
    found = await only(world)
    assert (found.enabled, found.disabled.by) == (False, f"slack:{ADMIN}")
    record = await page.message("disabled the configuration people-scim", channel=CHANNEL)
    assert "<!channel>" not in "".join(world.public_texts())
    assert record.text.count("people-scim") == 1
    assert "disabled" in (await world.ask(ADMIN, "sync")).text
    assert "is disabled already" in (await world.ask(ADMIN, "disable")).text


async def test_enabling_says_how_it_starts(world):
    page = await form(world, ADMIN, "disable", "Disable configuration")
    await page.submit({})
    await page.wait_view("is disabled")
    await page.close(everything=True)
    assert "It is started by hand" in (await world.ask(ADMIN, "enable")).text
    assert (await only(world)).enabled
    assert "enabled already" in (await world.ask(ADMIN, "enable")).text


async def test_deleting_needs_the_name_and_a_reason_at_their_fields(world):
    await world.synced()
    page = await form(world, ADMIN, "delete", "Delete configuration")
    errors = await page.submit({"name": "people-scim2", "reason": "moved"})
    assert list(errors) == ["name"]
    errors = await page.submit({"name": "people-scim", "reason": "   "})
    assert list(errors) == ["reason"]
    assert (await only(world)).enabled
    assert await page.submit({"name": "people-scim", "reason": "moved"}) == {}
    await page.wait_view("is deleted")
    assert await world.core.store.configurations.all() == []
    await page.message("deleted the configuration people-scim", channel=CHANNEL)
    assert await world.core.store.people.count() == 12


async def test_deleting_can_disable_everybody(world):
    await world.synced()
    page = await form(world, ADMIN, "delete", "Delete configuration")
    await page.submit({"people": "disable", "name": "people-scim", "reason": "closed"})
    await page.wait_view("12 people were disabled")
    statuses = await world.core.store.people.statuses()
    assert {key.value: n for key, n in statuses.items() if n} == {"disabled": 12}


async def test_a_form_that_is_no_longer_true_changes_nothing_and_says_so(world):
    page = await form(world, ADMIN, "delete", "Delete configuration")
    other = await form(world, ADMIN_2, "disable", "Disable configuration")
    await other.submit({})
    await other.wait_view("is disabled")
    await page.submit({"name": "people-scim", "reason": "old"})
    await page.wait_view("was changed by somebody else meanwhile")
    assert (await only(world)).name == "people-scim"


async def test_of_two_who_disable_at_once_one_does_and_the_other_is_told(world):
    pages = [
        await form(world, ADMIN, "disable", "Disable configuration"),
        await form(world, OWNER, "disable", "Disable configuration"),
    ]
    await asyncio.gather(*(page.submit({}) for page in pages))
    said = []
    for page in pages:
        await page.wait_until(
            lambda page=page: "One moment" not in str(page.screen.top_view), what="the result"
        )
        said.append(str(page.screen.top_view))
    assert sum("Nothing of it runs any more" in each for each in said) == 1
    assert sum("already" in each or "somebody else" in each for each in said) == 1
    records = [each for each in world.public_texts() if "disabled the configuration" in each]
    assert len(records) <= 1


@pytest.mark.parametrize("user", [VIEWER, MEMBER])
@pytest.mark.parametrize("verb", ["enable", "disable", "delete"])
async def test_only_admins_see_the_forms(world, user, verb):
    assert DENIED in (await world.ask(user, verb)).text


async def test_somebody_who_is_an_admin_no_longer_cannot_submit_what_they_opened(world):
    page = await form(world, ADMIN, "delete", "Delete configuration")
    world.demo.workspace.change_person(ADMIN, is_admin=False)
    await page.submit({"name": "people-scim", "reason": "anger"})
    await page.wait_view(DENIED)
    assert (await only(world)).enabled
