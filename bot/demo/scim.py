"""The demo's identity provider: a read-only SCIM 2.0 server over the directory (RFC 7644)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, TypeVar

import msgspec
from aiohttp import web

from bot.demo import scim_discovery, scim_records
from bot.demo.directory import Directory
from bot.demo.happenings import Condition
from bot.demo.scim_filter import FilterError, groups_filter, people_filter
from bot.demo.scim_records import Resource

CONTENT_TYPE = "application/scim+json"
PAGE_LIMIT = 200

_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")

_Record = TypeVar("_Record")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _RefusalError(Exception):
    """A request that is answered with a SCIM error (RFC 7644 §3.12)."""

    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type


@dataclass(frozen=True, kw_only=True)
class _Window:
    """The part of a list that is asked for; ``start`` counts from 0."""

    start: int
    count: int
    cursor: bool


def scim_app(
    directory: Directory,
    token: str,
    *,
    page_limit: int = PAGE_LIMIT,
    pagination: Literal["index", "cursor"] = "index",
) -> web.Application:
    """The provider as an application, to be mounted at ``/scim/v2``.

    Every request needs ``Authorization: Bearer`` with the token. Pages hold ``page_limit``
    resources at most. ``pagination`` is the way of paging of a request that names none; both
    ways are always there: ``startIndex`` (RFC 7644 §3.4.2.4) and ``cursor`` (RFC 9865).
    """
    provider = _Provider(directory, token, page_limit, pagination)
    app = web.Application(middlewares=[provider.guarded])
    app.add_routes(
        [
            web.get("/ServiceProviderConfig", provider.config, name="root"),
            web.get("/ResourceTypes", provider.resource_types),
            web.get("/ResourceTypes/{id}", provider.resource_type),
            web.get("/Schemas", provider.schemas),
            web.get("/Schemas/{id}", provider.schema),
            web.get("/Users", provider.users),
            web.get("/Users/{id}", provider.user),
            web.get("/Groups", provider.groups),
            web.get("/Groups/{id}", provider.group),
        ]
    )
    return app


class _Provider:
    def __init__(self, directory: Directory, token: str, page_limit: int, pagination: str) -> None:
        self._directory = directory
        self._token = token.encode()
        self._page_limit = page_limit
        self._pagination = pagination

    @web.middleware
    async def guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Everything that stands before an answer: trouble, the token, errors as SCIM errors."""
        try:
            await self._endure(request)
            self._authenticate(request)
            return await handler(request)
        except _RefusalError as refusal:
            return _refused(refusal)
        except web.HTTPException as error:
            return _refused(_RefusalError(error.status, error.reason))

    async def _endure(self, request: web.Request) -> None:
        condition = self._directory.condition
        if condition is Condition.SLOW:
            await asyncio.sleep(self._directory.delay)
        if condition is Condition.REFUSING and request.transport is not None:
            request.transport.abort()
        if condition in {Condition.DOWN, Condition.REFUSING}:
            raise _RefusalError(503, "The provider is down. Try again later.")

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token)
        right = same and scheme.lower() == "bearer"
        if not right or self._directory.condition is Condition.WRONG_TOKEN:
            raise _RefusalError(401, "The token is missing, wrong or no longer valid.")

    async def config(self, request: web.Request) -> web.Response:
        return _answer(
            scim_discovery.service_provider_config(
                _base(request), page_limit=self._page_limit, pagination=self._pagination
            )
        )

    async def resource_types(self, request: web.Request) -> web.Response:
        return _whole_list(request, scim_discovery.resource_types(_base(request)).values())

    async def resource_type(self, request: web.Request) -> web.Response:
        return _one_of(scim_discovery.resource_types(_base(request)), request)

    async def schemas(self, request: web.Request) -> web.Response:
        return _whole_list(request, scim_discovery.schemas(_base(request)).values())

    async def schema(self, request: web.Request) -> web.Response:
        return _one_of(scim_discovery.schemas(_base(request)), request)

    async def user(self, request: web.Request) -> web.Response:
        record = self._directory.people.get(request.match_info["id"])
        if record is None:
            raise _RefusalError(404, "There is no user with this id.")
        return _resource(request, scim_records.user(record, _base(request)))

    async def group(self, request: web.Request) -> web.Response:
        record = self._directory.groups.get(request.match_info["id"])
        if record is None:
            raise _RefusalError(404, "There is no group with this id.")
        return _resource(request, scim_records.group(record, _base(request), self._directory))

    async def users(self, request: web.Request) -> web.StreamResponse:
        base, select = _base(request), _selection(request)
        records = _filtered(request, self._directory.people.values(), people_filter)
        window = self._window(request)
        sent = self._sent(len(records)) if "filter" not in request.query else len(records)
        page = records[window.start : min(window.start + window.count, sent)]
        resources = [select(scim_records.user(record, base)) for record in page]
        body = self._list_body(request, window, resources, total=len(records), sent=sent)
        broken = window.start + len(page) > len(records) // 2
        if self._directory.condition is Condition.CUT and page and broken:
            return await _cut(request, body)
        return _answer(body)

    async def groups(self, request: web.Request) -> web.Response:
        base, select = _base(request), _selection(request)
        records = _filtered(request, self._directory.groups.values(), groups_filter)
        window = self._window(request)
        page = records[window.start : window.start + window.count]
        resources = [select(scim_records.group(r, base, self._directory)) for r in page]
        total = len(records)
        return _answer(self._list_body(request, window, resources, total=total, sent=total))

    def _sent(self, total: int) -> int:
        """How many of a listing are sent at all."""
        return total // 2 if self._directory.condition is Condition.HALF else total

    def _window(self, request: web.Request) -> _Window:
        query = request.query
        count = max(_integer(query.get("count", str(self._page_limit)), "count"), 0)
        count = min(count, self._page_limit)
        cursor = query.get("cursor")
        if cursor is None and ("startIndex" in query or self._pagination == "index"):
            start = max(_integer(query.get("startIndex", "1"), "startIndex"), 1)
            return _Window(start=start - 1, count=count, cursor=False)
        if "startIndex" in query:
            raise _RefusalError(400, "startIndex and cursor exclude each other.", "invalidValue")
        if count == 0:
            raise _RefusalError(
                400, "A page by cursor holds one resource at least.", "invalidCount"
            )
        start = _place(cursor, _listing(request)) if cursor else 0
        return _Window(start=start, count=count, cursor=True)

    def _list_body(
        self,
        request: web.Request,
        window: _Window,
        resources: Sequence[Resource],
        *,
        total: int,
        sent: int,
    ) -> Resource:
        body = _list_response(resources, total=total)
        if not window.cursor:
            return {**body, "startIndex": window.start + 1}
        end = window.start + len(resources)
        if end < sent:
            body["nextCursor"] = _cursor(end, _listing(request))
        return body


def _base(request: web.Request) -> str:
    """The address under which the provider is reached, up to ``/scim/v2``."""
    root = request.app.router["root"].url_for().path.removesuffix("/ServiceProviderConfig")
    return f"{request.url.origin()}{root}"


def _answer(
    body: Resource, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type=CONTENT_TYPE
    )


def _refused(refusal: _RefusalError) -> web.Response:
    body: Resource = {"schemas": [_ERROR], "status": str(refusal.status), "detail": refusal.detail}
    if refusal.scim_type is not None:
        body["scimType"] = refusal.scim_type
    headers = (
        {"WWW-Authenticate": 'Bearer realm="demo"'}
        if refusal.status == HTTPStatus.UNAUTHORIZED
        else None
    )
    return _answer(body, status=refusal.status, headers=headers)


def _whole_list(request: web.Request, resources: Iterable[Resource]) -> web.Response:
    if "filter" in request.query:  # RFC 7644 §4
        raise _RefusalError(403, "Discovery cannot be filtered.")
    found = list(resources)
    return _answer({**_list_response(found, total=len(found)), "startIndex": 1})


def _list_response(resources: Sequence[Resource], *, total: int) -> Resource:
    return {
        "schemas": [_LIST],
        "totalResults": total,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _one_of(resources: dict[str, Resource], request: web.Request) -> web.Response:
    resource = resources.get(request.match_info["id"])
    if resource is None:
        raise _RefusalError(404, "There is nothing under this name.")
    return _answer(resource)


def _resource(request: web.Request, resource: Resource) -> web.Response:
    version = resource["meta"]["version"]
    headers = {"ETag": version, "Content-Location": resource["meta"]["location"]}
    known = [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]
    if version in known or "*" in known:
        return web.Response(status=304, headers=headers)
    return _answer(_selection(request)(resource), headers=headers)


def _selection(request: web.Request) -> Callable[[Resource], Resource]:
    query = request.query
    try:
        return scim_records.selection(query.get("attributes"), query.get("excludedAttributes"))
    except ValueError as error:
        raise _RefusalError(400, str(error), "invalidValue") from error


def _filtered(
    request: web.Request,
    records: Iterable[_Record],
    parse: Callable[[str], Callable[[_Record], bool]],
) -> list[_Record]:
    text = request.query.get("filter")
    if text is None:
        return list(records)
    try:
        test = parse(text)
    except FilterError as error:
        raise _RefusalError(400, str(error), "invalidFilter") from error
    return [record for record in records if test(record)]


def _integer(text: str, name: str) -> int:
    if not _INTEGER.fullmatch(text):
        kind = "invalidCount" if name == "count" else "invalidValue"
        raise _RefusalError(400, f"{name} has to be a whole number.", kind)
    return int(text)


def _listing(request: web.Request) -> str:
    """What a cursor belongs to: it cannot be used in another listing."""
    listing = f"{request.path}\n{request.query.get('filter', '')}"
    return hashlib.sha256(listing.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _cursor(place: int, listing: str) -> str:
    return base64.urlsafe_b64encode(f"{place}:{listing}".encode()).decode()


def _place(cursor: str, listing: str) -> int:
    try:
        place, _, origin = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except ValueError:
        place, origin = "", ""
    if origin != listing or not _INTEGER.fullmatch(place):
        raise _RefusalError(400, "The cursor is not one of this listing.", "invalidCursor")
    return int(place)


async def _cut(request: web.Request, body: Resource) -> web.StreamResponse:
    """Send half of the bytes that were announced, then break the connection."""
    whole = msgspec.json.encode(body)
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
    response.content_length = len(whole)
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
