"""The real dirsync over the demo workspace: core on SQLite, a SCIM directory, visitors."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp

from bot.demo import company
from bot.demo.directory import Directory
from bot.demo.faults import Faults
from bot.demo.mailbox import Mailbox
from bot.demo.rates import UNLIMITED
from bot.demo.scim import scim_app
from bot.demo.screen import Shown
from bot.demo.server import DemoOptions, DemoServer, serve
from bot.demo.team import DEFAULT_SCOPES
from bot.demo.visitor import Visitor, visit
from bot.slack.app import SlackRuntime, slack_runtime
from bot.verbs import SLASH
from core.app import Core, SystemClock, open_core
from core.mail.mailbox import MailboxMailer
from core.model.account import Actor, Role
from core.settings import Settings
from tests.support.databases import sqlite_file

OWNER, ADMIN, ADMIN_2 = "U0OWNER001", "U0ADMIN001", "U0ADMIN002"
VIEWER, MEMBER, GUEST, STRANGER = "U0VIEWER01", "U0MEMBER01", "U0GUEST001", "U0OUTSIDE1"
CHANNEL = "it-directory"
TOKEN = "scim-token-0123456789"
CLI = Actor(id="cli:test", name="the test", role=Role.ADMIN, door="cli")
FILE = """\
licenses: {{total: {licenses}}}
configurations:
  - name: people-scim
    provider:
      {{type: scim, url: "{url}/scim/v2", token: "env:DIRSYNC_CREDENTIAL_TEST", delta: false}}
    mapping: {mapping}
    channel: {channel}
    invitations: {{send: {send}}}
"""


@dataclass(kw_only=True)
class World:
    """Everything that a test of the app may look at or upset."""

    demo: DemoServer
    core: Core
    runtime: SlackRuntime
    directory: Directory
    sessions: AsyncExitStack
    mails: Path
    visitors: dict[str, Visitor] = field(default_factory=dict)
    request_url: str = ""
    bolt: AsyncApp

    def links(self) -> list[str]:
        """Return the tokens of the links in the mails that were sent, oldest first."""
        return [link.rpartition("/")[2] for link in Mailbox(self.mails).invitations()]

    @property
    def faults(self) -> Faults:
        return self.demo.faults

    async def as_(self, user: str) -> Visitor:
        """Return the open page of somebody."""
        if user not in self.visitors:
            page = visit(self.demo.url, user=user)
            self.visitors[user] = await self.sessions.enter_async_context(page)
        return self.visitors[user]

    async def ask(self, user: str, text: str, *, channel: str = CHANNEL) -> Shown:
        """Type a command as somebody and return the private answer that they get to see."""
        page = await self.as_(user)
        mark = page.mark()
        await page.say(f"{SLASH} {text}".rstrip(), channel=channel)
        return await self.private(user, after=mark)

    async def click(self, user: str, button: str, *, on: Shown, sure: bool | None = None) -> Shown:
        """Click a button as somebody and return the private answer that they get to see."""
        page = await self.as_(user)
        mark = page.mark()
        await page.click(button, on=on, confirm=sure)
        return await self.private(user, after=mark)

    async def private(self, user: str, *, after: int, patience: float = 60) -> Shown:
        """Wait for the newest message that only this person sees."""
        page = await self.as_(user)

        def found() -> Shown | None:
            new = (each for each in page.screen.messages(None) if each.seen_at >= after)
            return next((each for each in new if each.is_ephemeral), None)

        await page.wait_until(lambda: found() is not None, what="an answer", patience=patience)
        answer = found()
        assert answer is not None
        return answer

    def public_texts(self, channel: str = CHANNEL) -> list[str]:
        """Return everything in a channel and its threads that everybody sees, as raw JSON."""
        id_ = self.demo.workspace.channel_named(channel).id
        return [
            json.dumps([message.text, list(message.blocks)], ensure_ascii=False)
            for message in self.demo.workspace._messages[id_].values()
            if message.only_for is None
        ]

    async def synced(self, user: str = ADMIN) -> Shown:
        """Run a cycle to its end and return its card."""
        page = await self.as_(user)
        started = re.search(r"cycle `(c-\w+)`", (await self.ask(user, "sync")).text)
        assert started is not None
        return await page.message(
            lambda text: finished(text) and started[1] in text, channel=CHANNEL, patience=60
        )


async def until(holds: Callable[[], bool], *, patience: float = 60) -> None:
    """Wait until something is true; fail after `patience` seconds."""
    async with asyncio.timeout(patience):
        while not holds():  # noqa: ASYNC110 - what is waited for is on the far side
            await asyncio.sleep(0.02)


def finished(text: str) -> bool:
    words = ("Success", "Partial success", "Failure", "Cancelled")
    return any(f"people-scim: {word}" in text for word in words)


@asynccontextmanager
async def app_world(
    folder: Path,
    *,
    people: int = 12,
    licenses: int = 10,
    mode: str = "socket",
    background: bool = True,
    scopes: frozenset[str] = DEFAULT_SCOPES,
    mapping: str = "{title: title, cost_center: enterprise.costCenter}",
    send: str = "mail",
    **settings,
) -> AsyncIterator[World]:
    """Run dirsync over a demo workspace until the block ends."""
    directory = Directory(company.build(people))
    command = {"command": SLASH, "description": "d", "usage_hint": "", "completions": []}
    options = DemoOptions(
        commands=[command],
        extra_apps={"/scim/v2": scim_app(directory, TOKEN)},
        rates=UNLIMITED,
        scopes=scopes,
        events=frozenset({"app_home_opened"}),
    )
    async with AsyncExitStack() as stack:
        demo = await stack.enter_async_context(serve(options))
        database = {"database_url": sqlite_file(folder / "dirsync.db")}
        made = settings_for(demo, folder, mode=mode, **{**database, **settings})
        runtime = await stack.enter_async_context(slack_runtime(made))
        runtime.pace = runtime.acknowledged = 0.1
        runtime.last_acks = 0.02
        core = await stack.enter_async_context(
            open_core(
                made,
                notifier=runtime.notifier,
                inviter=runtime.inviter,
                mailer=MailboxMailer(folder / "mail", sender="it@example.com", clock=SystemClock()),
                background=background,
                allow_loopback=True,
                drain_seconds=2.0,
                outbox_poll=0.05,
            )
        )
        channel = demo.workspace.channel_named(CHANNEL).id
        text = FILE.format(
            licenses=licenses, url=demo.url, channel=channel, mapping=mapping, send=send
        )
        await core.configurations.apply(CLI, text, source="test")
        sessions = await stack.enter_async_context(AsyncExitStack())
        bolt = await stack.enter_async_context(runtime.listening(core))
        world = World(
            demo=demo,
            core=core,
            runtime=runtime,
            directory=directory,
            sessions=sessions,
            mails=folder / "mail",
            bolt=bolt,
        )
        if mode == "http":
            await stack.enter_async_context(mounted(world, bolt))
        yield world


@asynccontextmanager
async def mounted(world: World, bolt):
    """Serve the app's request URL on a free port, and tell the demo workspace."""
    app = web.Application()
    app.add_routes([world.runtime.route(bolt)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        world.request_url = f"http://{host}:{port}/slack/events"
        await world.demo.use_request_url(world.request_url)
        yield
    finally:
        await world.demo.use_socket_mode()
        await runner.cleanup()


def settings_for(demo: DemoServer, folder: Path, *, mode: str, **more) -> Settings:
    values = {
        "database_url": f"sqlite:///{folder}/dirsync.db",
        "secret_key": "0123456789abcdef0123",
        "public_url": "https://sync.example",
        "channel": demo.workspace.channel_named(CHANNEL).id,
        "viewers": (VIEWER,),
        "slack_bot_token": demo.bot_token,
        "slack_signing_secret": demo.signing_secret,
        "slack_api_url": demo.slack_api_url,
        "credentials": {"DIRSYNC_CREDENTIAL_TEST": SecretStr(TOKEN)},
    }
    if mode == "socket":
        values["slack_app_token"] = demo.app_token
    return Settings.for_demo(**{**values, **more})
