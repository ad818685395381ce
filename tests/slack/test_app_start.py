"""Starting, staying connected and stopping."""

from __future__ import annotations

import asyncio

import pytest
from app_world import ADMIN, CLI, VIEWER, app_world, finished, settings_for, until
from slack_bolt.async_app import AsyncApp

from bot.demo.server import DemoOptions, serve
from bot.slack.app import CONNECTIONS, bolt_app, slack_runtime
from bot.slack.client import open_client
from bot.slack.supervisor import Supervisor
from bot.verbs import SLASH
from core.errors import ConfigurationError, TerminalRemoteError

POISON = {
    "SLACK_BOT_TOKEN": "xoxb-poison",
    "SLACK_APP_TOKEN": "xapp-poison",
    "SLACK_SIGNING_SECRET": "poison",
    "SLACK_CLIENT_ID": "1.1",
    "SLACK_CLIENT_SECRET": "poison",
    "SLACK_VERIFICATION_TOKEN": "poison",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
}


async def test_a_poisoned_environment_changes_nothing(tmp_path, monkeypatch):
    for name, value in POISON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    async with app_world(tmp_path) as world:
        assert "What dirsync can do" in (await world.ask(VIEWER, "help")).text
        card = await world.synced()
        assert finished(card.text)
    assert not (tmp_path / "home").exists()


async def test_the_first_command_finds_everything_warmed_up(tmp_path):
    async with app_world(tmp_path) as world:
        assert world.demo.team.calls["auth.test"] == 1
        await world.ask(VIEWER, "help")
        await world.ask(VIEWER, "licenses")
        assert world.demo.team.calls["auth.test"] == 1
        assert world.demo.team.calls["users.info"] == 1


async def test_what_changes_something_asks_slack_anew_who_it_is(tmp_path):
    async with app_world(tmp_path) as world:
        await world.ask(ADMIN, "help")
        await world.ask(ADMIN, "licenses set 5")
        assert world.demo.team.calls["users.info"] == 2


async def test_two_connections_are_kept_and_one_that_is_cut_comes_back(tmp_path):
    async with app_world(tmp_path) as world:
        await until_connected(world, CONNECTIONS)
        await world.demo.sockets.close()
        await until_connected(world, CONNECTIONS, patience=60)
        assert "What dirsync can do" in (await world.ask(VIEWER, "help")).text


async def until_connected(world, number, *, patience=60):
    async with asyncio.timeout(patience):
        while await world.runtime.connected() != number:  # noqa: ASYNC110 - the far side connects
            await asyncio.sleep(0.05)


async def test_a_refused_token_is_told_at_the_start(tmp_path):
    async with serve(DemoOptions()) as demo:
        demo.team.installation.refusal = "account_inactive"
        settings = settings_for(demo, tmp_path, mode="socket")
        async with slack_runtime(settings) as runtime:
            with pytest.raises(ConfigurationError, match="SLACK_BOT_TOKEN"):
                async with runtime.listening(None):
                    pass


async def test_what_is_under_way_at_the_end_is_finished_first(tmp_path):
    async with app_world(tmp_path) as world:
        page = await world.as_(ADMIN)
        await page.say(f"{SLASH} licenses", channel="it-directory")
        done = []

        async def slow():
            await asyncio.sleep(0.3)
            done.append(True)

        world.runtime.supervisor.start(slow())
    assert done == [True]


async def test_the_supervisor_takes_a_bounded_number_and_cancels_what_does_not_end():
    supervisor, ended = Supervisor(most=2), []

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    assert supervisor.start(forever())
    assert supervisor.start(forever())
    assert not supervisor.start(forever())
    assert supervisor.running == 2
    await asyncio.sleep(0)
    await supervisor.drain(0.05)
    assert ended == [True, True]
    assert supervisor.running == 0
    assert not supervisor.start(forever())


async def test_a_busy_app_says_so_in_its_acknowledgement(tmp_path):
    async with app_world(tmp_path) as world:
        supervisor = world.runtime.supervisor
        hold = asyncio.Event()
        while supervisor.start(wait_for(hold)):
            pass
        page = await world.as_(ADMIN)
        await page.say(f"{SLASH} help", channel="it-directory")
        await page.message("very busy right now")
        hold.set()
        await until(lambda: supervisor.running == 0)


async def wait_for(event):
    await event.wait()


async def test_an_upload_or_answer_address_that_is_not_slacks_is_refused(tmp_path):
    async with serve(DemoOptions()) as demo:
        settings = settings_for(demo, tmp_path, mode="socket")
        async with open_client(settings) as client:
            for url in (
                "https://evil.example/x",
                "http://127.0.0.1:1/x",
                "https://hooks.slack.com",
            ):
                with pytest.raises(TerminalRemoteError) as caught:
                    client._own(url)
                assert caught.value.code == "foreign_url"


async def test_bolt_is_given_everything_and_registers_its_catch_alls(tmp_path):
    async with app_world(tmp_path, background=False) as world:
        app = bolt_app(
            world.core.settings, world.core, world.runtime.client, world.runtime.supervisor
        )
        assert isinstance(app, AsyncApp)
        assert app.name == "dirsync"
        assert app.client.token is None
        assert app.client.retry_handlers == []
        assert app.client.proxy is None
        assert len(app._async_listeners) == 6
        assert (await world.core.history.list(CLI)).total == 0
