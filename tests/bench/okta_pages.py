"""An Okta org that does nothing but hand out pages, so that a benchmark measures the client.

The same company as `tests.bench.scim_pages`, with groups. With a filter it says that every
hundredth person and every hundredth group changed. Run as a program it serves on a free loopback
port, prints the port and stops when its standard input closes.
"""

from __future__ import annotations

import json

from aiohttp import web

from tests.bench.gate import serve_company
from tests.bench.scim_pages import DEPARTMENTS, person

STAMP = "2026-01-01T00:00:00.000Z"
MEMBERS = 40


def okta_person(n: int, variant: str = "same") -> dict[str, object]:
    """Return one projected record of the same company."""
    scim = person(n, variant)
    return {
        "id": f"00u{n:017d}",
        "status": "ACTIVE",
        "profile": {
            "login": scim["userName"],
            "email": scim["userName"],
            "firstName": f"Given{n % 911}",
            "lastName": f"Family{n % 7919}",
            "displayName": scim["displayName"],
            "title": scim["title"],
            "primaryPhone": f"+49 30 {n:09d}",
            "locale": "en-GB",
            "timezone": "Europe/Berlin",
            "department": DEPARTMENTS[n % len(DEPARTMENTS)],
            "employeeNumber": str(n),
            "organization": "Example",
        },
    }


def okta_group(n: int) -> dict[str, object]:
    """Return one listed group."""
    return {
        "id": f"00g{n:017d}",
        "created": STAMP,
        "lastUpdated": STAMP,
        "lastMembershipUpdated": STAMP,
        "type": "OKTA_GROUP",
        "profile": {"name": f"Group {n}", "description": None},
    }


class Org:
    """Rendered pages by path, filter and start."""

    def __init__(self, people: int, groups: int) -> None:
        self._people = list(range(1, people + 1))
        self._groups = list(range(1, groups + 1))
        self._rendered: dict[tuple[str, bool, int, int], bytes] = {}
        self._variant = "same"

    def _person(self, n: int) -> dict[str, object]:
        return okta_person(n, self._variant)

    async def become(self, request: web.Request) -> web.Response:
        self._variant = request.match_info["variant"]
        self._rendered.clear()
        return web.Response(text="ready")

    def _answer(self, request: web.Request, numbers: list[int], make: object) -> web.Response:
        changed = "filter" in request.query
        numbers = numbers[99::100] if changed else numbers
        start, limit = int(request.query.get("after", "0")), int(request.query["limit"])
        key = (request.path, changed, start, limit)
        if key not in self._rendered:
            page = [make(n) for n in numbers[start : start + limit]]
            self._rendered[key] = json.dumps(page, separators=(",", ":")).encode()
        answer = web.Response(body=self._rendered[key], content_type="application/json")
        answer.headers.add("Link", f'<{request.url}>; rel="self"')
        if start + limit < len(numbers):
            following = request.url.update_query(after=str(start + limit))
            answer.headers.add("Link", f'<{following}>; rel="next"')
        return answer

    async def users(self, request: web.Request) -> web.Response:
        return self._answer(request, self._people, self._person)

    async def groups(self, request: web.Request) -> web.Response:
        return self._answer(request, self._groups, okta_group)

    async def members(self, request: web.Request) -> web.Response:
        group = int(request.match_info["id"][3:])
        people = [self._people[(group * 97 + n) % len(self._people)] for n in range(MEMBERS)]
        return self._answer(request, people, okta_person)

    async def metadata(self, request: web.Request) -> web.Response:
        return web.json_response({"id": "00o1"})

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/users", self.users)
        app.router.add_get("/api/v1/groups", self.groups)
        app.router.add_get("/api/v1/groups/{id}/users", self.members)
        app.router.add_get("/.well-known/okta-organization", self.metadata)
        app.router.add_get("/become/{variant}", self.become)
        return app


if __name__ == "__main__":
    serve_company(lambda people, groups: Org(people, groups).application())
