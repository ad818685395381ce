"""An Okta org on loopback: the management API as its documentation describes it, and no more.

What Okta would refuse is refused, and so is what its documentation does not mention: parameters,
filters, ways to sign in. Written from the API's description and guides, not from the provider.
"""

import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.vendors.okta_filter import (
    GROUP_FILTER,
    USER_FILTER,
    USER_SEARCH,
    RefusedError,
    compiled,
)
from tests.vendors.okta_org import OktaOrg
from tests.vendors.okta_tokens import OktaError, OktaTokens

_PROJECTION = re.compile(r"(?:(?:\w+|profile:\(([^()]*)\))(?:,|$))+")
_SELECTABLE = frozenset({"status", "created", "lastUpdated", "lastLogin", "type", "statusChanged"})


def refused(summary: str) -> OktaError:
    return OktaError(400, "E0000031", f"Invalid search criteria. {summary}".strip())


@dataclass(kw_only=True)
class Bucket:
    """Requests of one kind: so many until the window ends, which has whole seconds."""

    limit: int
    seconds: int
    left: int = 0
    resets: float = 0.0

    def spend(self, now: float) -> bool:
        if now >= self.resets:
            self.left, self.resets = self.limit, float(int(now) + self.seconds)
        self.left -= 1
        return self.left >= 0

    def headers(self) -> dict[str, str]:
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(max(0, self.left)),
            "X-Rate-Limit-Reset": str(int(self.resets)),
        }


class OktaServer(OktaTokens):
    """The running API, and what tests may do to it.

    Attributes:
        limits: (requests, seconds) for each kind of request, as by path.
        every: each request of such a number is throttled for half a minute.
        crowded: so many requests are answered with a concurrency error first.
        projects: the org knows the ``fields`` parameter.
        paths: every request's path, in order.
        spoil: changes the text of a page of this path before it leaves.
        relink: changes the links of a page likewise.
    """

    def __init__(self, org: OktaOrg) -> None:
        super().__init__(org)
        self.site: web.TCPSite | None = None
        self.limits: dict[str, tuple[int, int]] = {}
        self.crowded = 0
        self.every = 0
        self.projects = True
        self.exhausted = 0
        self.paths: list[str] = []
        self.spoil: Callable[[str, str], str] = lambda _, text: text
        self.relink: Callable[[list[str]], list[str]] = lambda links: links
        self._buckets: dict[str, Bucket] = {}
        self._cursors: dict[str, tuple[str, str]] = {}

    async def stop_listening(self) -> None:
        """Accept no connections any more."""
        assert self.site is not None
        await self.site.stop()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._surround])
        application.router.add_get("/.well-known/okta-organization", self._metadata)
        application.router.add_post("/oauth2/v1/token", self._token)
        application.router.add_get("/api/v1/users", self._users)
        application.router.add_get("/api/v1/users/{id}", self._user)
        application.router.add_get("/api/v1/users/{id}/groups", self._groups_of)
        application.router.add_get("/api/v1/groups", self._groups)
        application.router.add_get("/api/v1/groups/{id}", self._group)
        application.router.add_get("/api/v1/groups/{id}/users", self._members)
        return application

    @web.middleware
    async def _surround(self, request: web.Request, handler: Callable) -> web.StreamResponse:
        self.paths.append(request.path)
        bucket = self._bucket(request.path)
        now = self.org.now().timestamp()
        try:
            if self.every and len(self.paths) % self.every == 0:
                raise _too_many(600, 0, int(now) + 30)
            if self.crowded:
                self.crowded -= 1
                raise _too_many(0, 0, int(now) + 1)
            if bucket is not None and not bucket.spend(now):
                self.exhausted += 1
                raise _too_many(bucket.limit, 0, int(bucket.resets))
            answer = await handler(request)
        except web.HTTPNotFound:
            answer = OktaError(404, "E0000022", "The endpoint does not exist").answer()
        except OktaError as error:
            answer = error.answer()
        if bucket is not None and "X-Rate-Limit-Limit" not in answer.headers:
            answer.headers.update(bucket.headers())
        answer.headers["X-Okta-Request-Id"] = "req" + secrets.token_hex(8)
        answer.headers["Date"] = self.org.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer

    def _bucket(self, path: str) -> Bucket | None:
        kind = re.sub(r"/00[ug]\w+", "/{id}", path)
        if kind not in self.limits:
            return None
        limit, seconds = self.limits[kind]
        return self._buckets.setdefault(kind, Bucket(limit=limit, seconds=seconds))

    async def _metadata(self, request: web.Request) -> web.Response:
        _only(request, ())
        links = {"organization": {"href": "https://acme.okta.example"}}
        return web.json_response({"id": self.org.id, "pipeline": "idx", "_links": links})

    async def _users(self, request: web.Request) -> web.Response:
        self._authorized(request, "users")
        _only(request, ("search", "filter", "after", "limit", "fields"))
        query = request.query
        if "fields" in query and not self.projects:
            raise OktaError(400, "E0000001", "Api validation failed: fields")
        found: Iterable[Mapping] = self.org.users.values()
        if "search" in query:
            found = _matching(self.org.index.values(), query["search"], USER_SEARCH)
        elif "filter" in query:
            found = _matching(found, query["filter"], USER_FILTER)
        else:
            found = [one for one in found if one["status"] != "DEPROVISIONED"]
        project = _projection(query.get("fields"), self.org)
        return self._page(request, found, project, limit=200)

    async def _user(self, request: web.Request) -> web.Response:
        self._authorized(request, "users")
        _only(request, ())
        return web.json_response(self._known_user(request))

    def _known_user(self, request: web.Request) -> Mapping:
        name = request.match_info["id"]
        found = None if name == "me" else self.org.find(name)
        if found is None:
            raise OktaError(404, "E0000007", f"Not found: Resource not found: {name} (User)")
        return found

    async def _groups_of(self, request: web.Request) -> web.Response:
        self._authorized(request, "users")
        _only(request, ("after", "limit"))
        one = self._known_user(request)["id"]
        held = [group for key, group in self.org.groups.items() if one in self.org.members[key]]
        return self._page(request, held, dict, limit=200)

    async def _groups(self, request: web.Request) -> web.Response:
        self._authorized(request, "groups")
        _only(request, ("filter", "after", "limit"))
        found: Iterable[Mapping] = self.org.groups.values()
        if "filter" in request.query:
            found = _matching(found, request.query["filter"], GROUP_FILTER)
        return self._page(request, found, dict, limit=10_000)

    async def _group(self, request: web.Request) -> web.Response:
        self._authorized(request, "groups")
        _only(request, ())
        return web.json_response(self.org.groups[self._known_group(request)])

    async def _members(self, request: web.Request) -> web.Response:
        self._authorized(request, "groups")
        _only(request, ("after", "limit"))
        members = self.org.members[self._known_group(request)]
        people = [self.org.users[one] for one in sorted(members) if one in self.org.users]
        return self._page(request, people, dict, limit=1000)

    def _known_group(self, request: web.Request) -> str:
        key = request.match_info["id"]
        if key not in self.org.groups:
            raise OktaError(404, "E0000007", f"Not found: Resource not found: {key} (UserGroup)")
        return key

    def _page(
        self,
        request: web.Request,
        records: Iterable[Mapping],
        project: Callable[[Mapping], Mapping],
        *,
        limit: int,
    ) -> web.Response:
        """Return one page, after the record that the cursor names, with Okta's links."""
        count = _limit(request.query.get("limit"), limit)
        asked = {key: value for key, value in request.query.items() if key != "after"}
        question = f"{request.path}?{sorted(asked.items())}"
        after = ""
        if "after" in request.query:
            kept, after = self._cursors.get(request.query["after"], ("", ""))
            if kept != question:
                raise OktaError(400, "E0000001", "Api validation failed: after")
        following = [one for one in records if one["id"] > after]
        page = following[:count]
        own = request.url.with_scheme("http")
        links = [f'<{own}>; rel="self"']
        if len(following) > count:
            cursor = secrets.token_urlsafe(12)
            self._cursors[cursor] = (question, page[-1]["id"])
            links.append(f'<{own.update_query(after=cursor)}>; rel="next"')
        text = self.spoil(request.path, json.dumps([project(one) for one in page]))
        answer = web.Response(text=text, content_type="application/json")
        for link in self.relink(links):
            answer.headers.add("Link", link)
        return answer


def _too_many(limit: int, left: int, reset: int) -> OktaError:
    return OktaError(
        429,
        "E0000047",
        "API call exceeded rate limit due to too many requests.",
        **{
            "X-Rate-Limit-Limit": str(limit),
            "X-Rate-Limit-Remaining": str(left),
            "X-Rate-Limit-Reset": str(reset),
        },
    )


def _only(request: web.Request, documented: Iterable[str]) -> None:
    unknown = set(request.query) - set(documented)
    if unknown or len(request.query) != len(set(request.query)):
        raise OktaError(400, "E0000001", f"Api validation failed: {sorted(unknown)}")


def _limit(text: str | None, most: int) -> int:
    if text is None:
        return most
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise OktaError(400, "E0000001", "Api validation failed: limit")
    return int(text)


def _matching(records: Iterable[Mapping], expression: str, language: object) -> list[Mapping]:
    try:
        test = compiled(expression, language)
    except RefusedError as error:
        raise refused(str(error)) from error
    return [one for one in records if test(one)]


def _projection(fields: str | None, org: OktaOrg) -> Callable[[Mapping], Mapping]:
    if fields is None:
        return dict
    match = _PROJECTION.fullmatch(fields)
    if match is None:
        raise OktaError(400, "E0000001", "Api validation failed: fields")
    inner = [one.strip() for one in (match.group(1) or "").split(",")]
    outer = [one for one in re.sub(r"profile:\([^()]*\)", "", fields).split(",") if one]
    known = {key for one in org.users.values() for key in one["profile"]}
    if len(set(inner)) < len(inner) or not set(outer) <= _SELECTABLE:
        raise OktaError(500, "E0000009", "Internal Server Error")

    def project(record: Mapping) -> Mapping:
        profile = {key: record["profile"].get(key) for key in inner if key in known}
        return {"id": record["id"], **{key: record.get(key) for key in outer}, "profile": profile}

    return project


@asynccontextmanager
async def running_okta(org: OktaOrg | None = None) -> AsyncIterator[OktaServer]:
    """Serve an org on a free loopback port."""
    server = OktaServer(org or OktaOrg())
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        server.site = web.TCPSite(runner, "127.0.0.1", 0)
        await server.site.start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()
