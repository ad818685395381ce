"""Microsoft's token endpoint and Graph v1.0 on a loopback port, as strict as their documentation.

Whatever the reference pages of a request do not name is refused with a 400: parameters, unknown
properties, page sizes over 999, more than 15 ids in a filter or 20 in a check of memberships,
``$expand`` or ``$top`` in a delta, ``$count`` without ``ConsistencyLevel: eventual``, a
``$skiptoken`` with other parameters than those it came with.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.vendors.entra_directory import (
    BASIC,
    GROUP_PROPERTIES,
    SINGLE_ONLY,
    USER_PROPERTIES,
    DeltaRow,
    Properties,
    Tenant,
    delta_rows,
    shown,
)
from tests.vendors.entra_odata import (
    DELTA_PAGE,
    MOST,
    MOST_BATCHED,
    MOST_CHECKED,
    MOST_EXPANDED,
    Asked,
    RefusedError,
    States,
    bad,
    counted,
    denied,
    expanded,
    in_filter,
    matching,
    not_found,
    selected,
)
from tests.vendors.entra_tokens import TokenEndpoint

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ALL_RIGHTS = frozenset({"User.Read.All", "GroupMember.Read.All", "Organization.Read.All"})


@dataclass(kw_only=True)
class EntraServer:
    """The running server, and the ways in which tests change what it does.

    Attributes:
        rights: the application permissions that an admin consented to.
        throttle_every: each n-th request to Graph is answered with 429.
        faults: a part of a path -> what such requests are answered with.
        before: a part of a path -> what happens before such a request is answered.
        spoil: changes the text of each answer.
        sparse: delta answers contain changed properties only.
    """

    signin: TokenEndpoint = field(default_factory=lambda: TokenEndpoint(tenant=Tenant()))
    rights: frozenset[str] = ALL_RIGHTS
    throttle_every: int = 0
    retry_after: str = "0"
    sparse: bool = False
    delta_works: bool = True
    batches_work: bool = True
    spoil: Callable[[str], str] = str
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    throttled: int = 0
    expired_deltas: RefusedError | None = None
    faults: dict[str, RefusedError] = field(default_factory=dict)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    _states: States = field(default_factory=States)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tenant(self) -> Tenant:
        return self.signin.tenant

    @property
    def url(self) -> str:
        return f"{self.origin}/v1.0"

    def requests(self, path: str) -> int:
        """How many requests this path (such as "/users") got, those for a count apart."""
        paths = [one for one in self.asked if "$count" not in one.query]
        return sum(re.fullmatch(path, one.path.removeprefix("/v1.0")) is not None for one in paths)

    def clear(self) -> None:
        """Forget everybody and every request, and trust the app again."""
        self.signin = TokenEndpoint(tenant=Tenant(), origin=self.origin)
        self.rights = ALL_RIGHTS
        self.throttle_every, self.sparse = 0, False
        self.delta_works = self.batches_work = True
        self.expired_deltas, self.spoil = None, str
        self.asked.clear()
        self._states.known.clear()

    def graph_answer(self, asked: Asked, document: object = None) -> object:
        """Answer a GET to Graph, or an action with its parameters, or raise `RefusedError`."""
        with self._lock:
            self.asked.append(asked)
            for part in [one for one in self.before if one in asked.path]:
                self.before[part]()
            if self.throttle_every and len(self.asked) % self.throttle_every == 0:
                self.throttled += 1
                message = "Too many requests."
                headers = {"Retry-After": self.retry_after}
                raise RefusedError(429, "TooManyRequests", message, **headers)
            if not self.signin.accepts(asked.headers.get("authorization", "")):
                raise RefusedError(401, "InvalidAuthenticationToken", "Access token is empty.")
            for part in [one for one in self.faults if one in asked.path]:
                raise self.faults[part]
            for pattern, answer in ROUTES if document is None else ACTIONS:
                found = re.fullmatch(pattern, asked.path)
                if found:
                    more = () if document is None else (document,)
                    return answer(self, asked, *found.groups(), *more)
            raise bad(f"Resource not found for the segment '{asked.path.split('/')[-1]}'.")

    def batch_answer(self, asked: Asked, document: Mapping[str, object]) -> object:
        """Answer ``POST /v1.0/$batch`` (JSON batching); the order of the answers is another."""
        requests = document.get("requests")
        if not isinstance(requests, list) or not 1 <= len(requests) <= MOST_BATCHED:
            raise bad("A batch has from 1 to 20 requests.")
        if len({one["id"] for one in requests}) < len(requests):
            raise bad("The ids of a batch must be unique.")
        if not self.batches_work:
            raise RefusedError(404, "ResourceNotFound", "No such segment.")
        return {"responses": [self._batched(asked, one) for one in reversed(requests)]}

    def _batched(self, asked: Asked, request: Mapping[str, str]) -> object:
        if set(request) - {"headers"} != {"id", "method", "url"} or request["method"] != "GET":
            raise bad("Only GET requests are in these batches.")
        parts = urlsplit(request["url"])
        inner = replace(
            asked,
            path=f"/v1.0/{unquote(parts.path).lstrip('/')}",
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        )
        kind = {"Content-Type": "application/json"}
        try:
            body = self.graph_answer(inner)
        except RefusedError as error:
            fault = {"error": {"code": error.code, "message": error.message}}
            headers = {**kind, **error.headers}
            return {"id": request["id"], "status": error.status, "headers": headers, "body": fault}
        return {"id": request["id"], "status": 200, "headers": kind, "body": body}

    def require(self, *rights: str) -> None:
        """Refuse unless one of these permissions is granted."""
        if not self.rights & {*rights, "Directory.Read.All"}:
            raise denied()

    # the answers

    def organization(self, asked: Asked) -> object:
        self.require("Organization.Read.All")
        asked.take("$select")
        return {"value": [{"id": self.tenant.id, "displayName": self.tenant.name}]}

    def users(self, asked: Asked) -> object:
        self.require("User.Read.All", "User.ReadBasic.All")
        query = asked.take("$select", "$top", "$filter", "$expand", "$count", "$skiptoken")
        names = selected(query, USER_PROPERTIES, "user")
        managers = expanded(query)
        with_count = counted(asked)
        found = matching(self.tenant.users, query.get("$filter"))
        most = MOST_EXPANDED if managers is not None else MOST

        def record(one: str) -> Properties:
            return self._user(one, names, managers)

        page = self._states.page(asked, found, record, most=most)
        return {"@odata.count": len(found), **page} if with_count else page

    def _user(self, one: str, names: list[str], managers: list[str] | None) -> Properties:
        properties = self.tenant.users[one]
        if not self.rights & {"User.Read.All", "Directory.Read.All"}:
            properties = {name: value for name, value in properties.items() if name in BASIC}
        record = shown(properties, names, known=USER_PROPERTIES)
        boss = self.tenant.managers.get(one)
        if managers is not None and boss in self.tenant.users:
            seen = shown(self.tenant.users[boss], managers, known=USER_PROPERTIES)
            record["manager"] = {"@odata.type": "#microsoft.graph.user", **seen}
        return record

    def user(self, asked: Asked, one: str) -> object:
        self.require("User.Read.All", "User.ReadBasic.All")
        names = selected(asked.take("$select"), USER_PROPERTIES | SINGLE_ONLY, "user")
        if one not in self.tenant.users:
            raise not_found(one)
        return {"@odata.context": "$metadata#users/$entity", **self._user(one, names, None)}

    def groups(self, asked: Asked) -> object:
        self.require("GroupMember.Read.All", "Group.Read.All")
        query = asked.take("$select", "$top", "$filter", "$skiptoken")
        names = selected(query, GROUP_PROPERTIES, "group")
        ids = list(self.tenant.groups)
        if "$filter" in query:
            ids = [one for one in in_filter(query["$filter"]) if one in self.tenant.groups]

        def record(one: str) -> Properties:
            return shown(self.tenant.groups[one], names, known=GROUP_PROPERTIES)

        return self._states.page(asked, ids, record, most=MOST)

    def group(self, asked: Asked, one: str) -> object:
        self.require("GroupMember.Read.All", "Group.Read.All")
        names = selected(asked.take("$select"), GROUP_PROPERTIES, "group")
        if one not in self.tenant.groups:
            raise not_found(one)
        return shown(self.tenant.groups[one], names, known=GROUP_PROPERTIES)

    def group_members(self, asked: Asked, one: str) -> object:
        self.require("GroupMember.Read.All", "Group.Read.All")
        query = asked.take("$select", "$top", "$skiptoken")
        if query.get("$select") != "id":
            raise bad("Only $select=id is a part of this tenant's tests.")
        if one not in self.tenant.groups:
            raise not_found(one)
        members = self.tenant.members[one] if self._shows_members(one) else {}

        def record(member: str) -> Properties:
            return {"@odata.type": members[member], "id": member}

        return self._states.page(asked, list(members), record, most=MOST)

    def check_member_groups(self, asked: Asked, one: str, document: object) -> object:
        """Answer which of these groups somebody is in; hidden ones are left out without a word."""
        self.require("User.Read.All")
        self.require("GroupMember.Read.All", "Group.Read.All")
        asked.take()
        if not isinstance(document, dict) or set(document) != {"groupIds"}:
            raise bad("A parameter of the action is missing or not known.")
        ids = document["groupIds"]
        if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_CHECKED:
            raise bad("The groupIds must be from 1 to 20.")
        if not all(isinstance(group, str) and _GUID.fullmatch(group) for group in ids):
            raise bad("Invalid GUID: a group's id.")
        if one not in self.tenant.users:
            raise not_found(one)
        held = self.tenant.holders(one, seen_through=self._shows_members)
        return {"@odata.context": "$metadata#Collection(Edm.String)"} | {
            "value": [group for group in reversed(ids) if group in held]
        }

    def _shows_members(self, group: str) -> bool:
        hidden = self.tenant.groups[group].get("visibility") == "HiddenMembership"
        return not hidden or "Member.Read.Hidden" in self.rights

    def delta(self, asked: Asked, collection: str) -> object:
        self.require("User.Read.All" if collection == "users" else "GroupMember.Read.All")
        query = asked.take("$select", "$deltatoken", "$skiptoken")
        if not self.delta_works:
            raise bad("Change tracking is not supported for this tenant.")
        if "$select" in query:
            return self._delta_begun(asked, collection, query)
        if len(query) != 1:
            raise bad("A link is used as it came.")
        if self.expired_deltas is not None:
            raise self.expired_deltas
        return self._delta_page(asked, collection, next(iter(query.values())))

    def _delta_begun(self, asked: Asked, collection: str, query: Mapping[str, str]) -> object:
        """Answer an initial delta query, which lists everybody, or one that begins now."""
        if query.get("$deltatoken", "latest") != "latest" or "$skiptoken" in query:
            raise bad("Delta queries with $select and a token are not supported.")
        tracked = frozenset(query["$select"].split(","))
        known = USER_PROPERTIES | {"manager"} if collection == "users" else GROUP_PROPERTIES
        if unknown := tracked - known - {"members"}:
            raise bad(f"Could not find a property named '{min(unknown)}'.")
        following = self._delta_link(asked, collection, tracked)
        rows = [
            DeltaRow(object_id=one, names=set(tracked), members=dict.fromkeys(members, True))
            for one in self.tenant.objects(collection)
            for members in [self.tenant.members.get(one, {})]
        ]
        rows = [] if "$deltatoken" in query else rows
        state = self._states.remember((collection, tracked, rows, following))
        return self._delta_page(asked, collection, state)

    def _delta_link(self, asked: Asked, collection: str, tracked: frozenset[str]) -> str:
        token = self._states.remember((collection, tracked, len(self.tenant.log)))
        return asked.link(_deltatoken=token)

    def _delta_page(self, asked: Asked, collection: str, token: str) -> object:
        state = self._states.known.get(token)
        if state is None or state[0] != collection:
            raise bad("Badly formed token.", "Directory_ExpiredPageToken")
        if len(state) == 3:
            rows = delta_rows(self.tenant.log[state[2] :], collection, state[1])
            following = self._delta_link(asked, collection, state[1])
            state = (*state[:2], rows, following)
        _, tracked, rows, following = state
        value = [self._delta_record(row, collection, tracked) for row in rows[:DELTA_PAGE]]
        if len(rows) <= DELTA_PAGE:
            return {"@odata.deltaLink": following, "value": value}
        rest = self._states.remember((collection, tracked, rows[DELTA_PAGE:], following))
        return {"@odata.nextLink": asked.link(_skiptoken=rest), "value": value}

    def _delta_record(self, row: DeltaRow, collection: str, tracked: frozenset[str]) -> Properties:
        properties = self.tenant.objects(collection).get(row.object_id)
        if properties is None:
            return {"id": row.object_id, "@removed": {"reason": "changed"}}
        names = row.names if self.sparse else tracked
        record = {name: one for name, one in properties.items() if name in names & tracked}
        record["id"] = row.object_id
        if row.members:
            record["members@delta"] = [
                {"@odata.type": self.tenant.member_type(one), "id": one}
                | ({} if added else {"@removed": {"reason": "deleted"}})
                for one, added in row.members.items()
            ]
        return record


ROUTES: list[tuple[str, Callable[..., object]]] = [
    (r"/v1\.0/organization", EntraServer.organization),
    (r"/v1\.0/users", EntraServer.users),
    (r"/v1\.0/(users|groups)/(?:microsoft\.graph\.)?delta(?:\(\))?", EntraServer.delta),
    (r"/v1\.0/users/([^/]+)", EntraServer.user),
    (r"/v1\.0/groups", EntraServer.groups),
    (r"/v1\.0/groups/([^/]+)", EntraServer.group),
    (r"/v1\.0/groups/([^/]+)/members", EntraServer.group_members),
]
ACTIONS: list[tuple[str, Callable[..., object]]] = [
    (r"/v1\.0/users/([^/]+)/checkMemberGroups", EntraServer.check_member_groups),
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    entra: EntraServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if unquote(self.path) == "/v1.0/$batch":
            self._answer(lambda asked: self.entra.batch_answer(asked, json.loads(body)))
            return
        if self.path.startswith("/v1.0/"):
            self._answer(lambda asked: self.entra.graph_answer(asked, json.loads(body)))
            return
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self._send(*self.entra.signin.answer(self.path, form))

    def do_GET(self) -> None:
        self._answer(self.entra.graph_answer)

    def _answer(self, answer: Callable[[Asked], object]) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            origin=f"http://{self.headers['Host']}",
        )
        try:
            self._send(200, answer(asked))
        except RefusedError as error:
            inner = {"date": "2026-01-01T00:00:00", "request-id": "0", "client-request-id": "0"}
            fault = {"code": error.code, "message": error.message, "innerError": inner}
            self._send(error.status, {"error": fault}, **error.headers)

    def _send(self, status: int, document: object, **headers: str) -> None:
        body = self.entra.spoil(json.dumps(document)).encode()
        self.send_response(status)
        kind = "application/json;odata.metadata=minimal;odata.streaming=true"
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Tests are quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what some tests are about."""


@contextmanager
def running_entra() -> Iterator[EntraServer]:
    """Run an empty tenant."""
    entra = EntraServer()
    handler = type("Handler", (_Handler,), {"entra": entra})
    server = _Server(("127.0.0.1", 0), handler)
    entra.port = server.server_address[1]
    entra.signin.origin = entra.origin
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield entra
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
