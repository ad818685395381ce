"""`dirsync roles` where no `dirsync run` is connected to Slack: the command asks by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.rates import UNLIMITED
from bot.demo.server import DemoOptions, serve
from tests.support.cli import Host


@pytest.fixture
async def host(database_url: str, tmp_path: Path) -> AsyncIterator[Host]:
    """Give a machine whose Slack is a demo workspace."""
    async with serve(DemoOptions(rates=UNLIMITED)) as demo:
        more = {"SLACK_BOT_TOKEN": demo.bot_token, "SLACK_API_URL": demo.slack_api_url}
        yield Host(tmp_path, database_url, more)


async def run(host: Host, *arguments: str):
    """Run a verb in a thread, because the demo's server runs in this one."""
    return await asyncio.to_thread(host, *arguments)


async def test_people_are_found_by_address_and_groups_are_counted(host: Host):
    given = await run(host, "roles", "grant", "yusuf@larkspur-finch.example", "operator", "--json")
    assert (given.json["id"], given.json["kept"]) == ("U0MEMBER01", "none")
    assert (await run(host, "roles", "grant", "S0SUPPORT1", "viewer")).status == 0
    (person, group) = (await run(host, "roles", "--json")).json["roles"]
    assert (person["name"], person["problem"]) == ("يوسف الحداد", "")
    assert group["people"] == 3
    assert "user group of 3" in (await run(host, "roles")).out


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("U0GUEST001", "not_a_member"),
        ("U0NOBODY99", "no_such_person"),
        ("nobody@example.com", "no_such_person"),
        ("S0OLDCREW1", "no_such_group"),
    ],
)
async def test_who_cannot_have_a_role_is_refused(host: Host, who: str, code: str):
    refused = await run(host, "roles", "grant", who, "viewer", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, code)
    assert (await run(host, "roles", "--json")).json["roles"] == []


async def test_a_token_that_slack_refuses_is_said_and_changes_nothing(host: Host):
    host.more["SLACK_BOT_TOKEN"] = "xoxb-not-the-token-of-this-app"
    refused = await run(host, "roles", "grant", "U0MEMBER01", "viewer", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "invalid_auth")
    assert (await run(host, "roles", "--json")).json["roles"] == []
