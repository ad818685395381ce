"""Roles by person and by user group, typed and clicked in the demo workspace."""

from __future__ import annotations

import asyncio

import pytest
from app_world import ADMIN, GUEST, MEMBER, OWNER, STRANGER, VIEWER, app_world

from bot.demo.faults import Fault, FaultKind
from bot.demo.team import DEFAULT_SCOPES
from bot.slack.middleware import KNOWN_FOR, People
from bot.slack.workspace import SlackWorkspace
from core.errors import NotFoundError, PermissionMissingError, TransientRemoteError

OTHER = "U0MEMBER02"
SUPPORT, OLD = "<!subteam^S0SUPPORT1|@support>", "<!subteam^S0OLDCREW1>"
DENIED, REFUSED = "You may not do this", "full members of this workspace"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


def regroup(world, *users):
    groups = world.demo.workspace.usergroups
    groups["S0SUPPORT1"] = type(groups["S0SUPPORT1"])(
        id="S0SUPPORT1", handle="support", name="Support desk", users=users
    )


async def test_a_granted_operator_may_sync_until_the_grant_is_revoked(world):
    refusal = await world.ask(MEMBER, "sync")
    assert DENIED in refusal.text
    assert "Ask an owner or admin" in refusal.text
    assert "is now operator" in (await world.ask(ADMIN, f"roles grant <@{MEMBER}|yusuf> op")).text
    assert "Started syncing" in (await world.ask(MEMBER, "sync")).text
    assert DENIED in (await world.ask(MEMBER, "roles")).text
    gone = await world.ask(ADMIN, f"roles revoke <@{MEMBER}>")
    assert "no longer operator" in gone.text
    again = await world.ask(MEMBER, "sync")
    assert DENIED in again.text
    assert "Ask Tomasz Wójcik." in again.text


async def test_a_user_group_is_asked_at_each_click_that_changes_something(world):
    answer = await world.ask(ADMIN, f"roles grant {SUPPORT} operator")
    assert "@support is now operator" in answer.text
    card = await world.synced(MEMBER)
    regroup(world, VIEWER)
    assert DENIED in (await world.click(MEMBER, "Sync again", on=card)).text
    assert REFUSED in (await world.ask(GUEST, "sync")).text
    regroup(world, VIEWER, MEMBER)
    assert "Started syncing" in (await world.click(MEMBER, "Sync again", on=card)).text


async def test_reading_relies_on_what_was_known_of_a_group_for_seconds(world):
    await world.ask(ADMIN, f"roles grant {SUPPORT} viewer")
    before = world.demo.team.calls["usergroups.users.list"]
    for _ in range(3):
        assert (
            "Nobody is in the account yet"
            in (await world.ask(MEMBER, "users --search nobody")).text
        )
    assert world.demo.team.calls["usergroups.users.list"] == before
    assert DENIED in (await world.ask(MEMBER, "sync")).text
    assert world.demo.team.calls["usergroups.users.list"] == before + 1


async def test_the_list_shows_each_role_with_its_source(world):
    await world.ask(OWNER, f"roles grant {SUPPORT} operator")
    await world.ask(OWNER, f"roles grant <@{OTHER}> admin")
    regroup(world, MEMBER)
    text = (await world.ask(OTHER, "roles")).text
    for line in (
        "@marlene admin",
        "@haruka viewer",
        "@support operator · 1 person · by @marlene",
        "@oksana admin · by @marlene",
    ):
        assert line in text
    world.demo.workspace.change_person(OTHER, deleted=True)
    assert "no full member" in (await world.ask(OWNER, "roles")).text
    assert not any("oksana" in each or OTHER in each for each in world.public_texts())


async def test_a_missing_scope_is_said_plainly(tmp_path):
    async with app_world(tmp_path, scopes=DEFAULT_SCOPES - {"usergroups:read"}) as world:
        answer = await world.ask(ADMIN, f"roles grant {SUPPORT} operator")
        assert "`usergroups:read`" in answer.text
        assert await world.core.store.role_grants.all() == []
        assert "is now viewer" in (await world.ask(ADMIN, f"roles grant <@{MEMBER}> viewer")).text


async def test_what_cannot_be_done_is_said_and_changes_nothing(world):
    for typed, said in (
        (f"grant <@{GUEST}> viewer", "Only full members"),
        (f"grant <@{STRANGER}> viewer", "Only full members"),
        ("grant <@U0DIRSYNC1> viewer", "Only full members"),
        ("grant <@U0NOBODY99> viewer", "nobody of that name"),
        ("grant nobody@example.com viewer", "nobody of that name"),
        (f"grant {OLD} viewer", "no such user group"),
        ("grant @somebody viewer", "no e-mail, @user or @group"),
        (f"grant <@{MEMBER}>", "Say which role"),
        (f"grant <@{MEMBER}> owner", "does not fit here"),
        (f"revoke <@{MEMBER}> viewer", "takes no role"),
        (f"revoke <@{MEMBER}>", "No role was granted"),
        (f"revoke <@{VIEWER}>", "DIRSYNC_VIEWERS"),
        (f"revoke <@{OWNER}>", "Slack is where that changes"),
        ("grant", "needs an email, @user or @group"),
        ("take <@U0MEMBER01>", "does not fit here"),
    ):
        assert said in (await world.ask(ADMIN, f"roles {typed}")).text, typed
        assert await world.core.store.role_grants.all() == [], typed


async def test_who_has_a_role_anyway_is_said_to_keep_it(world):
    answer = await world.ask(ADMIN, f"roles grant <@{OWNER}> viewer")
    assert "makes them admin all the same" in answer.text
    assert "viewer already" in (await world.ask(ADMIN, f"roles grant <@{OWNER}> viewer")).text
    assert "admin all the same" in (await world.ask(ADMIN, f"roles revoke <@{OWNER}>")).text


async def test_an_address_names_a_person(world):
    answer = await world.ask(ADMIN, "roles grant yusuf@larkspur-finch.example viewer")
    assert "@yusuf is now viewer" in answer.text
    assert "Nobody is in the account yet" in (await world.ask(MEMBER, "users --search nobody")).text


async def test_a_granted_admin_sees_the_home_tab_of_an_admin(world):
    await world.ask(ADMIN, f"roles grant <@{MEMBER}> admin")
    page = await world.as_(MEMBER)
    await page.open_home()
    await page.wait_until(lambda: page.screen.home is not None, what="a Home tab", patience=60)
    assert "people-scim" in str(page.screen.home)


def asking(world, now):
    client = world.runtime.client
    return SlackWorkspace(client, People(client, clock=lambda: now[0]), clock=lambda: now[0])


def calls(world):
    return world.demo.team.calls.get("usergroups.users.list", 0)


async def test_a_membership_is_remembered_for_seconds_and_for_reading_only(world):
    now = [100.0]
    workspace = asking(world, now)
    for moment, fresh, asked in [
        (100.0, False, 1),
        (100.0 + KNOWN_FOR - 1, False, 1),
        (100.0 + KNOWN_FOR - 1, True, 2),
        (100.0 + 2 * KNOWN_FOR - 2, False, 2),
        (100.0 + 3 * KNOWN_FOR, False, 3),
    ]:
        now[0] = moment
        assert MEMBER in await workspace.members("S0SUPPORT1", fresh=fresh)
        assert calls(world) == asked


async def test_fifty_clicks_at_once_share_two_questions_about_a_group(world):
    client = world.runtime.client
    workspace = SlackWorkspace(client, People(client))
    found = await asyncio.gather(*[workspace.members("S0SUPPORT1", fresh=True) for _ in range(50)])
    assert all(MEMBER in each for each in found)
    assert calls(world) <= 2


async def test_a_question_that_failed_leaves_nothing_to_rely_on(world):
    workspace = asking(world, [5.0])
    await workspace.members("S0SUPPORT1", fresh=False)
    for error, kind in [
        ("missing_scope", PermissionMissingError),
        ("no_such_subteam", NotFoundError),
        ("plan_upgrade_required", NotFoundError),
        ("internal_error", TransientRemoteError),
    ]:
        fault = Fault(kind=FaultKind.ERROR, error=error)
        world.faults.inject("usergroups.users.list", fault)
        with pytest.raises(kind):
            await workspace.members("S0SUPPORT1", fresh=True)
    before = calls(world)
    await workspace.members("S0SUPPORT1", fresh=False)
    assert calls(world) == before + 1
