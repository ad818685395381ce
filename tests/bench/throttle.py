"""What the page servers of the benchmarks have in common: another variant, and throttling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

EVERY = 10
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Throttle:
    """Refuses every tenth request with 429 and a second of Retry-After, once it is told to.

    ``GET /throttle`` begins it and ``GET /refused`` says how often it refused since.
    """

    def __init__(self) -> None:
        self._on = False
        self._seen = self.refused = 0

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or refuse it."""
        if self._on and not request.path.startswith(("/throttle", "/refused", "/become")):
            self._seen += 1
            if self._seen % EVERY == 0:
                self.refused += 1
                return web.json_response({}, status=429, headers={"Retry-After": "1"})
        return await handler(request)

    async def begin(self, _: web.Request) -> web.Response:
        self._on = True
        return web.Response(text="on")

    async def tell(self, _: web.Request) -> web.Response:
        return web.json_response({"refused": self.refused})

    def add_to(self, app: web.Application) -> None:
        """Put the middleware and its two pages into an application."""
        app.middlewares.append(self.guard)
        app.router.add_get("/throttle", self.begin)
        app.router.add_get("/refused", self.tell)
