"""The demo workspace on one loopback port: Slack, its page, and what is mounted beside them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from bot.demo import webapi
from bot.demo.dispatch import Dispatcher
from bot.demo.faults import Faults
from bot.demo.interactions import Interactions
from bot.demo.page import Front, Page
from bot.demo.rates import SLACK_RATES, Rate
from bot.demo.requesturl import RequestUrl
from bot.demo.socketmode import SocketMode
from bot.demo.team import DEFAULT_SCOPES, Installation, Team, Timing
from bot.demo.trouble import Trouble
from bot.demo.workspace import Workspace

HOST = "127.0.0.1"
LARGEST_BODY = 12_000_000
"""Bytes of one request, which may be a file."""
GOODBYE = 0.5
"""Seconds that open requests have left when the server stops."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """How the demo workspace is set up; port 0 takes a free one.

    `commands` are the page protocol's (`command`, `description`, `usage_hint`, `completions`),
    `extra_apps` maps a path prefix to an aiohttp application, `links` are the page's links.
    """

    port: int = 0
    commands: Sequence[Mapping[str, object]] = ()
    extra_apps: Mapping[str, web.Application] = field(default_factory=dict)
    links: Sequence[Mapping[str, str]] = ()
    hint: str = ""
    scopes: frozenset[str] = DEFAULT_SCOPES
    events: frozenset[str] = frozenset({"app_home_opened", "message.im"})
    rates: Mapping[str, Rate] = field(default_factory=lambda: SLACK_RATES)
    timing: Timing = field(default_factory=Timing)


class DemoServer:
    """A running demo workspace; `serve` starts and stops it."""

    def __init__(self, options: DemoOptions) -> None:
        commands = frozenset(str(command["command"]) for command in options.commands)
        installation = Installation(scopes=options.scopes, events=options.events, commands=commands)
        self.options = options
        self.team = Team(installation=installation, rates=options.rates, timing=options.timing)
        self.sockets = SocketMode(self.team)
        self.dispatcher = Dispatcher(self.team, self.sockets)
        self.interactions = Interactions(self.team, self.dispatcher)
        self.trouble = Trouble(self.team, self.sockets)
        front = Front(commands=options.commands, links=options.links, hint=options.hint)
        self.page = Page(
            team=self.team, interactions=self.interactions, front=front, trouble=self.trouble
        )
        self._request_url: RequestUrl | None = None

    @property
    def url(self) -> str:
        """Where the page is, without a slash at the end."""
        return self.team.base_url

    @property
    def slack_api_url(self) -> str:
        """The base URL for Slack's SDK, with a slash at the end."""
        return f"{self.url}/api/"

    @property
    def workspace(self) -> Workspace:
        """The workspace's state."""
        return self.team.workspace

    @property
    def faults(self) -> Faults:
        """The faults that wait for their call."""
        return self.team.faults

    @property
    def bot_token(self) -> str:
        """The app's bot token (xoxb)."""
        return self.team.installation.bot_token

    @property
    def app_token(self) -> str:
        """The app's token for Socket Mode (xapp)."""
        return self.team.installation.app_token

    @property
    def signing_secret(self) -> str:
        """What signed HTTP requests to the app are signed with."""
        return self.team.installation.signing_secret

    async def use_request_url(self, url: str) -> RequestUrl:
        """Send payloads to this URL from now on, instead of over Socket Mode."""
        await self._close_request_url()
        self._request_url = RequestUrl(url=url, signing_secret=self.signing_secret)
        self.dispatcher.transport = self._request_url
        return self._request_url

    async def use_socket_mode(self) -> None:
        """Send payloads over Socket Mode again."""
        await self._close_request_url()
        self.dispatcher.transport = self.sockets

    async def _close_request_url(self) -> None:
        if self._request_url is not None:
            await self._request_url.close()
            self._request_url = None

    def application(self) -> web.Application:
        """Return the aiohttp application with everything on it."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_own_host])
        app.add_routes(webapi.routes(self.team))
        app.add_routes(
            [
                web.get("/", _chat),
                web.get("/page/ws", self.page.serve),
                web.get("/link", self.sockets.serve),
                web.get(r"/archives/{channel}/p{ts:\d{7,}}", _permalink),
                web.static("/static", _static()),
            ]
        )
        for prefix, extra in self.options.extra_apps.items():
            app.add_subapp(prefix, extra)
        return app

    async def close(self) -> None:
        """End every task, socket and connection."""
        await self.dispatcher.tasks.stop()
        await self.page.close()
        await self.sockets.close()
        await self._close_request_url()


@asynccontextmanager
async def serve(options: DemoOptions | None = None) -> AsyncIterator[DemoServer]:
    """Run a demo workspace on loopback; it is gone, to the last socket, afterwards.

    Raises OSError when the port is taken.
    """
    demo = DemoServer(options or DemoOptions())
    runner = web.AppRunner(demo.application(), access_log=None, shutdown_timeout=GOODBYE)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, demo.options.port)
        await site.start()
        demo.team.base_url = f"http://{HOST}:{runner.addresses[0][1]}"
        yield demo
    finally:
        await demo.close()
        await runner.cleanup()


def _static() -> Path:
    return Path(str(files("bot.demo").joinpath("static")))


async def _chat(request: web.Request) -> web.FileResponse:  # noqa: ARG001 - a handler's shape
    return web.FileResponse(_static() / "chat.html")


async def _permalink(request: web.Request) -> web.Response:
    channel, digits = request.match_info["channel"], request.match_info["ts"]
    raise web.HTTPFound(f"/#{channel}/{digits[:-6]}.{digits[-6:]}")


@web.middleware
async def _own_host(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer only requests that name this machine, so that no web page can rebind to us."""
    name = request.host.rpartition(":")[0] or request.host
    if name not in {HOST, "localhost"}:
        raise web.HTTPForbidden
    return await handler(request)
