"""The demo workspace with a scripted app behind it, to drive the page against the real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import page_blocks as kit
from playwright.async_api import Page, WebSocketRoute

from bot.demo import modals, people
from bot.demo.dispatch import Delivery, Payload, UnacknowledgedError
from bot.demo.server import DemoOptions, DemoServer, serve

OPS, GENERAL = "C0DIRECTRY", "C0GENERAL1"
OWNER, ADMIN = "U0OWNER001", "U0ADMIN001"

COMMANDS: list[dict[str, Any]] = [
    {
        "command": "/dirsync",
        "description": "Keep the account in step with the directory",
        "usage_hint": "[verb] [configuration]",
        "completions": [
            {"text": "sync", "description": "Start a cycle now"},
            {"text": "sync people-scim", "description": "The company's directory"},
            {"text": "sync --full", "description": "Read everything again"},
            {"text": "preview", "description": "Show what would happen"},
            {"text": "status", "description": "How things stand"},
            {"text": "history", "description": "Earlier cycles"},
            {"text": "history --status partial", "description": "Only partial successes"},
            {"text": "users", "description": "Who is in, and in which status"},
            {"text": "user", "description": "One person"},
        ],
    }
]
LINKS = [
    {"label": "Your identity provider", "url": "/directory/"},
    {"label": "Mailbox", "url": "/mail/"},
]


@dataclass(kw_only=True)
class ScriptedApp:
    """The app's side: keeps what is delivered, and acknowledges as a test says."""

    deliveries: asyncio.Queue[Delivery] = field(default_factory=asyncio.Queue)
    answer: Payload = field(default_factory=dict)
    silent: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def deliver(self, delivery: Delivery) -> Payload:
        """Acknowledge with `answer`, once the gate is open; not at all while `silent`."""
        self.deliveries.put_nowait(delivery)
        await self.gate.wait()
        if self.silent:
            raise UnacknowledgedError("operation_timeout")
        return self.answer


@dataclass(kw_only=True)
class World:
    """The server, the app behind it, and what the page sent."""

    demo: DemoServer
    app: ScriptedApp
    received: list[dict[str, Any]] = field(default_factory=list)
    reachable: bool = True
    lines: list[WebSocketRoute] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The page's address."""
        return f"{self.demo.url}/"

    async def watch(self, page: Page) -> None:
        """Hear what this page sends, and be able to cut its line."""
        await page.route_web_socket("**/page/ws", self._line)

    async def _line(self, line: WebSocketRoute) -> None:
        if not self.reachable:
            await line.close()
            return
        server = line.connect_to_server()
        self.lines.append(line)

        def forward(text: str | bytes) -> None:
            self.received.append(json.loads(text))
            self.news.set()
            server.send(text)

        line.on_message(forward)

    async def cut(self) -> None:
        """Lose the page's connection, and let no new one through until `reachable` again."""
        self.reachable = False
        for line in self.lines:
            await line.close()
        self.lines.clear()

    async def sent(self, kind: str) -> dict[str, Any]:
        """Take the next frame of this type that the page sent, waiting for it."""
        async with asyncio.timeout(60):
            while True:
                for frame in self.received:
                    if frame["type"] == kind:
                        self.received.remove(frame)
                        return frame
                self.news.clear()
                await self.news.wait()

    async def delivered(self) -> Mapping[str, Any]:
        """Take the next payload that reached the app."""
        async with asyncio.timeout(60):
            return (await self.app.deliveries.get()).payload

    def post(
        self,
        text: str,
        *,
        channel: str = OPS,
        user: str = people.BOT_USER_ID,
        blocks: Sequence[Mapping[str, object]] = (),
        thread_ts: str | None = None,
        only_for: str | None = None,
    ) -> str:
        """Post a message, as the app unless told otherwise; returns its time stamp."""
        return self.demo.workspace.post(
            channel=channel,
            user=user,
            text=text,
            blocks=blocks,
            thread_ts=thread_ts,
            only_for=only_for,
        ).ts

    def edit(self, ts: str, text: str, blocks: Sequence[Mapping[str, object]] = ()) -> None:
        """Edit a message of the operations channel."""
        message = self.demo.workspace.message(OPS, ts)
        self.demo.workspace.edit(message, text=text, blocks=blocks)

    def delete(self, ts: str) -> None:
        """Delete a message of the operations channel."""
        self.demo.workspace.delete(self.demo.workspace.message(OPS, ts))

    def open_modal(self, view: Mapping[str, object]) -> str:
        """Open a modal on the owner's screen; returns its id."""
        return str(self.demo.team.modals.open(OWNER, view)["id"])

    def publish_home(self, view: Mapping[str, object]) -> None:
        """Show a view on the owner's Home tab."""
        workspace = self.demo.workspace
        workspace.publish_home(OWNER, modals.dress(workspace, view))


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Run the demo workspace on a free port with a scripted app behind it."""
    options = DemoOptions(
        commands=COMMANDS, links=LINKS, hint="New here? Type /dirsync sync and press Enter."
    )
    app = ScriptedApp()
    async with serve(options) as demo:
        demo.dispatcher.transport = app
        yield World(demo=demo, app=app)


async def conversation(server: World) -> None:
    """A morning in the channel: talk, a run card, a result, a table, a private answer."""
    server.post(user=OWNER, text="Good morning. Two people start today :wave:")
    server.post(user=OWNER, text="I start the sync, <@U0ADMIN001> please watch the *licenses*.")
    server.post(user=ADMIN, text="Will do.\n&gt; 100 licenses, 98 used\nThat is tight.")
    ts = server.post("Syncing people-scim", blocks=kit.run_card())
    server.post(user=ADMIN, text="How long does it take?", thread_ts=ts)
    server.post("About 20 seconds for 120 people.", thread_ts=ts)


def box(page: Page):
    return page.locator("#composer-input")
