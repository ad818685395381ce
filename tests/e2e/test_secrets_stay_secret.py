"""Marked secrets are planted everywhere, and looked for in everything that dirsync writes or says.

A second directory repeats, in its errors, every secret that it was sent.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web

from bot.demo import company
from bot.demo.directory import Directory
from bot.demo.rates import UNLIMITED
from bot.demo.scim import scim_app
from bot.demo.server import DemoOptions, DemoServer, serve
from tests.support.cli import Host
from tests.support.databases import BACKENDS, fresh_database
from tests.support.figures import figure
from tests.support.killing import Life
from tests.support.letterbox import Letterbox

PLACES = figure("places searched for planted secrets")
SCIM, ECHO = "mark-scim-7Hq2ZkT9", "mark-echo-4Lw8RnB3"
BASIC, CLIENT = "mark-basic-9Xv5JdC1", "mark-client-2Pf6GsM8"
MAIL, KEY, DATABASE = "mark-mail-5Tb3YhQ7", "mark-key-8Nc1WzF4-padded", "mark-db-6Kr9VxD2"
FILE = """\
licenses: {{total: 10}}
configurations:
  - name: people-scim
    provider: {{type: scim, url: "{demo}/scim/v2", token: "env:DIRSYNC_CREDENTIAL_SCIM"}}
    channel: {channel}
  - name: echo-token
    provider: {{type: scim, url: "{echo}/scim", token: "env:DIRSYNC_CREDENTIAL_ECHO"}}
  - name: echo-basic
    provider:
      {{type: scim, url: "{echo}/scim", username: u, password: "env:DIRSYNC_CREDENTIAL_BASIC"}}
  - name: echo-oauth
    provider:
      type: scim
      url: "{echo}/scim"
      token_url: "{echo}/token"
      client_id: dirsync
      client_secret: "env:DIRSYNC_CREDENTIAL_CLIENT"
"""


@dataclass(kw_only=True)
class Parrot:
    """A server that repeats in its errors whatever it is sent."""

    url: str = ""
    heard: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        sent = request.headers.get("Authorization", "") + (await request.text())
        self.heard.append(sent)
        told = {"detail": f"Bad credentials: {sent}", "error_description": f"Bad: {sent}"}
        return web.json_response(told, status=401)


@asynccontextmanager
async def parrot() -> AsyncIterator[Parrot]:
    bird = Parrot()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", bird.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bird.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield bird
    finally:
        await runner.cleanup()


@pytest.fixture(params=BACKENDS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with fresh_database(request.param, tmp_path) as url:
        machine = Host(tmp_path, url.replace("postgres:@", f"postgres:{DATABASE}@"))
        machine.prepare()
        yield machine


@pytest.fixture
def letters() -> Iterator[Letterbox]:
    with Letterbox(password=MAIL) as box:
        yield box


@asynccontextmanager
async def workspace() -> AsyncIterator[DemoServer]:
    options = DemoOptions(
        commands=[{"command": "/dirsync", "description": "d", "usage_hint": "", "completions": []}],
        extra_apps={"/scim/v2": scim_app(Directory(company.build(12)), SCIM)},
        rates=UNLIMITED,
        events=frozenset({"app_home_opened"}),
    )
    async with serve(options) as demo:
        yield demo


def plant(host: Host, demo: DemoServer, letters: Letterbox) -> dict[str, str]:
    """Put every secret where it belongs; return them by name."""
    host.more |= {
        "DIRSYNC_CREDENTIAL_SCIM": SCIM,
        "DIRSYNC_CREDENTIAL_ECHO": ECHO,
        "DIRSYNC_CREDENTIAL_BASIC": BASIC,
        "DIRSYNC_CREDENTIAL_CLIENT": CLIENT,
        "DIRSYNC_SECRET_KEY": KEY,
        "DIRSYNC_SMTP_URL": letters.url,
        "DIRSYNC_ALLOW_NETWORKS": "127.0.0.0/8",
        "SLACK_BOT_TOKEN": demo.bot_token,
        "SLACK_APP_TOKEN": demo.app_token,
        "SLACK_SIGNING_SECRET": demo.signing_secret,
        "SLACK_API_URL": demo.slack_api_url,
    }
    secrets = {"scim": SCIM, "echo": ECHO, "basic": BASIC, "client": CLIENT, "key": KEY}
    slack = {"bot": demo.bot_token, "app": demo.app_token, "signing": demo.signing_secret}
    coded = base64.b64encode(f"u:{BASIC}".encode()).decode()
    return {**secrets, **slack, "mail": MAIL, "database": DATABASE, "coded basic": coded}


async def test_no_planted_secret_is_in_anything_that_is_written_or_said(
    host: Host, letters: Letterbox
) -> None:
    said: dict[str, str] = {}
    async with workspace() as demo, parrot() as bird:
        secrets = plant(host, demo, letters)
        channel = demo.workspace.channel_named("it-directory").id
        text = FILE.format(demo=demo.url, echo=bird.url, channel=channel)
        (host.folder / "all.yaml").write_text(text)
        life = await asyncio.to_thread(start, host)
        try:
            await use_everything(host, said)
            await asyncio.sleep(0.5)
            said["slack"] = slack_texts(demo)
            said["files while it runs"] = files(host)
        finally:
            await asyncio.to_thread(life.end)
    said["logs"] = "".join(life.lines)
    said["mail"] = "".join(raw.decode("utf-8", "replace") for raw in letters.raw)
    said["files"] = files(host)
    said["database"] = await contents(host.database_url)
    expect_used(said, bird, letters)
    for place, text in said.items():
        with PLACES.trying():
            found = [name for name, secret in secrets.items() if secret in text]
            assert not found, f"{found} in {place}"


def start(host: Host) -> Life:
    life = Life(host.environ, host.folder, slack=True)
    life.wait_for("run.ready")
    return life


async def use_everything(host: Host, said: dict[str, str]) -> None:
    """Run every verb that could repeat a secret, on directories that do."""
    verbs = [("config", "apply", str(host.folder / "all.yaml"))]
    names = ("people-scim", "echo-token", "echo-basic", "echo-oauth")
    verbs += [("sync", name) for name in names]
    verbs += [("config", "test", name, "--json") for name in names]
    verbs += [("sync", "echo-token", "--json"), ("show", "--json"), ("status", "--json")]
    verbs += [("config", "export"), ("config", "show", "echo-oauth", "--json"), ("doctor",)]
    verbs += [("doctor", "--json"), ("history", "--json"), ("users", "--json")]
    verbs += [("config", "list", "--json"), ("licenses", "--json"), ("notify", "test")]
    for verb in verbs:
        ran = await asyncio.to_thread(host, *verb)
        said[" ".join(verb)] = ran.out + ran.err


def expect_used(said: dict[str, str], bird: Parrot, letters: Letterbox) -> None:
    """The secrets were really at work, and their holders really spoke."""
    heard = "\n".join(bird.heard)
    assert ECHO in heard
    assert CLIENT in heard
    assert base64.b64encode(f"u:{BASIC}".encode()).decode() in heard
    assert "created" in said["sync people-scim"]
    assert "Bad" in said["sync echo-token"]
    assert letters.sign_ins
    assert letters.letters
    assert "people-scim" in said["slack"]
    assert "people-scim" in said["database"]
    assert "run.stopped" in said["logs"]
    assert "env:DIRSYNC_CREDENTIAL_CLIENT" in said["config export"]


def slack_texts(demo: DemoServer) -> str:
    return json.dumps(
        [
            [message.text, list(message.blocks)]
            for messages in demo.workspace._messages.values()
            for message in messages.values()
        ],
        ensure_ascii=False,
        default=str,
    )


def files(host: Host) -> str:
    """Return the raw bytes of every file that the program made, the database's among them."""
    skipped = {"all.yaml", "people.yaml"}
    return "".join(
        path.read_bytes().decode("latin-1")
        for path in host.folder.rglob("*")
        if path.is_file() and path.name not in skipped
    )


async def contents(url: str) -> str:
    """Return every row of every table as text."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        try:
            return "\n".join(connection.iterdump())
        finally:
            connection.close()
    server = await asyncpg.connect(url)
    try:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        rows = [
            str(tuple(row))
            for (name,) in await server.fetch(names)
            for row in await server.fetch(f'SELECT * FROM "{name}"')
        ]
    finally:
        await server.close()
    return "\n".join(rows)
