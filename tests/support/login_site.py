"""A dirsync with invited people, served on loopback, and an application that may ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.web.logins import Logins
from bot.web.rate import Rates
from bot.web.server import web_server
from core.app import Core, open_core
from core.model.account import Actor, Invitation, Role
from core.model.cycle import CycleState
from core.settings import Settings

ADMIN = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")
_FILE = """
licenses: {{total: {licenses}}}
configurations:
  - name: people
    provider: {{type: csv, file: people.csv}}
"""


class NoMail:
    """A mailer that takes everything."""

    async def send(self, invitation: Invitation, *, subject: str, text: str, html: str) -> None:
        """Take a letter."""


@dataclass(frozen=True, kw_only=True)
class LoginSite:
    """What a test of the login API works with; people are ``u1@example.com`` and so on."""

    core: Core
    url: str
    token: str
    http: aiohttp.ClientSession

    async def post(
        self, body: object = None, *, data: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, object], str]:
        """Ask about a login; return status, document and content type."""
        wanted = {"Authorization": f"Bearer {self.token}", **headers}
        if data is not None:
            wanted.setdefault("Content-Type", "application/json")
        address = f"{self.url}/api/v1/logins"
        json = body if data is None else None
        async with self.http.post(address, json=json, data=data, headers=wanted) as answer:
            return answer.status, await answer.json(content_type=None), answer.content_type

    async def status(self, email: str) -> str:
        """Return only the status that a login of this address is answered with."""
        return str((await self.post({"email": email}))[1]["status"])


@asynccontextmanager
async def login_site(
    database_url: str,
    folder: Path,
    *,
    people: int = 6,
    licenses: int = 3,
    rates: Rates | None = None,
) -> AsyncIterator[LoginSite]:
    """Serve until the block ends."""
    rows = [f"{n},u{n}@example.com,Person {n}" for n in range(1, people + 1)]
    (folder / "people.csv").write_text("\n".join(["id,email,name", *rows, ""]))
    settings = Settings.from_environment(
        {"DIRSYNC_DATABASE_URL": database_url, "DIRSYNC_CREDENTIALS_DIR": str(folder)}
    )
    async with open_core(settings, notifier=None, mailer=NoMail(), background=True) as core:
        await core.configurations.apply(ADMIN, _FILE.format(licenses=licenses), source="f.yaml")
        await _synced(core)
        _, token = await core.applications.create(ADMIN, "portal")
        services = Logins(lambda: (core.applications, core.activation), rates=rates)
        async with (
            web_server(
                ("127.0.0.1", 0),
                ready=core.health.ready,
                figures=core.health.figures,
                mount=services.add_to,
            ) as (host, port),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        ):
            yield LoginSite(core=core, url=f"http://{host}:{port}", token=token, http=http)


async def _synced(core: Core) -> None:
    cycle = await core.sync.request(ADMIN, "people")
    async for seen in core.sync.wait(cycle.id, poll=0.01):
        if seen.state is CycleState.FINISHED:
            return
