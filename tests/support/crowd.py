"""A crowd: client processes that all log in at once, against one server or several."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from core.store.opening import Store, open_store
from tests.support.clocks import WallClock
from tests.support.demo_command import ROOT, clean_environment

CLIENTS = 4
PATIENCE = 120.0
LOOK_EVERY = 0.005


class Talker:
    """A process that answers each line of JSON with one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, **asked: object) -> dict[str, object]:
        """Send a line and return the answer."""
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        return await self.heard()

    async def heard(self) -> dict[str, object]:
        """Return the next line that it says."""
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        assert line, "a process of the crowd ended"
        return json.loads(line)


@asynccontextmanager
async def talker(module: str, *arguments: str) -> AsyncIterator[Talker]:
    """Run a module as a process, which ends with its input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=ROOT,
        env=clean_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 22,
    )
    try:
        yield Talker(process)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one crowd ended.

    Attributes:
        answers: how often each was given.
        places: in line, sorted.
        most: the largest number of licenses in use that was seen meanwhile, in `looks` looks.
    """

    answers: Counter[str]
    places: list[int]
    most: int
    looks: int
    used: int
    waiting: int
    alerts: int


@dataclass(kw_only=True)
class Crowd:
    """Servers with people who are invited, and processes that can all come at once."""

    servers: Sequence[Talker]
    urls: Sequence[str]
    clients: Sequence[Talker]
    store: Store
    people: int
    token: str

    async def come(self, chance: Random) -> Outcome:
        """Let everybody log in at once, in any order and through any server; look meanwhile."""
        await self.servers[0].ask(reset=True)
        order = chance.sample(range(1, self.people + 1), self.people)
        seen: list[int] = []
        over = asyncio.Event()

        async def look() -> None:
            while not over.is_set():
                seen.append((await self.store.licenses.summary()).used)
                await asyncio.sleep(LOOK_EVERY)

        looking = asyncio.create_task(look())
        answers = await asyncio.gather(
            *(
                client.ask(
                    urls=[*self.urls[n:], *self.urls[:n]],
                    token=self.token,
                    people=order[n :: len(self.clients)],
                )
                for n, client in enumerate(self.clients)
            )
        )
        over.set()
        await looking
        found = [each for answer in answers for each in answer["found"]]
        counted = await self.servers[0].ask(count=True)
        return Outcome(
            answers=Counter(status for status, _ in found),
            places=sorted(place for _, place in found if place is not None),
            most=max(seen),
            looks=len(seen),
            **counted,
        )


@asynccontextmanager
async def crowd(
    url: str, folder: Path, *, servers: int, people: int, licenses: int
) -> AsyncIterator[Crowd]:
    """Run servers and clients until the block ends."""
    (folder / "url").write_text(url)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        running = [
            await enter(talker("tests.support.crowd_server", str(folder))) for _ in range(servers)
        ]
        urls = [str((await each.heard())["url"]) for each in running]
        begun = await running[0].ask(begin=people, licenses=licenses)
        clients = [await enter(talker("tests.support.crowd_client")) for _ in range(CLIENTS)]
        for each in clients:
            await each.heard()
        opening = open_store(url, clock=WallClock(), migrate=False, exclusive=False)
        yield Crowd(
            servers=running,
            urls=urls,
            clients=clients,
            store=await enter(await opening),
            people=people,
            token=str(begun["token"]),
        )
