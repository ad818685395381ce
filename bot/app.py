"""The composition root of the doors: core, Slack, web and the local socket in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from bot.control.server import control_server
from bot.slack.app import SlackRuntime, slack_runtime
from bot.slack.inviter import NoInviter
from bot.slack.supervisor import end
from bot.web.invitations import Invitations
from bot.web.logins import Logins
from bot.web.server import web_server
from core.app import Core, open_core
from core.errors import ConfigurationError
from core.model.directory import CheckLine, CheckStatus
from core.model.events import Delivery, OutboxItem
from core.ports import Mailer
from core.settings import Settings

DRAIN_SECONDS = 6.0
"""How long cycles and deliveries have to end; whoever stops us waits 15 seconds."""

CONTROL_SECONDS = 1.0

_log = structlog.get_logger("dirsync.run")


class LogNotifier:
    """Delivers nothing: with ``--no-slack`` there is nobody to tell, and nothing may pile up."""

    async def deliver(self, item: OutboxItem, shown: Delivery | None) -> Delivery | None:
        """Note that a message had no channel to go to."""
        _log.debug("run.message_without_slack", kind=item.kind.value, key=item.key)
        return shown


async def run(settings: Settings, *, slack: bool) -> None:
    """Run until SIGTERM or SIGINT, then drain within 15 seconds; a start is given up at once.

    Raises `ConfigurationError` if Slack's tokens are missing, `ConflictError` (code
    ``database_in_use``) if another process has the database.
    """
    if slack:
        require_slack(settings)
    moments = _Moments()
    with _signals(moments.stop):
        _log.info("run.starting", slack=slack)
        serving = asyncio.create_task(_serve(settings, moments, slack=slack))
        stopping = asyncio.create_task(moments.may_be_given_up())
        try:
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            if moments.started.is_set() or serving.done():
                await serving
        finally:
            await end([serving, stopping], again=DRAIN_SECONDS)
    _log.info("run.stopped")


@dataclass(frozen=True)
class _Moments:
    """The database is open; everything has started; it is to stop."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def may_be_given_up(self) -> None:
        """Wait until a start is to be given up, and what it opens can be closed."""
        await self.stop.wait()
        await self.opened.wait()


async def _serve(settings: Settings, moments: _Moments, *, slack: bool) -> None:
    async with running(settings, slack=slack, opened=moments.opened.set):
        moments.started.set()
        await moments.stop.wait()
        _log.info("run.draining")


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    slack: bool = True,
    mailer: Mailer | None = None,
    opened: Callable[[], object] = lambda: None,
) -> AsyncIterator[Core]:
    """Run everything until the block ends: core, local socket, Slack and, but for a demo, web.

    `opened` is called before Slack is waited for.

    At the end nothing new comes in first; then cycles end or are handed over, and what is due is
    delivered.
    """
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(slack_runtime(settings)) if slack else None
        core = await stack.enter_async_context(
            open_core(
                settings,
                notifier=_log_notifier if runtime is None else runtime.notifier,
                inviter=_no_inviter if runtime is None else runtime.inviter,
                mailer=mailer,
                background=True,
                allow_loopback=settings.demo,
                drain_seconds=DRAIN_SECONDS,
            )
        )
        if settings.control_socket is not None:
            await stack.enter_async_context(
                control_server(core, settings.control_socket, patience=CONTROL_SECONDS)
            )
        opened()
        bolt = None
        if runtime is not None:
            bolt = await stack.enter_async_context(runtime.listening(core))
        if not settings.demo:
            await _serve_web(core, runtime, bolt, stack)
        _log.info("run.ready", slack=slack, database=core.store.url_redacted)
        yield core


def require_slack(settings: Settings) -> None:
    """Raise `ConfigurationError` that names what is missing for Slack."""
    if settings.slack_mode is not None:
        return
    missing = [] if settings.slack_bot_token else ["SLACK_BOT_TOKEN"]
    raise ConfigurationError(
        f"Slack needs {' and '.join([*missing, 'SLACK_APP_TOKEN'])}.",
        code="slack_tokens_missing",
        hint=(
            "The README says where they come from; HTTP mode takes SLACK_SIGNING_SECRET instead "
            "of SLACK_APP_TOKEN. Without Slack: dirsync run --no-slack, or dirsync demo."
        ),
    )


def _log_notifier(core: Core) -> LogNotifier:
    del core
    return LogNotifier()


def _no_inviter(core: Core) -> NoInviter:
    del core
    return NoInviter()


async def _serve_web(
    core: Core, runtime: SlackRuntime | None, bolt: AsyncApp | None, stack: AsyncExitStack
) -> None:
    async def ready() -> Sequence[CheckLine]:
        lines = list(await core.health.ready())
        return lines if runtime is None else [*lines, await _slack_line(runtime)]

    def mount(app: web.Application) -> None:
        Invitations(lambda: core.activation).add_to(app)
        Logins(lambda: (core.applications, core.activation)).add_to(app)
        if runtime is not None and bolt is not None and runtime.mode == "http":
            app.router.add_routes([runtime.route(bolt)])

    address = await stack.enter_async_context(
        web_server(
            core.settings.bind_address, ready=ready, figures=core.health.figures, mount=mount
        )
    )
    _log.info("run.web", host=address[0], port=address[1])


async def _slack_line(runtime: SlackRuntime) -> CheckLine:
    if runtime.mode == "http" or await runtime.connected():
        return CheckLine.ok("Slack")
    return CheckLine(
        name="Slack",
        status=CheckStatus.FAILED,
        detail="no connection",
        hint="Check the network to Slack; it is tried again all the time.",
        code="slack_disconnected",
    )


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
