"""Health, readiness and metrics over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp import web

from bot.web.server import web_server
from core.errors import ConfigurationError, StoreUnavailableError
from core.model.account import LicenseSummary
from core.model.directory import CheckLine, CheckStatus
from core.services.health import Figures

FREE = ("127.0.0.1", 0)
FIGURES = Figures(
    cycles={("people", "success"): 3},
    durations={"people": 1.5},
    ages={"people": 60.0},
    open_cycles=1,
    pending=2,
    undeliverable=0,
    licenses=LicenseSummary(total=10, used=4, invited=1, waiting=0),
    people={"active": 4},
)


class World:
    """What the server is told."""

    def __init__(self) -> None:
        self.status = CheckStatus.OK
        self.reachable = True

    async def ready(self) -> Sequence[CheckLine]:
        detail = "postgresql://secret-host"
        return [CheckLine(name="Database", status=self.status, detail=detail)]

    async def figures(self) -> Figures:
        if not self.reachable:
            raise StoreUnavailableError("gone")
        return FIGURES


async def get(address: tuple[str, int], path: str) -> tuple[int, str]:
    url = f"http://{address[0]}:{address[1]}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_alive_is_always_said_and_ready_only_when_nothing_failed():
    world = World()
    async with web_server(FREE, ready=world.ready, figures=world.figures) as address:
        assert (await get(address, "/healthz"))[0] == 200
        assert (await get(address, "/readyz"))[0] == 200
        world.status = CheckStatus.WARNING
        assert (await get(address, "/readyz"))[0] == 200
        world.status = CheckStatus.FAILED
        status, text = await get(address, "/readyz")
        assert status == 503
        assert "Database" in text
        assert "secret-host" not in text
        assert (await get(address, "/healthz"))[0] == 200


async def test_metrics_have_the_figures_and_survive_a_database_that_is_gone():
    world = World()
    async with web_server(FREE, ready=world.ready, figures=world.figures) as address:
        status, text = await get(address, "/metrics")
        assert status == 200
        assert 'dirsync_cycles{configuration="people",result="success"} 3.0' in text
        assert 'dirsync_licenses{state="free"} 6.0' in text
        assert "dirsync_store_up 1.0" in text
        world.reachable = False
        status, text = await get(address, "/metrics")
        assert status == 200
        assert "dirsync_store_up 0.0" in text


async def test_further_routes_can_be_mounted():
    async def more(request: web.Request) -> web.Response:
        return web.json_response({})

    def mount(app: web.Application) -> None:
        app.router.add_get("/more", more)

    world = World()
    async with web_server(FREE, ready=world.ready, figures=world.figures, mount=mount) as address:
        assert (await get(address, "/more"))[0] == 200
        assert (await get(address, "/slack/events"))[0] == 404


async def test_an_address_that_is_taken_is_named():
    world = World()
    async with web_server(FREE, ready=world.ready, figures=world.figures) as address:
        with pytest.raises(ConfigurationError) as caught:
            async with web_server(address, ready=world.ready, figures=world.figures):
                pass
    assert str(address[1]) in caught.value.message
