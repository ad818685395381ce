"""The login API: an application asks whether somebody may come in.

An application asks at each login; whoever is invited is activated by it, if a license is free.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated

import msgspec
from aiohttp import web

from bot.web.problems import ProblemError
from bot.web.rate import Rates
from core.errors import StoreError
from core.model.application import Application, Login, LoginStatus
from core.services.activation import ActivationService
from core.services.applications import ApplicationService

PREFIX = "/api/v1"
LARGEST_BODY = 10_000
BURST = 2_000
PER_SECOND = 500.0
_JSON = "application/json"
_TOLD_CONTACTS = frozenset({LoginStatus.WAITING, LoginStatus.DISABLED})

Services = Callable[[], tuple[ApplicationService, ActivationService]]
"""Returns the services, which may start after the web server."""
Route = Callable[[web.Request], Awaitable[web.Response]]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=320)]


class ByEmail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A login by e-mail address."""

    email: Text


class ByUserName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A login by user name."""

    user_name: Text


class LoginAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an application is told."""

    status: LoginStatus
    place: int | None = None
    contacts: tuple[str, ...] | None = None


class Logins:
    """The routes of the API."""

    def __init__(self, services: Services, *, rates: Rates | None = None) -> None:
        self._services = services
        self._rates = rates or Rates(burst=BURST, per_second=PER_SECOND)

    def add_to(self, app: web.Application, *, prefix: str = PREFIX) -> None:
        """Add the routes."""
        _add(app, f"{prefix}/logins", "POST", self.log_in)
        _add(app, f"{prefix}/openapi.json", "GET", describe)

    async def log_in(self, request: web.Request) -> web.Response:
        """Say whether somebody may come in."""
        application = await self._application(request)
        if not self._rates.take(application.id):
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too_many_requests",
                "This application asks too often. Try again in a moment.",
                headers={"Retry-After": "1"},
            )
        asked = _asked(await _body(request))
        _, activation = self._services()
        if isinstance(asked, ByEmail):
            login = await activation.log_in(application, email=asked.email)
        else:
            login = await activation.log_in(application, user_name=asked.user_name)
        return _answer(login, await self._contacts(login))

    async def _application(self, request: web.Request) -> Application:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("token_missing", "Send the application's token as a bearer token.")
        applications, _ = self._services()
        found = await applications.authenticate(token.strip())
        if found is None:
            raise _unauthorized(
                "token_refused",
                "The token is unknown or was revoked. An admin makes one: dirsync apps create.",
                error="invalid_token",
            )
        return found

    async def _contacts(self, login: Login) -> tuple[str, ...] | None:
        if login.status not in _TOLD_CONTACTS:
            return None
        _, activation = self._services()
        return await activation.contacts()


async def describe(request: web.Request) -> web.Response:
    """Return the OpenAPI document."""
    del request
    return web.Response(body=_DOCUMENT, content_type=_JSON)


_DOCUMENT = files("bot.web").joinpath("openapi.json").read_bytes()


def _add(app: web.Application, path: str, method: str, route: Route) -> None:
    """Add a route that answers whatever is wrong, other methods too, with problem details."""

    async def answer(request: web.Request) -> web.Response:
        if request.method != method:
            return _other_method(method).response()
        try:
            return await route(request)
        except ProblemError as problem:
            return problem.response()
        except StoreError as error:
            return ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                error.code,
                "The database cannot be used just now. Try again in a moment.",
                headers={"Retry-After": "5"},
            ).response()

    app.router.add_route("*", path, answer)


def _other_method(allowed: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "method_not_allowed",
        f"This takes {allowed} only.",
        headers={"Allow": allowed},
    )


def _unauthorized(code: str, detail: str, *, error: str = "") -> ProblemError:
    """Return a refusal as in RFC 6750, section 3."""
    challenge = 'Bearer realm="dirsync"'
    if error:
        challenge += f', error="{error}"'
    return ProblemError(
        HTTPStatus.UNAUTHORIZED, code, detail, headers={"WWW-Authenticate": challenge}
    )


async def _body(request: web.Request) -> bytes:
    """Return the body of a request; raises `ProblemError` unless it is JSON and of a fair size."""
    plain = request.headers.get("Content-Encoding", "identity").lower() == "identity"
    if request.content_type != _JSON or not plain:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "Send application/json, not compressed.",
            headers={"Accept": _JSON},
        )
    body = bytearray()
    async for chunk in request.content.iter_chunked(LARGEST_BODY):
        body += chunk
        if len(body) > LARGEST_BODY:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too_large",
                f"A request has at most {LARGEST_BODY:,} bytes.",
                headers={"Connection": "close"},
            )
    return bytes(body)


def _asked(body: bytes) -> ByEmail | ByUserName:
    try:
        whole = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "json_unreadable", "The body is not readable as JSON."
        ) from error
    named_by_user_name = isinstance(whole, Mapping) and "user_name" in whole
    kind: type[ByEmail | ByUserName] = ByUserName if named_by_user_name else ByEmail
    try:
        return msgspec.convert(whole, kind)
    except msgspec.ValidationError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "request_invalid",
            'Send {"email": "…"} or {"user_name": "…"}, of 1 to 320 characters, and nothing else.',
        ) from error


def _answer(login: Login, contacts: tuple[str, ...] | None) -> web.Response:
    answer = LoginAnswer(status=login.status, place=login.place, contacts=contacts)
    return web.Response(
        body=msgspec.json.encode(answer),
        content_type=_JSON,
        headers={"Cache-Control": "no-store"},
    )
