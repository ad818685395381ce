"""The server's side of the page's protocol with canned data, to drive the page alone.

It speaks bot/demo/README.md's protocol, records what the page sends, and answers nothing
by itself but `be`: a test says what happens.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

STATIC = Path(__file__).resolve().parents[2] / "bot" / "demo" / "static"
Frame = dict[str, Any]

PEOPLE: list[Frame] = [
    {"id": "U1", "name": "ada", "real_name": "Ada Moreau", "title": "IT lead", "role": "owner"},
    {"id": "U2", "name": "bo", "real_name": "Bo Lindqvist", "title": "Support", "role": "viewer"},
    {"id": "U3", "name": "chidi", "real_name": "Chidi Obi", "title": "Designer", "role": "member"},
    {"id": "U4", "name": "dana", "real_name": "Dana Fox", "title": "Contractor", "role": "guest"},
    {"id": "B1", "name": "dirsync", "real_name": "dirsync", "title": "Directory sync", "role": ""},
]
CHANNELS: list[Frame] = [
    {"id": "C1", "name": "it-ops", "topic": "Accounts, access and devices", "kind": "channel"},
    {"id": "C2", "name": "general", "topic": "The whole company", "kind": "channel"},
    {"id": "D2", "name": "bo", "kind": "im", "with": "U2"},
    {"id": "D9", "name": "dirsync", "kind": "app", "with": "B1"},
]
COMMANDS: list[Frame] = [
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


def hello(me: str = "U1", **changes: object) -> Frame:
    """The whole picture for one persona."""
    base: Frame = {
        "type": "hello",
        "team": {"id": "T1", "name": "Demo workspace"},
        "me": me,
        "people": [
            {"tz": "Europe/Berlin", "is_bot": person["id"] == "B1", **person} for person in PEOPLE
        ],
        "personas": ["U1", "U2", "U3", "U4"],
        "channels": [{"unread": 0, **channel} for channel in CHANNELS],
        "commands": COMMANDS,
        "messages": {},
        "links": [
            {"label": "Your identity provider", "url": "/directory/"},
            {"label": "Mailbox", "url": "/mail/"},
        ],
        "home": None,
        "hint": "New here? Type /dirsync sync and press Enter.",
    }
    return base | changes


@dataclass(kw_only=True)
class StandIn:
    """One page's server: `say` something to the page, wait for what it `sent`."""

    url: str
    picture: Frame = field(default_factory=hello)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    received: list[Frame] = field(default_factory=list)
    open: bool = True
    news: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def ts(self) -> str:
        """A fresh time stamp, later than those before."""
        return f"1760000000.{next(self.numbers):06d}"

    async def say(self, frame: Mapping[str, object]) -> None:
        """Send one frame to every open page."""
        for socket in self.sockets:
            await socket.send_json(frame)

    async def post(self, channel: str = "C1", **message: object) -> str:
        """Post a message as the app; returns its time stamp."""
        ts = str(message.pop("ts", "") or self.ts())
        whole = {"ts": ts, "user": "B1", "text": "", "blocks": [], **message}
        await self.say({"type": "message", "channel": channel, "message": whole})
        return ts

    async def sent(self, kind: str, timeout: float = 5) -> Frame:  # noqa: ASYNC109 - a plain bound
        """Take the next frame of this type that the page sent, waiting for it."""
        async with asyncio.timeout(timeout):
            while True:
                for frame in self.received:
                    if frame["type"] == kind:
                        self.received.remove(frame)
                        return frame
                self.news.clear()
                await self.news.wait()

    async def drop(self) -> None:
        """Lose every connection and accept no new one until `open` is set again."""
        self.open = False
        for socket in list(self.sockets):
            await socket.close()

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Serve `/page/ws`."""
        if not self.open:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json(self.picture)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._take(message.json())
        self.sockets.remove(socket)
        return socket

    async def _take(self, frame: Frame) -> None:
        if frame["type"] == "be":
            self.picture = self.picture | {"me": frame["user"]}
            await self.say(self.picture)
        self.received.append(frame)
        self.news.set()


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    """Serve the static folder and the protocol on a free loopback port."""
    standin = StandIn(url="")
    app = web.Application()

    async def page(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "chat.html")

    app.router.add_get("/", page)
    app.router.add_get("/page/ws", standin.socket)
    app.router.add_static("/static/", STATIC)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    standin.url = f"http://{host}:{port}/"
    try:
        yield standin
    finally:
        await standin.drop()
        await runner.cleanup()
