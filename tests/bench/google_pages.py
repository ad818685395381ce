"""The Directory API that does nothing but hand out pages, so that a benchmark measures the client.

The same company as `tests.bench.scim_pages`, with groups. Run as a program it serves on a free
loopback port, prints the port and stops when its standard input closes.
"""

from __future__ import annotations

import json
import re

from aiohttp import web

from tests.bench.gate import serve_company
from tests.bench.scim_pages import DEPARTMENTS, person
from tests.vendors.google_batches import CUT, rendered

API = "/admin/directory/v1"
MEMBERS = 40
_GROUP = re.compile(r"/groups/(\d+)/members")


def google_person(n: int, variant: str = "same") -> dict[str, object]:
    """Return one record of the same company, with the fields that the mapping asks for."""
    scim = person(n, variant)
    name = {"givenName": f"Given{n % 911}", "familyName": f"Family{n % 7919}"}
    return {
        "id": f"{10**20 + n}",
        "primaryEmail": scim["userName"],
        "name": {**name, "fullName": scim["displayName"]},
        "suspended": False,
        "archived": False,
        "orgUnitPath": "/",
        "organizations": [
            {
                "title": scim["title"],
                "department": DEPARTMENTS[n % len(DEPARTMENTS)],
                "name": "Example",
                "primary": True,
            }
        ],
        "phones": [{"value": f"+49 30 {n:09d}", "type": "work"}],
        "externalIds": [{"value": str(n), "type": "organization"}],
        "languages": [{"languageCode": "en-GB", "preference": "preferred"}],
    }


def google_group(n: int) -> dict[str, object]:
    """Return one listed group."""
    return {"id": f"{n:015d}", "email": f"group-{n}@example.com", "name": f"Group {n}"}


def google_member(n: int) -> dict[str, object]:
    """Return one entry of a group's list of members."""
    return {"id": f"{10**20 + n}", "type": "USER"}


class Customer:
    """Rendered pages by path and start."""

    def __init__(self, people: int, groups: int) -> None:
        self._people = list(range(1, people + 1))
        self._groups = list(range(1, groups + 1))
        self._rendered: dict[tuple[str, int, int], bytes] = {}
        self._batches: dict[str, bytes] = {}
        self._variant = "same"

    def _person(self, n: int) -> dict[str, object]:
        return google_person(n, self._variant)

    async def become(self, request: web.Request) -> web.Response:
        self._variant = request.match_info["variant"]
        self._rendered.clear()
        return web.Response(text="ready")

    def _answer(
        self, request: web.Request, numbers: list[int], make: object, key: str
    ) -> web.Response:
        start = int(request.query.get("pageToken", "0"))
        limit = int(request.query["maxResults"])
        asked = (request.path, start, limit)
        if asked not in self._rendered:
            page: dict[str, object] = {"kind": f"admin#directory#{key}"}
            page[key] = [make(n) for n in numbers[start : start + limit]]
            if start + limit < len(numbers):
                page["nextPageToken"] = str(start + limit)
            text = json.dumps(page, separators=(",", ":"))
            self._rendered[asked] = text.encode()
        return web.Response(body=self._rendered[asked], content_type="application/json")

    async def token(self, _: web.Request) -> web.Response:
        body = {"access_token": "bench-token", "token_type": "Bearer", "expires_in": 3599}
        return web.json_response(body)

    async def users(self, request: web.Request) -> web.Response:
        return self._answer(request, self._people, self._person, "users")

    async def groups(self, request: web.Request) -> web.Response:
        return self._answer(request, self._groups, google_group, "groups")

    async def batch(self, request: web.Request) -> web.Response:
        """Hand out the first pages of several groups' members."""
        asked = (await request.read()).decode()
        if asked not in self._batches:
            parts = {
                f"<item-{n}>": (200, self._first_page(int(group)))
                for n, group in enumerate(_GROUP.findall(asked))
            }
            self._batches[asked] = rendered(parts)
        headers = {"Content-Type": f"multipart/mixed; boundary={CUT}"}
        return web.Response(body=self._batches[asked], headers=headers)

    def _first_page(self, group: int) -> bytes:
        members = [
            google_member(self._people[(group * 97 + n) % len(self._people)])
            for n in range(MEMBERS)
        ]
        return json.dumps({"kind": "admin#directory#members", "members": members}).encode()

    async def members(self, request: web.Request) -> web.Response:
        group = int(request.match_info["id"])
        people = [self._people[(group * 97 + n) % len(self._people)] for n in range(MEMBERS)]
        return self._answer(request, people, google_member, "members")

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/token", self.token)
        app.router.add_post("/batch", self.batch)
        app.router.add_get(f"{API}/users", self.users)
        app.router.add_get(f"{API}/groups", self.groups)
        app.router.add_get(f"{API}/groups/{{id}}/members", self.members)
        app.router.add_get("/become/{variant}", self.become)
        return app


if __name__ == "__main__":
    serve_company(lambda people, groups: Customer(people, groups).application())
