"""The pages behind the link of an invitation: look, confirm, and where one stands.

Opening a link changes nothing, because mail scanners open links; the person's own confirmation
does. Unknown, expired and used links look the same.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from core.model.account import Invited, UserStatus
from core.services.activation import ActivationService

PATH = "/invitations/{token}"
PAGE_SECONDS = 3600
"""How long a page that was opened can be confirmed."""
CLOCK_SKEW = 60
"""Seconds by which replicas' clocks may differ."""

_templates = Environment(
    loader=PackageLoader("bot.web"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
)


class Invitations:
    """The routes of a link; `find` returns the service, which may start after the web server."""

    def __init__(self, find: Callable[[], ActivationService]) -> None:
        self._find = find

    @property
    def _activation(self) -> ActivationService:
        return self._find()

    def add_to(self, app: web.Application, *, path: str = PATH) -> None:
        """Add the routes; `path` has a ``{token}`` in it."""
        app.router.add_get(path, _safe(self.look))
        app.router.add_post(path, _safe(self.confirm))

    async def look(self, request: web.Request) -> web.Response:
        """Show who invites whom to what; changes nothing."""
        token = request.match_info["token"]
        invited = await self._activation.invited(token)
        if invited is None:
            return _page("unknown.html", status=404)
        return await self._ask(token, invited)

    async def confirm(self, request: web.Request) -> web.Response:
        """Take a license or a place in line, if the form is one that `look` gave out."""
        token = request.match_info["token"]
        form = await request.post()
        proof = form.get("proof")
        sure = form.get("sure") == "yes"
        key = await self._activation.page_key()
        if not (sure and isinstance(proof, str) and _is_proof(key, token, proof)):
            invited = await self._activation.invited(token)
            if invited is None:
                return _page("unknown.html", status=404)
            return await self._ask(token, invited, again=True)
        accepted = await self._activation.accept(token)
        if accepted is None:
            return _page("unknown.html", status=404)
        if accepted.status is UserStatus.ACTIVE:
            return _page("active.html", person=accepted)
        return await self._waiting(accepted)

    async def _ask(self, token: str, invited: Invited, *, again: bool = False) -> web.Response:
        proof = _proof(await self._activation.page_key(), token, int(time.time()))
        waiting = invited.status is UserStatus.WAITING
        contacts = await self._activation.contacts()
        return _page(
            "invitation.html",
            status=400 if again else 200,
            person=invited,
            proof=proof,
            again=again,
            waiting=waiting,
            contacts=contacts,
        )

    async def _waiting(self, invited: Invited) -> web.Response:
        return _page("waiting.html", person=invited, contacts=await self._activation.contacts())


Route = Callable[[web.Request], Awaitable[web.Response]]


def _safe(route: Route) -> Route:
    """Answer a route whose form cannot be read as one that was not confirmed."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await route(request)
        except (ValueError, LookupError):
            return _page("unknown.html", status=404)

    return answer


def _proof(key: bytes, token: str, issued: int) -> str:
    whole = f"{issued}:{token}".encode("utf-8", "surrogatepass")
    return f"{issued}.{hmac.new(key, whole, hashlib.sha256).hexdigest()}"


def _is_proof(key: bytes, token: str, proof: str) -> bool:
    issued = proof.partition(".")[0]
    if not (issued.isascii() and issued.isdecimal() and len(issued) <= 12):  # noqa: PLR2004 - seconds
        return False
    age = time.time() - int(issued)
    right = hmac.compare_digest(_proof(key, token, int(issued)).encode(), proof.encode())
    return right and -CLOCK_SKEW <= age <= PAGE_SECONDS


def _page(name: str, *, status: int = 200, **values: object) -> web.Response:
    nonce = secrets.token_urlsafe(16)
    return web.Response(
        text=_templates.get_template(name).render(nonce=nonce, **values),
        status=status,
        content_type="text/html",
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; "
                "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex, nofollow",
        },
    )
