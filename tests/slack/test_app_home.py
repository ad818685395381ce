"""The Home tab: health, menus by role, and that it follows what happens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from app_world import ADMIN, ADMIN_2, CHANNEL, CLI, MEMBER, VIEWER, app_world, until

from bot.slack.app import slack_runtime
from bot.slack.limits import validate_view
from bot.slack.views.home import MOST_SHOWN, home_tab
from core.app import open_core
from core.model.account import Role
from tests.support.databases import fresh_database


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


async def home(world, user):
    page = await world.as_(user)
    await page.open_home()
    await until(lambda: page.screen.home is not None)
    return page


def menus(page):
    blocks = page.screen.home["blocks"]
    found = [b["accessory"] for b in blocks if b.get("accessory", {}).get("type") == "overflow"]
    return [[option["value"] for option in each["options"]] for each in found]


async def test_the_menu_of_a_configuration_has_what_the_role_may(world):
    assert menus(await home(world, ADMIN)) == [
        [
            "sync people-scim",
            "preview people-scim",
            "history people-scim",
            "edit people-scim",
            "disable people-scim",
        ]
    ]
    assert menus(await home(world, VIEWER)) == [["history people-scim"]]
    assert menus(await home(world, MEMBER)) == []


async def test_a_configuration_is_disabled_from_the_home_tab_which_follows_within_two_seconds(
    world,
):
    page = await home(world, ADMIN)
    other = await home(world, ADMIN_2)
    await page.choose("pick", "disable people-scim", home=True)
    await page.wait_view("stops at once")
    await page.submit({})
    await page.wait_view("is disabled")
    await until(lambda: "Disabled" in str(other.screen.home))
    assert menus(other) == [
        ["history people-scim", "edit people-scim", "enable people-scim", "delete people-scim"]
    ]


async def test_what_needs_attention_is_the_first_line(world):
    page = await home(world, ADMIN)
    assert "All is well" in str(page.screen.home["blocks"][1])
    await world.synced()
    await until(lambda: "problems of single people" in str(page.screen.home["blocks"][1]))
    world.directory.do("wrong-token")
    await world.ask(ADMIN, "sync")
    await page.message("Sign-in needed", channel=CHANNEL)
    await until(lambda: "Needs attention" in str(page.screen.home["blocks"][1]))
    assert "give it new credentials" in str(page.screen.home)
    assert "people-scim" in str(page.screen.home["blocks"][1])


async def test_many_configurations_stay_under_slacks_limit(world):
    view = await world.core.history.status(CLI)
    history = await world.core.history.list(CLI)
    for number in (0, 1, 50, MOST_SHOWN, 500):
        many = replace(view, configurations=view.configurations * number, notices=("x",) * 9)
        shown = home_tab(many, history, role=Role.ADMIN, now=world.core.clock.now())
        validate_view(shown)
        assert len(shown["blocks"]) <= 100
        assert (f"{number - MOST_SHOWN:,} more" in str(shown)) == (number > MOST_SHOWN)


@pytest.fixture
def postgresql_url(tmp_path):
    with fresh_database("postgresql", tmp_path) as url:
        yield url


async def test_a_home_tab_that_one_replica_showed_follows_what_another_does(
    tmp_path, postgresql_url
):
    async with app_world(tmp_path, background=False, database_url=postgresql_url) as world:
        page = await home(world, ADMIN)
        assert "Never synced" in str(page.screen.home)
        async with (
            slack_runtime(world.runtime.settings) as other,
            open_core(
                world.runtime.settings,
                notifier=other.notifier,
                background=True,
                ticks=False,
                allow_loopback=True,
            ) as replica,
        ):
            cycle = await replica.sync.request(CLI, None)
            async for _ in replica.sync.wait(cycle.id, poll=0.05):
                pass
            await until(lambda: "*12* created" in str(page.screen.home))
