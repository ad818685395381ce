"""The license desk in Slack."""

from __future__ import annotations

import pytest
from app_world import ADMIN, CHANNEL, CLI, MEMBER, VIEWER, app_world, until

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


async def test_licenses_are_kept_for_a_group_once_the_effect_was_seen(world):
    asked = await world.ask(ADMIN, "licenses keep 3 --group Everyone")
    assert "Keep 3 licenses for Everyone?" in asked.text
    assert "Everyone has 8 members. 3 are kept back now. 1 stays free for everybody." in asked.text
    again = await world.ask(ADMIN, "licenses keep 2 --group everyone")
    kept = await world.click(ADMIN, "Keep 3", on=asked, sure=True)
    assert "3 licenses kept for Everyone" in kept.text
    assert "0 of 4 licenses used, 3 kept for Everyone, 6 invited. *2 will wait*" in kept.text
    stale = await world.click(ADMIN, "Keep 2", on=again, sure=True)
    assert "Keep 2 licenses instead of 3 for Everyone?" in stale.text
    assert "3 for Everyone: 0 in use, 3 kept back" in (await world.ask(VIEWER, "licenses")).text
    asked = await world.ask(ADMIN, "licenses release --group Everyone")
    assert "Release the 3 licenses of Everyone?" in asked.text
    assert "3 licenses more are free for everybody then." in asked.text
    await world.click(ADMIN, "Release", on=asked, sure=True)
    assert "kept" not in (await world.ask(VIEWER, "licenses")).text
    page = await world.as_(VIEWER)
    for record in ("keeps 3 licenses back for", "released the 3 licenses of"):
        await page.message(f"{record} the group Everyone", channel=CHANNEL)


async def test_what_cannot_be_kept_or_released_is_told(world):
    for command, said in (
        ("licenses keep 5 --group Everyone", "of which 4 could be kept"),
        ("licenses keep 1 --group Nobody", "No group of the account is called Nobody"),
        ("licenses keep 1", "kept for a group"),
        ("licenses set 5 --group Everyone", "kept for a group"),
        ("licenses release --group Everyone", "No license is kept back for Everyone"),
    ):
        assert said in (await world.ask(ADMIN, command)).text, command


async def days_ago(world, days: int, used: int) -> None:
    async def work(tx):
        today = await tx.value("SELECT max(day) FROM license_days")
        await tx.run(
            "INSERT INTO license_days (account_id, day, total, used, waiting)"
            " VALUES (:account, :day, 4, :used, 0)",
            day=today - days,
            used=used,
        )

    await world.core.store.people._database.write(work)


async def test_the_trend_comes_as_a_picture_with_a_description(world):
    pytest.importorskip("matplotlib", reason="the extra charts is not installed")
    await days_ago(world, 60, 1)
    page = await world.as_(VIEWER)
    desk = await world.ask(VIEWER, "licenses")
    assert "in use over the last 90 days" in desk.text
    assert "license-trend.png" in (await world.click(VIEWER, "Trend", on=desk)).text
    sent = await page.message(lambda text: "Licenses in use: 1 of 4 on" in text, channel="dirsync")
    (file,) = sent.message["files"]
    assert file["name"] == "license-trend.png"
    assert file["alt"].startswith("Licenses in use: 1 of 4 on")


async def test_the_trend_is_told_in_text_where_no_picture_can_be_sent(world):
    await days_ago(world, 60, 4)
    world.demo.team.installation.scopes -= {"files:write"}
    told = (await world.ask(VIEWER, "licenses --trend")).text
    assert "Licenses in use: 4 of 4 on" in told
    assert "█" in told


async def test_the_home_tab_has_the_desk_with_the_buttons_of_the_role(world):
    shown = {}
    for user in (ADMIN, VIEWER, MEMBER):
        page = await world.as_(user)
        await page.open_home()
        await until(lambda page=page: page.screen.home is not None)
        shown[user] = str(page.screen.home)
    assert "░░ 0 %" in shown[ADMIN]
    assert "Add 2 licenses" in shown[ADMIN]
    assert "When they run out can be said" in shown[VIEWER]
    assert "Who could give one up" in shown[VIEWER]
    assert "Add 2" not in shown[VIEWER]
    assert "░░" not in shown[MEMBER]


async def test_the_alert_has_the_figures_and_offers_what_can_be_done_and_names_nobody(world):
    people = await world.core.store.people.search(status=UserStatus.INVITED)
    application, _ = await world.core.applications.create(CLI, "portal")
    for person in people:
        await world.core.activation.log_in(application, email=person.email)
    page = await world.as_(VIEWER)
    card = await page.message("2 waiting", channel=CHANNEL)
    assert "Licenses are exhausted" in card.text
    assert "4 of 4 licenses used, 2 waiting." in card.text
    buttons = ("Add 2 licenses", "Who waits", "Who could give one up", "Licenses", "Mute 24 h")
    assert [each in card.text for each in buttons] == [True] * 5
    assert not any(person.email in card.text for person in people)
    assert people[0].email not in (await world.click(VIEWER, "Who waits", on=card)).text
    asked = await world.click(ADMIN, "Add 2 licenses", on=card)
    assert "Everybody who is invited or waiting can get in" in asked.text
    await world.click(ADMIN, "Set 6", on=asked, sure=True)
    card = await page.message("Activate next 2", channel=CHANNEL)
    await world.click(ADMIN, "Activate next 2", on=card)
    assert (await world.core.licenses.summary(CLI)).used == 6


async def test_people_are_asked_first_and_what_is_given_back_is_free(world):
    people = await world.core.store.people.search(status=UserStatus.INVITED)
    application, _ = await world.core.applications.create(CLI, "portal")
    for person in people[:2]:
        await world.core.activation.log_in(application, email=person.email)
    await long_ago(world)
    member = world.demo.workspace.people[MEMBER]
    await address(world, people[0].id, member.email)
    named = await world.ask(ADMIN, "licenses --unused 30d")
    asked = await world.click(ADMIN, "Ask them first", on=named)
    assert "2 people hold a license and have not logged in for 30 days" in asked.text
    assert (
        "2 people are being asked"
        in (await world.click(ADMIN, "Ask 2 people", on=asked, sure=True)).text
    )
    page = await world.as_(MEMBER)
    question = await page.message("Do you still need your license?", channel="dirsync")
    await page.click("I still need it", on=question)
    kept = await page.message("Noted: you still need your license", channel="dirsync")
    listed = (await world.ask(ADMIN, "licenses --unused 30d")).text
    assert "still needs it" in listed
    assert "cannot be asked in Slack" in listed
    await page.click("Give it back after all", on=kept)
    await page.message("Thank you: the license is free", channel="dirsync")
    pool = await world.core.licenses.summary(CLI)
    assert (pool.used, pool.free) == (1, 3)
    assert "1 more was asked" in (await world.ask(ADMIN, "licenses ask")).text


async def address(world, user: int, email: str) -> None:
    async def work(tx):
        await tx.run("UPDATE users SET email = :email WHERE id = :id", email=email, id=user)

    await world.core.store.people._database.write(work)
