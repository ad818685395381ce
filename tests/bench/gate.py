"""What the page servers of the benchmarks have in common: they serve, count, and can throttle."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

EVERY = 10
PEOPLE, GROUPS, MEMBERS, CHANGES, OTHER = "people", "groups", "members", "changes", "other"
_FEW = 10
_SIZES = ("count", "limit", "maxResults", "$top")
_OWN = ("/requests", "/throttle", "/become")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def kind_of(request: web.Request) -> str:
    """Return what a request is for, as far as its URL tells; one for a few records is a probe."""
    path = request.path.lower()
    if path.endswith(("/$batch", "/batch")) or (
        "/groups/" in path and path.endswith(("/members", "/users"))
    ):
        return MEMBERS
    if not path.endswith(("/users", "/groups", "/delta")) or "$count" in request.query:
        return OTHER
    few = any(0 < int(request.query.get(name, "0")) <= _FEW for name in _SIZES)
    if few or request.query.get("$deltatoken") == "latest":
        return OTHER
    if path.endswith("/delta") or not {"filter", "$filter"}.isdisjoint(request.query):
        return CHANGES
    return PEOPLE if path.endswith("/users") else GROUPS


class Gate:
    """Counts the requests of an application, and once it is told to refuses every tenth.

    ``GET /requests`` tells how many came since the last question: ``pages`` in all, by kind, how
    many were refused, and the processor's time that the server took. ``GET /throttle`` begins to
    refuse, with 429 and a second of ``Retry-After``.
    """

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()
        self._throttles = False
        self._seen = 0
        self._worked = time.process_time()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request and let it through, or refuse it."""
        if not request.path.startswith(_OWN):
            self._seen += 1
            if self._throttles and self._seen % EVERY == 0:
                self._counted["refused"] += 1
                return web.json_response({}, status=429, headers={"Retry-After": "1"})
            self._counted["pages"] += 1
            self._counted[kind_of(request)] += 1
        return await handler(request)

    async def begin(self, _: web.Request) -> web.Response:
        self._throttles = True
        return web.Response(text="on")

    async def tell(self, _: web.Request) -> web.Response:
        counted, self._counted = self._counted, Counter()
        began, self._worked = self._worked, time.process_time()
        kinds = ("pages", PEOPLE, GROUPS, MEMBERS, CHANGES, OTHER, "refused")
        told = {kind: counted[kind] for kind in kinds}
        return web.json_response(told | {"work": self._worked - began})

    def add_to(self, app: web.Application) -> None:
        """Put the middleware and its two pages into an application."""
        app.middlewares.append(self.guard)
        app.router.add_get("/throttle", self.begin)
        app.router.add_get("/requests", self.tell)


async def serve(app: web.Application) -> None:
    """Serve on a free loopback port, print it, and stop when the standard input closes."""
    Gate().add_to(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def serve_company(application: Callable[[int, int], web.Application]) -> None:
    """Serve the application of as many people and groups as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--groups", type=int, default=500)
    options = parser.parse_args()
    asyncio.run(serve(application(options.people, options.groups)))
