"""The Slack door: Bolt's app with everything passed to it, over Socket Mode or signed HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError

from bot.slack.client import DEAD_TOKEN, SlackClient, open_client, web_client
from bot.slack.direct import DirectMessages
from bot.slack.inviter import SlackInviter
from bot.slack.listeners.registry import register
from bot.slack.middleware import ACKNOWLEDGED, Gate, People, guarded
from bot.slack.notifier import PACE, SlackNotifier
from bot.slack.supervisor import Supervisor, end
from bot.slack.verifier import Verifier
from bot.slack.workspace import SlackWorkspace
from core.app import Core
from core.errors import (
    ConfigurationError,
    RemoteError,
    TerminalRemoteError,
    TransientRemoteError,
)
from core.settings import Settings

NAME = "dirsync"
EVENTS_PATH = "/slack/events"
CONNECTIONS = 2
PING_SECONDS = 4.0
WATCH_SECONDS = 5.0
CONNECT_SECONDS = 10.0
DRAIN_SECONDS = 5.0
LAST_ACKS = 0.3
WARM_SECONDS = 30.0
SERVER_ERROR = 500
_log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class SlackRuntime:
    """The Slack side of one process; made by `slack_runtime`.

    Attributes:
        client: the one way out.
        supervisor: what runs behind acknowledgements.
        pace: seconds between two edits of a card that is under way.
        acknowledged: seconds in which Slack carries out what an acknowledgement said.
        last_acks: seconds for acknowledgements that are on their way when the connections end.
        direct: finds people by their address and writes to them.
    """

    settings: Settings
    client: SlackClient
    supervisor: Supervisor = field(default_factory=Supervisor)
    pace: float = PACE
    acknowledged: float = ACKNOWLEDGED
    last_acks: float = LAST_ACKS
    _handlers: list[AsyncSocketModeHandler] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.direct = DirectMessages(self.client)

    def inviter(self, core: Core) -> SlackInviter:
        """Return what delivers invitations by chat; for `open_core(inviter=…)`."""
        return SlackInviter(core=core, client=self.client, direct=self.direct)

    def notifier(self, core: Core) -> SlackNotifier:
        """Return what delivers the outbox; for `open_core(notifier=…)`."""
        return SlackNotifier(core=core, client=self.client, pace=self.pace)

    @property
    def mode(self) -> str | None:
        """``socket``, ``http``, or None without tokens."""
        return self.settings.slack_mode

    async def connected(self) -> int:
        """Return how many Socket Mode connections are up."""
        return sum([await handler.client.is_connected() for handler in self._handlers])

    @asynccontextmanager
    async def listening(self, core: Core) -> AsyncIterator[AsyncApp]:
        """Take commands and clicks until the block ends, then drain.

        Over Socket Mode this connects; over HTTP, mount `route` as well. Raises
        `ConfigurationError` if Slack refuses a token.
        """
        await _warm(self.client)
        app = bolt_app(
            self.settings, core, self.client, self.supervisor, acknowledged=self.acknowledged
        )
        try:
            async with self._sockets(app) if self.mode == "socket" else _nothing():
                yield app
        finally:
            await self.supervisor.drain(DRAIN_SECONDS)

    def route(self, app: AsyncApp) -> web.RouteDef:
        """Return the route of HTTP mode: the raw body is verified in front of Bolt."""
        secret = self.settings.slack_signing_secret
        if secret is None:
            raise ConfigurationError(
                "HTTP mode needs SLACK_SIGNING_SECRET.",
                code="signing_secret_missing",
                hint="It stands on the app's Basic Information page.",
            )
        verifier = Verifier(secret.get_secret_value())
        return web.post(EVENTS_PATH, _endpoint(app, verifier))

    @asynccontextmanager
    async def _sockets(self, app: AsyncApp) -> AsyncIterator[None]:
        token = self.settings.slack_app_token
        self._handlers = [
            _socket(app, self.client, token.get_secret_value() if token else "")
            for _ in range(CONNECTIONS)
        ]
        loop = asyncio.get_running_loop()
        tasks = [_start(loop, handler) for handler in self._handlers]
        tasks.append(loop.create_task(_watch(self._handlers)))
        try:
            await asyncio.wait(tasks[:1], timeout=CONNECT_SECONDS)
            yield
        finally:
            await end(tasks)
            _stop_receiving(self._handlers)
            await asyncio.sleep(self.last_acks)
            for handler in self._handlers:
                await _close(handler)


@asynccontextmanager
async def slack_runtime(settings: Settings) -> AsyncIterator[SlackRuntime]:
    """Open the Slack side that `settings` describe; its connections end with the block."""
    async with open_client(settings) as client:
        yield SlackRuntime(settings=settings, client=client)


def _bolt_log() -> logging.Logger:
    """Return Bolt's log without its remark on a token in the environment, which is not used."""
    log = logging.getLogger("dirsync.slack")
    log.filters = [lambda record: "`token` will be unused" not in record.getMessage()]
    return log


def bolt_app(
    settings: Settings,
    core: Core,
    client: SlackClient,
    supervisor: Supervisor,
    *,
    acknowledged: float = ACKNOWLEDGED,
) -> AsyncApp:
    """Return Bolt's app with every listener; nothing of it comes from the environment."""
    secret = settings.slack_signing_secret
    app = AsyncApp(
        name=NAME,
        logger=_bolt_log(),
        client=web_client(client.session, client.base_url, None),
        signing_secret=secret.get_secret_value() if secret else "",
        request_verification_enabled=secret is not None,
        verification_token="",
        authorize=_authorize(client),
        raise_error_for_unhandled_request=False,
        process_before_response=False,
    )
    people = People(client)
    core.access.workspace = SlackWorkspace(client, people)
    gate = Gate(
        core=core,
        client=client,
        supervisor=supervisor,
        people=people,
        acknowledged=acknowledged,
    )
    register(app, gate)
    return app


def _authorize(client: SlackClient) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize() -> AuthorizeResult:
        identity = await client.identity()
        return AuthorizeResult(
            enterprise_id=identity.enterprise_id,
            team_id=identity.team_id,
            bot_id=identity.bot_id,
            bot_user_id=identity.user_id,
            bot_token=NAME,
        )

    return authorize


async def _warm(client: SlackClient) -> None:
    """Ask who the bot is before the first command does; wait a while for a Slack that is down."""
    loop = asyncio.get_running_loop()
    until, wait = loop.time() + WARM_SECONDS, 0.5
    while True:
        try:
            await client.identity()
        except TransientRemoteError as error:
            if loop.time() + wait > until:
                _log.warning("slack_unreachable_at_start", code=error.code)
                return
            await asyncio.sleep(error.retry_after or wait)
            wait *= 2
        except TerminalRemoteError as error:
            raise _refused(error) from None
        else:
            return


def _refused(error: RemoteError) -> ConfigurationError:
    hint = "Copy the token again from the app's page at api.slack.com/apps."
    if error.code in DEAD_TOKEN:
        return ConfigurationError(
            "Slack refuses SLACK_BOT_TOKEN.", code="slack_token_refused", hint=hint
        )
    return ConfigurationError(
        f"Slack refuses to say who the bot is ({error.code}).", code="slack_refused", hint=hint
    )


def _socket(app: AsyncApp, client: SlackClient, token: str) -> AsyncSocketModeHandler:
    web = web_client(client.session, client.base_url, None)
    handler = AsyncSocketModeHandler(
        app, app_token=token, web_client=web, ping_interval=PING_SECONDS
    )
    handler.client.proxy = None
    return handler


def _start(loop: asyncio.AbstractEventLoop, handler: AsyncSocketModeHandler) -> asyncio.Task[None]:
    return loop.create_task(handler.client.connect())  # type: ignore[no-untyped-call]


async def _watch(handlers: list[AsyncSocketModeHandler]) -> None:
    """Reconnect what is found down twice in a row; the SDK's own monitor can miss a drop."""
    down = dict.fromkeys(range(len(handlers)), 0)
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        for index, handler in enumerate(handlers):
            up = await handler.client.is_connected()
            down[index] = 0 if up else down[index] + 1
            if down[index] > 1:
                _log.warning("slack_socket_down", connection=index)
                with suppress(aiohttp.ClientError, OSError, TimeoutError, SlackClientError):
                    await handler.client.connect_to_new_endpoint(force=True)
                down[index] = 0


def _stop_receiving(handlers: list[AsyncSocketModeHandler]) -> None:
    """Take nothing new; what was taken goes on to its acknowledgement."""
    for handler in handlers:
        receiver = handler.client.message_receiver
        if receiver is not None:
            receiver.cancel()


async def _close(handler: AsyncSocketModeHandler) -> None:
    client = handler.client
    await client.close()  # type: ignore[no-untyped-call]
    left = [client.message_processor, client.current_session_monitor, client.message_receiver]
    await asyncio.gather(*[task for task in left if task is not None], return_exceptions=True)


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def _endpoint(
    app: AsyncApp, verifier: Verifier
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def events(request: web.Request) -> web.StreamResponse:
        text = await verifier.body(request)
        answer = await guarded(_dispatch(app, request, text))
        if not isinstance(answer, BoltResponse) or answer.status >= SERVER_ERROR:
            return web.Response(status=400, text="not understood")
        return await to_aiohttp_response(answer)

    return events


async def _dispatch(app: AsyncApp, request: web.Request, text: str) -> BoltResponse:
    headers: dict[str, str] = {name.lower(): value for name, value in request.headers.items()}
    return await app.async_dispatch(
        AsyncBoltRequest(body=text, query=request.query_string, headers=headers)  # type: ignore[arg-type]
    )
