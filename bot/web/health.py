"""`/healthz`: the process lives. `/readyz`: it can work now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from aiohttp import web

from core.model.directory import CheckLine, CheckStatus

Probe = Callable[[], Awaitable[Sequence[CheckLine]]]
"""Returns what was looked at; raises nothing."""


def add_health(app: web.Application, ready: Probe) -> None:
    """Add the two routes; `ready` is asked at every `/readyz`."""

    async def readyz(request: web.Request) -> web.Response:
        del request
        return _answer(await ready())

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)


async def healthz(request: web.Request) -> web.Response:
    """Say that the event loop turns."""
    del request
    return web.json_response({"status": "ok"})


def _answer(lines: Sequence[CheckLine]) -> web.Response:
    well = all(line.status is not CheckStatus.FAILED for line in lines)
    checks = [{"name": line.name, "status": line.status.value, "code": line.code} for line in lines]
    body = msgspec.json.encode({"status": "ok" if well else "failed", "checks": checks})
    return web.Response(
        body=body,
        status=200 if well else 503,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
