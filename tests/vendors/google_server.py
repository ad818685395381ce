"""The Directory API on loopback, as its reference and discovery document describe it.

What Google would refuse is refused, and so is what is not documented: parameters, field
selections, ways to sign in. Every answer is judged by `google_schemas` before it leaves.
"""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from tests.vendors.google_batches import CUT, calls_in, rendered
from tests.vendors.google_directory import GoogleCustomer
from tests.vendors.google_schemas import check, selected
from tests.vendors.google_tokens import GoogleError, GoogleTokens

_STANDARD = ("fields", "prettyPrint", "alt")
_API = "/admin/directory/v1"
QUOTA = {
    "rateLimitExceeded": (403, "Rate Limit Exceeded"),
    "userRateLimitExceeded": (403, "User Rate Limit Exceeded"),
    "quotaExceeded": (403, "Quota exceeded for quota metric 'Queries'"),
    "tooMany": (429, "Resource has been exhausted (e.g. check quota)."),
    "backendError": (503, "Service unavailable. Please try again"),
}
"""Reason -> status and message of an answer that asks to come back later."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One kind of listing: the schema of its page, its key and its largest page."""

    schema: str
    kind: str
    key: str
    most: int
    usual: int


USERS = Collection(schema="Users", kind="users", key="users", most=500, usual=100)
GROUPS = Collection(schema="Groups", kind="groups", key="groups", most=200, usual=200)
MEMBERS = Collection(schema="Members", kind="members", key="members", most=200, usual=200)
UNITS = Collection(
    schema="OrgUnits", kind="orgUnits", key="organizationUnits", most=0, usual=100_000
)


class GoogleServer(GoogleTokens):
    """The running API, and what tests may do to it.

    Attributes:
        every: each request of such a number is refused for `quota`.
        quota: the reason of such a refusal, of `QUOTA`.
        retry_after: told with it, or empty.
        paths: every request's path, in order.
        gzipped: how many answers went out compressed.
        batches_work: batches are taken.
        batches: how many were.
        spoil: changes the text of an answer of this path before it leaves.
    """

    def __init__(self, customer: GoogleCustomer) -> None:
        super().__init__(customer)
        self.site: web.TCPSite | None = None
        self.every = 0
        self.quota = "userRateLimitExceeded"
        self.retry_after = ""
        self.refused = 0
        self.paths: list[str] = []
        self.gzipped = 0
        self.batches_work = True
        self.batches = 0
        self.spoil: Callable[[str, str], str] = lambda _, text: text
        self._cursors: dict[str, tuple[str, int]] = {}

    async def stop_listening(self) -> None:
        """Accept no connections any more."""
        assert self.site is not None
        await self.site.stop()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._surround])
        router = application.router
        router.add_post("/token", self._token)
        router.add_post("/batch", self._batch)
        router.add_get(f"{_API}/users", self._users)
        router.add_get(f"{_API}/users/{{key}}", self._user)
        router.add_get(f"{_API}/groups", self._groups)
        router.add_get(f"{_API}/groups/{{key}}", self._group)
        router.add_get(f"{_API}/groups/{{key}}/members", self._members)
        router.add_get(f"{_API}/groups/{{key}}/hasMember/{{member}}", self._has_member)
        router.add_get(f"{_API}/customer/{{customer}}/orgunits", self._units)
        return application

    @web.middleware
    async def _surround(self, request: web.Request, handler: Callable) -> web.StreamResponse:
        if request.path == "/token":
            return await handler(request)
        answer = await self._metered(request, handler)
        if "gzip" in request.headers.get("User-Agent", "") and answer.status == 200:
            self.gzipped += 1
            answer.enable_compression()
        return answer

    async def _metered(self, request: web.Request, handler: Callable) -> web.Response:
        self.paths.append(request.path)
        try:
            self._meter()
            return await handler(request)
        except web.HTTPNotFound:
            return GoogleError(404, "notFound", "Not Found").answer()
        except GoogleError as error:
            return error.answer()

    async def _batch(self, request: web.Request) -> web.Response:
        """Answer the calls of a batch, each of which counts and signs in as if it came alone."""
        if not self.batches_work:
            raise web.HTTPNotFound
        answers = {}
        for call in calls_in(request.headers["Content-Type"], await request.content.read()):
            inner = request.clone(method=call.method, rel_url=URL(call.target, encoded=True))
            found = await request.app.router.resolve(inner)
            inner._match_info = found
            answer = await self._metered(inner, found.handler)
            answers[call.content_id] = (answer.status, answer.body)
        self.batches += 1
        body = self.spoil(request.path, rendered(answers).decode()).encode()
        kind = f"multipart/mixed; boundary={CUT}"
        return web.Response(body=body, headers={"Content-Type": kind})

    def _meter(self) -> None:
        """Refuse every so many-th request."""
        if not self.every or len(self.paths) % self.every:
            return
        self.refused += 1
        status, says = QUOTA[self.quota]
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        reason = "rateLimitExceeded" if self.quota == "tooMany" else self.quota
        raise GoogleError(status, reason, says, **headers)

    async def _users(self, request: web.Request) -> web.Response:
        self._authorized(request, "user")
        _only(
            request,
            *("customer", "domain", "maxResults", "pageToken", "showDeleted"),
            *("projection", "customFieldMask", "query", "viewType", "orderBy", "sortOrder"),
        )
        query = request.query
        self._whose(request)
        deleted = _boolean(query.get("showDeleted", "false"))
        found = (self.customer.deleted if deleted else self.customer.users).values()
        domain = query.get("domain")
        if domain is not None:
            found = [one for one in found if one["primaryEmail"].endswith(f"@{domain}")]
        project = _projection(request)
        return self._page(request, [project(one) for one in found], USERS)

    async def _user(self, request: web.Request) -> web.Response:
        self._authorized(request, "user")
        _only(request, "projection", "customFieldMask", "viewType")
        key = request.match_info["key"]
        found = self.customer.find(key)
        if found is None and "@" in key and not key.endswith(f"@{self.customer.domain}"):
            raise GoogleError(403, "forbidden", "Not Authorized to access this resource/api")
        if found is None:
            raise GoogleError(404, "notFound", "Resource Not Found: userKey")
        return self._answer(request, _projection(request)(found), "User")

    async def _groups(self, request: web.Request) -> web.Response:
        self._authorized(request, "group")
        _only(
            request,
            *("customer", "domain", "maxResults", "pageToken"),
            *("userKey", "query", "orderBy", "sortOrder"),
        )
        self._whose(request)
        found = [self.customer.group_with_count(key) for key in self.customer.groups]
        return self._page(request, found, GROUPS)

    async def _group(self, request: web.Request) -> web.Response:
        self._authorized(request, "group")
        _only(request)
        return self._answer(
            request, self.customer.group_with_count(self._known_group(request)), "Group"
        )

    async def _members(self, request: web.Request) -> web.Response:
        self._authorized(request, "group")
        _only(request, "maxResults", "pageToken", "roles", "includeDerivedMembership")
        members = self.customer.members[self._known_group(request)]
        return self._page(request, members, MEMBERS)

    async def _has_member(self, request: web.Request) -> web.Response:
        self._authorized(request, "group")
        _only(request)
        group = self._known_group(request)
        found = self.customer.find(request.match_info["member"])
        if found is None:
            raise GoogleError(404, "notFound", "Resource Not Found: memberKey")
        held = self.customer.has_member(group, found["id"])
        if held is None:
            raise GoogleError(400, "invalid", "Invalid Input: memberKey")
        return self._answer(request, {"isMember": held}, "MembersHasMember")

    async def _units(self, request: web.Request) -> web.Response:
        self._authorized(request, "orgunit")
        _only(request, "orgUnitPath", "type")
        if request.match_info["customer"] not in {"my_customer", self.customer.id}:
            raise GoogleError(403, "forbidden", "Not Authorized to access this resource/api")
        kind = request.query.get("type", "children")
        if kind not in {"all", "children", "allIncludingParent"}:
            raise GoogleError(400, "invalidParameter", f"Invalid string value: '{kind}'")
        units = self.customer.units
        found = [self._unit(path) for path in units if path != "/" or kind == "allIncludingParent"]
        if kind == "children":
            found = [one for one in found if one["parentOrgUnitPath"] == "/"]
        return self._page(request, found, UNITS)

    def _unit(self, path: str) -> dict:
        parent, _, name = path.rpartition("/")
        unit = {
            "kind": "admin#directory#orgUnit",
            "name": name or "/",
            "description": "",
            "orgUnitPath": path,
            "orgUnitId": self.customer.units[path],
        }
        if path != "/":
            unit |= {
                "parentOrgUnitPath": parent or "/",
                "parentOrgUnitId": self.customer.units[parent or "/"],
            }
        return unit

    def _known_group(self, request: web.Request) -> str:
        key = request.match_info["key"]
        if key not in self.customer.groups:
            raise GoogleError(404, "notFound", "Resource Not Found: groupKey")
        return key

    def _whose(self, request: web.Request) -> None:
        """Refuse a request that names neither this customer nor a domain, or both."""
        customer, domain = request.query.get("customer"), request.query.get("domain")
        if (customer is None) == (domain is None):
            raise GoogleError(400, "badRequest", "Bad Request")
        if customer is not None and customer not in {"my_customer", self.customer.id}:
            raise GoogleError(400, "invalid", "Invalid Input")
        if domain is not None and domain != self.customer.domain:
            raise GoogleError(404, "notFound", "Domain not found.")

    def _page(
        self, request: web.Request, records: list[Mapping], collection: Collection
    ) -> web.Response:
        count = _limit(request.query.get("maxResults"), collection)
        asked = sorted((k, v) for k, v in request.query.items() if k != "pageToken")
        question = f"{request.path}?{asked}"
        start = 0
        token = request.query.get("pageToken")
        if token is not None:
            kept, start = self._cursors.get(token, ("", 0))
            if kept != question:
                raise GoogleError(400, "invalid", "Invalid Input: pageToken")
        page = records[start : start + count]
        body: dict[str, object] = {"kind": f"admin#directory#{collection.kind}", "etag": '"page"'}
        if page:
            body[collection.key] = page
        if start + count < len(records):
            following = secrets.token_urlsafe(12)
            self._cursors[following] = (question, start + count)
            body["nextPageToken"] = following
        return self._answer(request, body, collection.schema)

    def _answer(self, request: web.Request, body: Mapping, schema: str) -> web.Response:
        check(body, schema)
        fields = request.query.get("fields")
        shown: object = body
        if fields is not None:
            try:
                shown = selected(body, fields, schema)
            except ValueError as error:
                says = f"Invalid field selection {error}"
                raise GoogleError(400, "invalidParameter", says) from error
        text = self.spoil(request.path, json.dumps(shown))
        return web.Response(text=text, content_type="application/json", charset="UTF-8")


def _only(request: web.Request, *documented: str) -> None:
    unknown = set(request.query) - set(documented) - set(_STANDARD)
    if unknown or len(request.query) != len(set(request.query)):
        says = f"Invalid JSON payload received. Unknown name: {sorted(unknown)}"
        raise GoogleError(400, "badRequest", says)


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise GoogleError(400, "invalidParameter", f"Invalid boolean value: '{text}'")
    return text == "true"


def _limit(text: str | None, collection: Collection) -> int:
    if text is None or not collection.most:
        return collection.usual
    if not text.isdigit() or not 1 <= int(text) <= collection.most:
        says = f"Invalid value '{text}'. Values must be within the range: [1, {collection.most}]"
        raise GoogleError(400, "invalidParameter", says)
    return int(text)


def _projection(request: web.Request) -> Callable[[Mapping], dict]:
    """Return what leaves out the custom schemas that were not asked for."""
    kind, mask = request.query.get("projection", "basic"), request.query.get("customFieldMask")
    if kind not in {"basic", "custom", "full"} or (mask is not None) != (kind == "custom"):
        raise GoogleError(400, "invalid", "Invalid Input: projection")
    wanted: Iterable[str] = (mask or "").split(",")

    def project(user: Mapping) -> dict:
        if kind == "full":
            return dict(user)
        shown = {key: value for key, value in user.items() if key != "customSchemas"}
        custom = user.get("customSchemas", {})
        kept = {name: fields for name, fields in custom.items() if name in wanted}
        return shown | ({"customSchemas": kept} if kept else {})

    return project


@asynccontextmanager
async def running_google(customer: GoogleCustomer | None = None) -> AsyncIterator[GoogleServer]:
    """Serve a customer's directory on a free loopback port."""
    server = GoogleServer(customer or GoogleCustomer())
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        server.site = web.TCPSite(runner, "127.0.0.1", 0)
        await server.site.start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()
