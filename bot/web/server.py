"""The web server: health, metrics, invitations and, in HTTP mode, Slack's requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bot.web.health import Probe, add_health
from bot.web.metrics import ReadFigures, add_metrics
from core.errors import ConfigurationError

LARGEST_BODY = 1_000_000
_SHUTDOWN_SECONDS = 2.0

Mount = Callable[[web.Application], None]
"""Adds routes to the application before it starts."""


@asynccontextmanager
async def web_server(
    address: tuple[str, int], *, ready: Probe, figures: ReadFigures, mount: Mount | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Serve until the block ends; yields the address, with the port that was given to port 0.

    Raises `ConfigurationError` (code ``address_in_use``) if it cannot listen there.
    """
    app = web.Application(client_max_size=LARGEST_BODY)
    add_health(app, ready)
    add_metrics(app, figures)
    if mount is not None:
        mount(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        host, port = address
        site = web.TCPSite(runner, host, port)
        await _start(site, host, port)
        bound = runner.addresses[0]
        yield str(bound[0]), int(bound[1])
    finally:
        await runner.cleanup()


async def _start(site: web.TCPSite, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise ConfigurationError(
            f"The web server cannot listen on {host}:{port} ({error.strerror}).",
            code="address_in_use",
            hint="Set DIRSYNC_HTTP_BIND to a free address.",
        ) from error
