"""Setup and edit in Slack: the form step by step, on real people, until the first cycle."""

from __future__ import annotations

import pytest
from app_world import ADMIN, ADMIN_2, CHANNEL, MEMBER, TOKEN, VIEWER, app_world

from core.model.configuration import Schedule

DENIED = "You may not do this"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def opened(world, user, text, title):
    page = await world.as_(user)
    await page.say(f"/dirsync {text}", channel=CHANNEL)
    await page.wait_view(title)
    return page


async def named(world, name):
    return await world.core.store.configurations.by_name(name)


async def to_signin(world, name="second", user=ADMIN):
    page = await opened(world, user, "setup", "Where the people come from")
    assert await page.submit({"name": name, "kind": "scim-token"}) == {}
    await page.wait_view("Bearer token")
    return page


async def to_summary(world, page, *, token=TOKEN, mapping="title = title", **schedule):
    await page.submit({"url": f"{world.demo.url}/scim/v2", "token": token})
    await page.wait_view("Is that the right one?")
    await page.submit({})
    await page.wait_view("Who is provisioned")
    await page.submit({"domains": "", "groups": "", "filter": ""})
    await page.wait_view("one a line: the account's attribute")
    await page.submit({"mapping": mapping})
    await page.wait_view("Five of them")
    await page.submit({})
    await page.wait_view("It starts")
    await page.submit({"starts": "daily", "time": "02:30", "timezone": "Europe/Berlin", **schedule})
    await page.wait_view("Hold removals over")
    await page.submit({"channel": world.demo.workspace.channel_named(CHANNEL).id})
    return await page.wait_view("are in scope", patience=60)


async def test_from_an_empty_form_to_the_first_success(world):
    await delete_first(world)
    page = await to_signin(world)
    view = await to_summary(world, page)
    assert "14 of 14 people are in scope" in str(view)
    assert "Next starts" in str(view)
    assert await page.submit({"after": "sync"}) == {}
    await page.wait_view("is saved")
    card = await page.message(lambda t: "second: " in t and "uccess" in t, patience=60)
    assert "12" in card.text
    saved = await named(world, "second")
    assert saved.spec.schedule == Schedule(cron="30 2 * * *", timezone="Europe/Berlin")
    assert saved.spec.mapping == {"title": "title"}
    await page.message("created the configuration second", channel=CHANNEL)
    assert (await world.core.store.people.count()) == 12


async def delete_first(world):
    page = await opened(world, ADMIN, "delete", "Delete configuration")
    await page.submit({"name": "people-scim", "reason": "start anew"})
    await page.wait_view("is deleted")
    await page.close(everything=True)


async def test_a_typed_secret_is_sealed_and_never_shown_again(world):
    page = await to_signin(world)
    await page.submit({"url": f"{world.demo.url}/scim/v2", "token": TOKEN})
    await page.wait_view("Is that the right one?")
    draft = await world.core.store.drafts.about(f"slack:{ADMIN}", None)
    assert draft.fields["token"].startswith("stored:s-")
    assert await world.core.secrets.open([draft.fields["token"]]) == {draft.fields["token"]: TOKEN}
    await page.click("Back")
    view = await page.wait_view("Leave this empty to keep it")
    assert TOKEN not in str(view)
    await page.submit({})
    await page.wait_view("Is that the right one?")
    again = await world.core.store.drafts.about(f"slack:{ADMIN}", None)
    assert again.fields["token"] == draft.fields["token"]


async def test_a_wrong_secret_is_told_with_the_rights_that_are_needed(world):
    page = await to_signin(world)
    await page.submit({"url": f"{world.demo.url}/scim/v2", "token": "wrong"})
    view = await page.wait_view("must be allowed to read Users")
    assert "❌" in str(view)


async def test_the_form_for_ldap_says_when_it_is_seen_that_somebody_was_deleted(world):
    page = await opened(world, ADMIN, "setup", "Where the people come from")
    await page.submit({"name": "office", "kind": "ldap-password"})
    view = str(await page.wait_view("Base DN"))
    assert "DirSync control" in view
    assert "the full read once a day" in view


async def test_every_error_stands_at_its_field(world):
    page = await opened(world, ADMIN, "setup", "Where the people come from")
    assert list(await page.submit({"name": "a b", "kind": "csv-file"})) == ["name"]
    taken = await page.submit({"name": "PEOPLE-scim", "kind": "csv-file"})
    assert "called people-scim already" in taken["name"]
    await page.submit({"name": "good", "kind": "scim-token"})
    await page.wait_view("Bearer token")
    errors = await page.submit({"url": "http://idp.example", "token": "x"})
    assert list(errors) == ["url"]
    await page.submit({"url": f"{world.demo.url}/scim/v2", "token": TOKEN})
    await page.wait_view("Is that the right one?")
    await page.submit({})
    await page.wait_view("Who is provisioned")
    assert list(await page.submit({"domains": "no t"})) == ["domains"]
    await page.submit({"domains": "example.com"})
    await page.wait_view("one a line: the account's attribute")
    assert list(await page.submit({"mapping": "title"})) == ["mapping"]
    assert list(await page.submit({"mapping": "title = a b"})) == ["mapping"]
    await page.submit({"mapping": ""})
    await page.wait_view("Five of them")
    await page.submit({})
    await page.wait_view("It starts")
    assert list(await page.submit({"starts": "daily", "time": "25:00"})) == ["time"]
    assert list(await page.submit({"starts": "cron", "cron": "x"})) == ["cron"]
    wrong = await page.submit({"starts": "cron", "cron": "0 2 * * *", "timezone": "Mars"})
    assert list(wrong) == ["timezone"]
    await page.submit({"starts": "hand"})
    await page.wait_view("Hold removals over")
    wrong = {"percent": "101", "grace": "soon", "priority": "first"}
    assert list(await page.submit(wrong)) == ["percent", "grace", "priority"]


async def test_back_loses_nothing_and_a_closed_form_goes_on_where_it_was(world):
    page = await to_signin(world, name="kept")
    await page.submit({"url": f"{world.demo.url}/scim/v2", "token": TOKEN})
    await page.wait_view("Is that the right one?")
    await page.submit({})
    await page.wait_view("Who is provisioned")
    await page.submit({"groups": "Engineering"})
    await page.wait_view("one a line: the account's attribute")
    await page.click("Back")
    assert "Engineering" in str(await page.wait_view("Who is provisioned"))
    await page.close(everything=True)
    page = await opened(world, ADMIN, "setup", "Where the people come from")
    assert "kept" in str(page.screen.top_view)
    await page.click("Begin anew")
    await page.wait_until(lambda: "kept" not in str(page.screen.top_view["blocks"][0]), what="anew")


async def editing(world, step, user=ADMIN):
    page = await opened(world, user, "edit", "Change something to see")
    await page.click(f"Change {step}")
    return page


async def to_half(world, user=ADMIN):
    """Edit the scope so that half of the company leaves it."""
    page = await editing(world, "scope", user)
    await page.wait_view("Who is provisioned")
    await page.submit({"groups": "Engineering"})
    await page.wait_view("would leave", patience=60)
    return page


async def test_an_edit_shows_who_leaves_and_keeps_them_unless_asked(world):
    await world.synced()
    page = await to_half(world)
    assert "What becomes of the" in str(page.screen.top_view)
    assert await page.submit({}) == {}
    await page.wait_view("is saved")
    await world.synced()
    statuses = await world.core.store.people.statuses()
    assert {key.value: n for key, n in statuses.items() if n} == {"invited": 12}


async def test_an_edit_that_removes_goes_through_the_guard(world):
    await world.synced()
    page = await to_half(world)
    await page.submit({"leavers": "remove"})
    await page.wait_view("is saved")
    await world.ask(ADMIN, "sync")
    await page.message("removals held", channel=CHANNEL, patience=60)


async def test_an_edit_tells_whose_attributes_change_and_what_is_lost(world):
    await world.synced()
    page = await editing(world, "attributes")
    await page.wait_view("one a line: the account's attribute")
    await page.submit({"mapping": ""})
    await page.wait_view("Five of them")
    await page.submit({})
    view = await page.wait_view("would lose the value of title", patience=60)
    assert "14 would have other attributes" in str(view)


async def test_a_stale_edit_saves_nothing_and_says_so(world):
    page = await to_half(world)
    other = await opened(world, ADMIN_2, "disable", "Disable configuration")
    await other.submit({})
    await other.wait_view("is disabled")
    before = await named(world, "people-scim")
    await page.submit({})
    await page.wait_view("was changed by somebody else meanwhile")
    assert await named(world, "people-scim") == before
    fresh = await opened(world, ADMIN, "edit", "Change something to see")
    assert "Everybody in the directory" in str(fresh.screen.top_view)


async def test_a_changed_sign_in_is_tried_before_it_is_saved(world):
    await world.synced()
    before = await named(world, "people-scim")
    page = await editing(world, "provider")
    await page.wait_view("Where the people come from")
    taken = await page.submit({"name": "people-scim", "kind": "csv-url"})
    assert taken == {}
    await page.wait_view("URL of the file")
    await page.click("Back")
    await page.wait_view("What this means")
    await page.submit({})
    await page.wait_view("not tried since, so nothing was saved")
    after = await named(world, "people-scim")
    assert (after.spec, after.revision) == (before.spec, before.revision)


async def test_another_company_is_refused_unless_confirmed(world):
    await world.synced()
    configuration = await named(world, "people-scim")
    await world.core.store.settings.set(f"company:{configuration.id}", "Old Company")
    page = await editing(world, "sign-in")
    await page.wait_view("must be allowed to read Users")
    await page.submit({})
    view = await page.wait_view("Is that the right one?")
    assert "Until now it was Old Company" in str(view)
    await page.submit({})
    await page.wait_view("are in scope", patience=60)
    await page.submit({})
    await page.wait_view("Is the other directory meant?")
    await page.submit({"company": "yes"})
    await page.wait_view("is saved")
    stored = await world.core.store.settings.get(f"company:{configuration.id}")
    assert stored != "Old Company"


@pytest.mark.parametrize("user", [VIEWER, MEMBER])
@pytest.mark.parametrize("verb", ["setup", "edit"])
async def test_only_admins_see_the_form(world, user, verb):
    assert DENIED in (await world.ask(user, verb)).text


async def test_nobody_submits_another_persons_form(world):
    page = await to_signin(world)
    mine = page.screen.top_view["private_metadata"]
    other = await to_signin(world, name="third", user=ADMIN_2)
    view_id = other.screen.top_view["id"]
    for stack in world.demo.team.modals._stacks.values():
        for view in stack.views:
            if view["id"] == view_id:
                view["private_metadata"] = mine
    await other.submit({"url": f"{world.demo.url}/scim/v2", "token": TOKEN})
    await other.wait_view("That form is over")
    draft = await world.core.store.drafts.about(f"slack:{ADMIN}", None)
    assert "url" not in draft.fields
