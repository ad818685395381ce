"""Applications' tokens from Slack."""

from __future__ import annotations

import re

import pytest

from tests.slack.app_world import app_world, until

ADMIN, VIEWER = "U0ADMIN001", "U0VIEWER01"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def test_a_token_is_shown_once_to_the_admin_and_the_channel_only_hears_of_it(world):
    made = (await world.ask(ADMIN, "apps create Portal")).text
    token = re.search(r"dsa_[\w-]{43}", made)[0]
    assert (await world.core.applications.authenticate(token)).name == "portal"
    listed = (await world.ask(ADMIN, "apps")).text
    assert "1 application may ask the login API" in listed
    assert token not in listed
    assert "has a token already" in (await world.ask(ADMIN, "apps create portal")).text
    assert "no longer valid" in (await world.ask(ADMIN, "apps revoke portal")).text
    assert await world.core.applications.authenticate(token) is None
    for heard in ("gave the application portal a token", "revoked the token of the application"):
        await until(lambda heard=heard: heard in str(world.public_texts()))
    public = str(world.public_texts())
    assert token not in public


async def test_a_wrong_name_is_answered_with_what_is_right(world):
    for typed, said in (
        ("apps create", "Say which application"),
        ("apps list portal", "Say which application"),
        ("apps revoke nothing", "No application nothing has a token"),
        ("apps create <!channel>", "name has 1 to 40"),
        ("apps create ü", "name has 1 to 40"),
    ):
        assert said in (await world.ask(ADMIN, typed)).text, typed
        assert await world.core.store.applications.all() == [], typed


async def test_nobody_but_an_admin_sees_or_makes_tokens(world):
    for typed in ("apps", "apps create portal", "apps revoke portal"):
        assert "You may not do this" in (await world.ask(VIEWER, typed)).text
    assert await world.core.store.applications.all() == []
