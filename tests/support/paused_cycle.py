"""A program that runs one cycle slowly and says where it is, to be stopped and woken by a test.

Usage: python -m tests.support.paused_cycle URL LEASE_SECONDS PHASE
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

from core.engine.context import CycleContext
from core.engine.cycle import run_cycle
from core.errors import FencedError
from core.model.newcomers import Newcomers
from core.store.opening import open_store
from tests.support.clocks import WallClock
from tests.support.scripted_directory import ScriptedDirectory, people, team

PEOPLE = 40
PAUSE = 0.05


class Announcing:
    """A store for the engine whose calls of one kind are announced and slowed down.

    Where those are `apply`, nobody is a newcomer, so that everybody comes that way.
    """

    def __init__(self, inner: object, phase: str) -> None:
        self._inner = inner
        self._phase = phase

    def __getattr__(self, name: str) -> object:
        if (name, self._phase) == ("newcomers", "apply"):
            return nobody
        found = getattr(self._inner, name)
        return self._announced(found) if name == self._phase else found

    def _announced(
        self, call: Callable[..., Awaitable[object]]
    ) -> Callable[..., Awaitable[object]]:
        async def slowly(*args: object, **more: object) -> object:
            sys.stdout.write(f"{self._phase}\n")
            sys.stdout.flush()
            await asyncio.sleep(PAUSE)
            return await call(*args, **more)

        return slowly


async def nobody(*_: object, **__: object) -> AsyncIterator[Newcomers]:
    """Find no newcomers."""
    for none in ():
        yield none


def directory() -> ScriptedDirectory:
    """Return the directory that every process of the test reads."""
    return ScriptedDirectory(people(PEOPLE), [team("a", ["u1", "u2"])], page_size=4)


async def main(url: str, lease: float, phase: str) -> str:
    """Run the cycle that is queued; say how it came out."""
    clock = WallClock()
    async with await open_store(url, clock=clock, lease_seconds=lease, migrate=False) as store:
        claim = await store.cycles.claim(owner="sleeper", now=clock.now())
        assert claim is not None
        ctx = CycleContext(
            provider=directory(),
            store=Announcing(store.sync, phase),
            configuration=claim.configuration,
            fence=claim.fence,
            clock=clock,
            batch=4,
        )
        try:
            return (await run_cycle(ctx)).result.value
        except FencedError as error:
            return error.code


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3])))  # noqa: T201
