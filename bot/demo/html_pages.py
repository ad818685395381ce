"""What the demo's plain pages have in common: templates, headers, and who may post to them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import jinja2
from aiohttp import web

_Item = TypeVar("_Item")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, kw_only=True)
class Sheet(Generic[_Item]):
    """One sheet of a long list; ``number`` counts from 1."""

    items: Sequence[_Item]
    number: int
    sheets: int
    total: int


def sheet_of(items: Sequence[_Item], asked: str, *, size: int) -> Sheet[_Item]:
    """The sheet that was asked for, or the nearest one there is."""
    sheets = max(1, -(-len(items) // size))
    known = asked.isascii() and asked.isdigit() and len(asked) <= len(str(sheets))
    number = min(max(int(asked) if known else 1, 1), sheets)
    found = items[(number - 1) * size : number * size]
    return Sheet(items=found, number=number, sheets=sheets, total=len(items))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("bot.demo"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, *, status: int = 200, **values: Any) -> web.Response:
    """A page from its template, under a policy that lets nothing in from elsewhere."""
    nonce = secrets.token_urlsafe(16)
    text = _environment().get_template(template).render(nonce=nonce, **values)
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"script-src 'nonce-{nonce}'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    )
    headers = {"Content-Security-Policy": policy, **COMMON_HEADERS}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


COMMON_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@web.middleware
async def own_origin_only(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse with 403 what another site's page makes a browser send.

    Browsers say where a request comes from (Fetch Metadata, the Origin header); programs say
    neither and are let through.
    """
    if request.method not in _READING and _from_elsewhere(request):
        raise web.HTTPForbidden(text="This comes from another site's page, so nothing was done.")
    return await handler(request)


def _from_elsewhere(request: web.Request) -> bool:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and origin != str(request.url.origin())
