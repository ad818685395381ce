"""How fast commands are acknowledged: after a start, and while a first cycle runs beside them.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_acks.py [--people 100000]

The bot runs in HTTP mode in a process of its own, on SQLite; commands are signed and sent over
loopback, and Slack's API is answered by a stub. Like an installed program it has its bytecode,
but for the first start. Bounds: 2 s from the start of the process to the
first acknowledgement with everybody stored; during the cycle 20 a second with a p99 below 250 ms,
500 at once all within 1 s, and no stall of the event loop beyond 100 ms. The Home tab is there
within 2 s with everybody stored.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.bench.bench_cycle import HERE, Stalls, ask, configuration_file, pages_server

SECRET = "bench-signing-secret"
WELL_INTO_IT = 30
"""Commands before the 500 at once: the cycle is reading by then."""
STUB = {
    "ok": True, "user_id": "U0BOT00001",
    "user": {"id": "U0ADMIN001", "name": "admin", "team_id": "T0BENCH001"},
    "team_id": "T0BENCH001", "bot_id": "B0BENCH001", "channel": "C0BENCH001", "ts": "1.000001",
    "url": "https://bench.example/", "team": "bench", "app_id": "A0BENCH001",
}  # fmt: skip


@asynccontextmanager
async def slack_stub(published: asyncio.Queue[float]) -> AsyncIterator[str]:
    """Answer every call of Slack's API with success; note when a Home tab arrives."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        if request.path.endswith("views.publish"):
            published.put_nowait(time.perf_counter())
        opened = request.path.endswith("conversations.open")
        return web.json_response({**STUB, "channel": {"id": "D0BENCH001"}} if opened else STUB)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def send(session: aiohttp.ClientSession, bot: str, stub: str, text: str) -> float:
    """Send a signed command and return the seconds until its acknowledgement."""
    fields = {
        "command": "/dirsync", "text": text, "user_id": "U0ADMIN001", "user_name": "admin",
        "team_id": "T0BENCH001", "channel_id": "C0BENCH001", "channel_name": "it",
        "trigger_id": f"{time.time_ns()}.1", "response_url": f"{stub}/respond",
        "api_app_id": "A0BENCH001", "team_domain": "bench",
    }  # fmt: skip
    kind = "application/x-www-form-urlencoded"
    return await post_signed(session, bot, urlencode(fields), kind)


async def open_home(
    session: aiohttp.ClientSession, bot: str, published: asyncio.Queue[float]
) -> float:
    """Open the Home tab as Slack tells it, and return the seconds until it is shown."""
    event = {
        "type": "event_callback", "event_id": f"Ev{time.time_ns()}", "event_time": int(time.time()),
        "team_id": "T0BENCH001", "api_app_id": "A0BENCH001",
        "event": {
            "type": "app_home_opened", "user": "U0ADMIN001", "channel": "D0BENCH001",
            "tab": "home", "event_ts": f"{time.time():.6f}",
        },
    }  # fmt: skip
    began = time.perf_counter()
    await post_signed(session, bot, json.dumps(event), "application/json")
    return await published.get() - began


async def post_signed(session: aiohttp.ClientSession, bot: str, body: str, kind: str) -> float:
    """Send a body with Slack's signature; return the seconds until it is acknowledged."""
    stamp = str(int(time.time()))
    mark = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={mark}",
        "Content-Type": kind,
    }
    began = time.perf_counter()
    async with session.post(f"{bot}/slack/events", data=body, headers=headers) as answer:
        await answer.read()
        answer.raise_for_status()
    return time.perf_counter() - began


@asynccontextmanager
async def bot_process(
    stub: str, database: str, session: aiohttp.ClientSession
) -> AsyncIterator[tuple[str, float, list[float]]]:
    """Run the bot; yields its address, the seconds to its first acknowledgement, and its stalls.

    The list of stalls is filled when the block has ended.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bot, stalls = f"http://127.0.0.1:{port}", list[float]()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.bench_acks", "--child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=HERE.parents[2],
        env={
            **os.environ, "DIRSYNC_DATABASE_URL": database, "DIRSYNC_HTTP_BIND": bot[7:],
            "SLACK_API_URL": f"{stub}/api/", "SLACK_BOT_TOKEN": "xoxb-bench",
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "dirsync-bench-bytecode"),
            "SLACK_SIGNING_SECRET": SECRET, "DIRSYNC_ADMINS": "U0ADMIN001",
            "DIRSYNC_ALLOW_NETWORKS": "127.0.0.0/8", "DIRSYNC_CREDENTIAL_BENCH": "bench",
        },
    )  # fmt: skip
    while True:
        with suppress(aiohttp.ClientConnectionError):
            await send(session, bot, stub, "help")
            break
        await asyncio.sleep(0.01)
    yield bot, time.perf_counter() - began, stalls
    said, _ = await process.communicate(b"")
    stalls.append(float(said.split()[-1]))


async def be_the_bot() -> None:
    """Run the bot as the command does; when standard input closes, print the longest stall."""
    from core.collector import be_patient

    be_patient()
    from bot.app import running
    from core.settings import Settings

    stalls = Stalls()
    async with running(Settings.from_environment(os.environ)):
        watch = asyncio.create_task(stalls.watch())
        await asyncio.to_thread(sys.stdin.read)
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    print(stalls.longest)


async def configure(database: str, scim: str) -> None:
    """Store the configuration before the bot starts."""
    from core.app import open_core
    from core.model.account import Actor, Role
    from core.settings import Settings

    given = {"DIRSYNC_DATABASE_URL": database, "DIRSYNC_CREDENTIAL_BENCH": "bench"}
    actor = Actor(id="cli:bench", name="bench", role=Role.ADMIN, door="cli")
    async with open_core(
        Settings.from_environment(given), notifier=None, background=False, allow_loopback=True
    ) as core:
        await core.configurations.apply(actor, configuration_file(scim), source="bench.yaml")


async def during_a_cycle(
    session: aiohttp.ClientSession, bot: str, stub: str, seconds: float
) -> tuple[list[float], list[float]]:
    """Start a cycle, then 20 commands a second, with 500 at once in between."""
    await send(session, bot, stub, "sync bench")
    steady: list[asyncio.Task[float]] = []
    burst: list[float] = []
    for n in range(int(seconds * 20)):
        steady.append(asyncio.create_task(send(session, bot, stub, "help")))
        if n == WELL_INTO_IT:
            burst = list(
                await asyncio.gather(*(send(session, bot, stub, "help") for _ in range(500)))
            )
        await asyncio.sleep(0.05)
    return list(await asyncio.gather(*steady)), burst


async def measure(people: int, seconds: float) -> None:
    """Print the figures."""
    connector = aiohttp.TCPConnector(limit=0)
    with (
        tempfile.TemporaryDirectory() as folder,
        pages_server(people, 0) as server,
    ):
        ask(f"{server}/become/same")
        database = f"sqlite:///{Path(folder) / 'acks.db'}"
        await configure(database, f"{server}/scim/v2")
        published = asyncio.Queue[float]()
        async with (
            slack_stub(published) as stub,
            aiohttp.ClientSession(connector=connector) as session,
        ):
            async with bot_process(stub, database, session) as (bot, empty, stalls):
                steady, burst = await during_a_cycle(session, bot, stub, seconds)
            async with bot_process(stub, database, session) as (bot, stored, _idle):
                homes = [await open_home(session, bot, published) for _ in range(20)]
        with closing(sqlite3.connect(Path(folder) / "acks.db")) as db:
            [[stored_people]] = db.execute("SELECT count(*) FROM users")
    assert stored_people == people, f"the cycle beside the commands stored {stored_people}"
    steady.sort()
    found = {
        "start to first acknowledgement, empty store": (empty, None),
        f"start to first acknowledgement, {people:,} people": (stored, 2.0),
        "Home tab opened right after it": (homes[0], 2.0),
        "Home tab opened again, slowest of 19": (max(homes[1:]), 2.0),
        "20 a second during a first cycle, p50": (steady[len(steady) // 2], None),
        "20 a second during a first cycle, p99": (steady[int(len(steady) * 0.99)], 0.25),
        "500 at once during a first cycle, slowest": (max(burst), 1.0),
        "longest stall of the event loop": (stalls[0], 0.1),
    }
    print("| figure | ms | bound ms |\n|---|---|---|")
    for name, (value, bound) in found.items():
        limit = "-" if bound is None else f"{bound * 1000:.0f}"
        print(f"| {name} | {value * 1000:.0f} | {limit} |")


def main() -> None:
    """Measure, or be the bot."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long commands are sent")
    parser.add_argument("--child", action="store_true")
    options = parser.parse_args()
    asyncio.run(be_the_bot() if options.child else measure(options.people, options.seconds))


if __name__ == "__main__":
    main()
