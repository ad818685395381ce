"""A SCIM server that does nothing but hand out pages, so that a benchmark measures the client.

``GET /become/{variant}`` makes it one of three variants of the same company, and renders its pages:

- ``same``: everybody as they are;
- ``one-percent``: every hundredth person has another title;
- ``last-login``: an attribute that nobody maps differs for everybody.

With ``--filter`` it finds who changed since a time; otherwise it says that it cannot.
Run as a program it serves on a free loopback port, prints the port and stops when its standard
input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from datetime import UTC, datetime

from aiohttp import web

from tests.bench.gate import serve

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MEDIA = "application/scim+json"
OLD = "2026-01-01T00:00:00+00:00"
DEPARTMENTS = ("Engineering", "Sales", "Support", "Finance", "Operations", "Legal", "People")


def person(n: int, variant: str) -> dict[str, object]:
    """Return one record with twelve mapped attributes."""
    given, family = f"Given{n % 911}", f"Family{n % 7919}"
    title = f"Title {n % 40}"
    if variant == "one-percent" and n % 100 == 0:
        title = "Head of " + title
    record: dict[str, object] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": f"{n * 2654435761 % 2**32:08x}-{n:012d}",
        "userName": f"person{n}@example.com",
        "displayName": f"{given} {family}",
        "name": {"givenName": given, "familyName": family},
        "active": True,
        "emails": [{"value": f"person{n}@example.com", "type": "work", "primary": True}],
        "title": title,
        "phoneNumbers": [{"value": f"+49 30 {n:09d}", "type": "work"}],
        "locale": "en-GB",
        "timezone": "Europe/Berlin",
        ENTERPRISE: {
            "department": DEPARTMENTS[n % len(DEPARTMENTS)],
            "employeeNumber": str(n),
            "organization": "Example",
        },
        "meta": {"resourceType": "User", "lastModified": OLD},
    }
    if variant == "last-login":
        record["nickName"] = f"seen-{n}"
    return record


def group(n: int, people: int) -> dict[str, object]:
    """Return one group of forty people."""
    members = [(n * 97 + k) % people + 1 for k in range(40)]
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": f"group-{n}",
        "displayName": f"Group {n}",
        "members": [{"value": str(person(m, "same")["id"]), "type": "User"} for m in members],
    }


MAPPING = {
    "title": "title",
    "phone": "phoneNumbers",
    "locale": "locale",
    "timezone": "timezone",
    "department": "enterprise.department",
    "employee_number": "enterprise.employeeNumber",
    "organization": "enterprise.organization",
}


class Pages:
    """The rendered pages of the present variant, and how often one was asked for."""

    def __init__(
        self, *, people: int, delay: float, groups: int = 0, filters: bool = False
    ) -> None:
        self._filters = filters
        self._changed_at = OLD
        self._people = people
        self._groups = groups
        self._delay = delay
        self._variant = "same"
        self._rendered: dict[tuple[int, int], bytes] = {}
        self._others: dict[str, bytes] = {}

    def _page(self, start: int, count: int) -> bytes:
        end = min(self._people, start - 1 + count)
        body = {
            "schemas": [LIST],
            "totalResults": self._people,
            "startIndex": start,
            "itemsPerPage": end - start + 1,
            "Resources": [self._stamped(n) for n in range(start, end + 1)],
        }
        return json.dumps(body, separators=(",", ":")).encode()

    def _rendered_page(self, start: int, count: int) -> bytes:
        key = (start, count)
        if key not in self._rendered:
            self._rendered[key] = self._page(start, count)
        return self._rendered[key]

    def _since(self, since: str) -> list[int]:
        """Return who changed after a time."""
        if since < OLD:
            return list(range(1, self._people + 1))
        return list(range(100, self._people + 1, 100)) if since < self._changed_at else []

    def _filtered(self, request: web.Request) -> web.Response:
        found = self._since(request.query["filter"].split('"')[1].replace("Z", "+00:00"))
        start, count = int(request.query["startIndex"]), int(request.query["count"])
        key = (-len(found) - 1, start * 10_000 + count)
        if key not in self._rendered:
            page = [self._stamped(n) for n in found[start - 1 : start - 1 + count]]
            body = {"schemas": [LIST], "totalResults": len(found), "Resources": page}
            self._rendered[key] = json.dumps(body, separators=(",", ":")).encode()
        return web.Response(body=self._rendered[key], content_type=MEDIA)

    def _stamped(self, n: int) -> dict[str, object]:
        record = person(n, self._variant)
        if self._filters and n % 100 == 0:
            record["meta"] = {"resourceType": "User", "lastModified": self._changed_at}
        return record

    async def users(self, request: web.Request) -> web.Response:
        if self._filters and "filter" in request.query:
            return self._filtered(request)
        start = int(request.query.get("startIndex", "1"))
        count = min(1000, int(request.query.get("count", "1000")))
        if self._delay:
            await asyncio.sleep(self._delay)
        return web.Response(body=self._rendered_page(start, count), content_type=MEDIA)

    async def groups(self, request: web.Request) -> web.Response:
        if "groups" not in self._others:
            records = [group(n, self._people) for n in range(1, self._groups + 1)]
            body = {"schemas": [LIST], "totalResults": len(records), "startIndex": 1}
            self._others["groups"] = json.dumps(body | {"Resources": records}).encode()
        return web.Response(body=self._others["groups"], content_type=MEDIA)

    async def config(self, request: web.Request) -> web.Response:
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": False},
            "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": self._filters, "maxResults": 1000},
            "changePassword": {"supported": False},
            "sort": {"supported": False},
            "etag": {"supported": False},
            "authenticationSchemes": [],
        }
        return web.Response(body=json.dumps(body).encode(), content_type=MEDIA)

    async def become(self, request: web.Request) -> web.Response:
        self._variant = request.match_info["variant"]
        self._changed_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._rendered.clear()
        for start in range(1, self._people + 1, 1000):
            self._rendered_page(start, 1000)
        return web.Response(text="ready")

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/scim/v2/Users", self.users)
        app.router.add_get("/scim/v2/Groups", self.groups)
        app.router.add_get("/scim/v2/ServiceProviderConfig", self.config)
        app.router.add_get("/become/{variant}", self.become)
        return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--groups", type=int, default=0)
    parser.add_argument("--filter", action="store_true")
    options = parser.parse_args()
    pages = Pages(
        people=options.people,
        delay=options.delay,
        groups=options.groups,
        filters=options.filter,
    )
    asyncio.run(serve(pages.application()))
