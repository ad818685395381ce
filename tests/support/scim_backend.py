"""A real SCIM server (scim2-server) on a free loopback port, filled over its own API."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from scim2_models import Pagination, UnauthorizedException
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.handler import ScimHandler
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.utils import load_default_provider

BULK_SIZE = 500
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
TOKEN = "planted-token-of-the-tests"


class _SignedIn(WSGIApplication):
    """Accepts one bearer token or one basic sign-in, and counts the requests by path.

    `pause` is how many seconds each answer waits.
    """

    def __init__(self, *args, accepted: frozenset[str], **kwargs):
        super().__init__(*args, **kwargs)
        self.accepted = accepted
        self.paths: list[str] = []
        self.pause = 0.0

    def check_auth(self, request):
        if request.header("Authorization") not in self.accepted:
            raise UnauthorizedException

    def dispatch_request(self, request):
        self.paths.append(request.path)
        time.sleep(self.pause)
        return super().dispatch_request(request)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is what some tests are about."""


class _Silent(WSGIRequestHandler):
    def log_message(self, format, *args):  # noqa: A002 - the parameter's name is the base's
        """Tests are quiet."""


class ScimBackend:
    """The running server, and the ways in which tests fill and change it."""

    def __init__(self, application: _SignedIn, port: int) -> None:
        self.application = application
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/v2"

    def requests(self, path: str) -> int:
        """How many requests this path (such as "/Users") got so far."""
        return self.application.paths.count(path)

    def clear(self) -> None:
        """Forget everybody."""
        self.application.storage = InMemoryStorage()
        self.application.handler = ScimHandler(self.application.service, self.application.storage)
        self.application.paths.clear()
        self.accept(f"Bearer {TOKEN}")

    def accept(self, *headers: str) -> None:
        """Accept exactly these Authorization headers from now on."""
        self.application.accepted = frozenset(headers)

    def call(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        header = min(self.application.accepted)
        request = urllib.request.Request(
            self.url + path,
            data=data,
            method=method,
            headers={"Authorization": header, "Content-Type": "application/scim+json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else {}

    def add(self, endpoint: str, records: Iterable[Mapping]) -> list[str]:
        """Create records by Bulk (RFC 7644 §3.7) and return their ids in order."""
        operations = [
            {"method": "POST", "path": endpoint, "bulkId": str(n), "data": record}
            for n, record in enumerate(records)
        ]
        ids = []
        for start in range(0, len(operations), BULK_SIZE):
            answer = self.call(
                "POST",
                "/Bulk",
                {
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
                    "Operations": operations[start : start + BULK_SIZE],
                },
            )
            ids += [one["location"].rpartition("/")[2] for one in answer["Operations"]]
        return ids

    def add_people(self, count: int, *, prefix: str = "person") -> list[str]:
        return self.add("/Users", [person(n, prefix) for n in range(count)])

    def add_group(self, name: str, *, users: Iterable[str] = (), groups: Iterable[str] = ()) -> str:
        members = _members(users, groups)
        return self.add("/Groups", [{"schemas": [GROUP], "displayName": name, "members": members}])[
            0
        ]

    def fill_group(self, group: str, *, users: Iterable[str], groups: Iterable[str]) -> None:
        """Let a group have exactly these members."""
        self._replace(f"/Groups/{group}", "members", _members(users, groups))

    def patch(self, record_id: str, path: str, value: object) -> None:
        self._replace(f"/Users/{record_id}", path, value)

    def _replace(self, place: str, path: str, value: object) -> None:
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": path, "value": value}],
        }
        self.call("PATCH", place, body)

    def delete(self, record_id: str) -> None:
        self.call("DELETE", f"/Users/{record_id}")


def _members(users: Iterable[str], groups: Iterable[str]) -> list[dict]:
    kinds = {"User": users, "Group": groups}
    return [{"value": one, "type": kind} for kind, ids in kinds.items() for one in ids]


def person(n: int, prefix: str = "person") -> dict:
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": f"{prefix}{n}@example.com",
        "displayName": f"Person {n}",
        "name": {"givenName": f"Given{n}", "familyName": f"Family{n}"},
        "active": True,
        "emails": [{"value": f"{prefix}{n}@example.com", "type": "work", "primary": True}],
        "title": "Engineer",
        ENTERPRISE: {"department": "Research", "employeeNumber": str(n)},
    }


@contextmanager
def running_scim(*, cursor: bool = False) -> Iterator[ScimBackend]:
    """Run an empty server."""
    provider = load_default_provider()
    provider.config.filter.max_results = 1000
    if cursor:
        provider.config.pagination = Pagination(
            cursor=True, index=True, default_pagination_method="cursor"
        )
    service = ScimService(provider, secret="cursor-secret-of-the-tests")
    application = _SignedIn(
        InMemoryStorage(), provider, service, accepted=frozenset({f"Bearer {TOKEN}"})
    )
    server = make_server("127.0.0.1", 0, application, server_class=_Server, handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield ScimBackend(application, server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
