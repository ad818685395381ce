"""An Entra tenant that does nothing but hand out pages, so that a benchmark measures the client.

The same company as `tests.bench.scim_pages`, with groups. Its delta queries say that every
hundredth person and every hundredth group changed. Run as a program it serves on a free loopback
port, prints the port and stops when its standard input closes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import unquote

from aiohttp import web

from tests.bench.gate import serve_company
from tests.bench.scim_pages import DEPARTMENTS, person

MEMBERS = 40
_ID = re.compile(r"'(\d+)'")


def entra_person(n: int, variant: str = "same") -> dict[str, object]:
    """Return one projected record of the same company."""
    scim = person(n, variant)
    return {
        "id": f"{n:036d}",
        "accountEnabled": True,
        "businessPhones": [f"+49 30 {n:09d}"],
        "department": DEPARTMENTS[n % len(DEPARTMENTS)],
        "displayName": scim["displayName"],
        "givenName": f"Given{n % 911}",
        "jobTitle": scim["title"],
        "mail": scim["userName"],
        "surname": f"Family{n % 7919}",
        "userPrincipalName": scim["userName"],
    }


def entra_group(n: int) -> dict[str, object]:
    """Return one listed group."""
    return {"id": f"{n:036d}", "displayName": f"Group {n}", "visibility": None}


def entra_member(n: int) -> dict[str, object]:
    """Return one member, of which the id was selected."""
    return {"@odata.type": "#microsoft.graph.user", "id": f"{n:036d}"}


class Tenant:
    """Rendered pages by path and query."""

    def __init__(self, people: int, groups: int) -> None:
        self._people = list(range(1, people + 1))
        self._groups = list(range(1, groups + 1))
        self._rendered: dict[str, bytes] = {}
        self._variant = "same"

    def _person(self, n: int) -> dict[str, object]:
        return entra_person(n, self._variant)

    async def become(self, request: web.Request) -> web.Response:
        self._variant = request.match_info["variant"]
        self._rendered.clear()
        return web.Response(text="ready")

    def _answer(
        self, request: web.Request, numbers: list[int], make: Callable[[int], object]
    ) -> web.Response:
        key = str(request.rel_url)
        if key not in self._rendered:
            wanted = _ID.findall(request.query.get("$filter", ""))
            numbers = [int(one) for one in wanted] or numbers
            start, size = (
                int(request.query.get("$skiptoken", "0")),
                int(request.query.get("$top", 100)),
            )
            page: dict[str, object] = {"value": [make(n) for n in numbers[start : start + size]]}
            if "$count" in request.query:
                page["@odata.count"] = len(numbers)
            elif start + size < len(numbers):
                following = request.url.update_query({"$skiptoken": str(start + size)})
                page["@odata.nextLink"] = str(following)
            self._rendered[key] = json.dumps(page, separators=(",", ":")).encode()
        return web.Response(body=self._rendered[key], content_type="application/json")

    async def users(self, request: web.Request) -> web.Response:
        return self._answer(request, self._people, self._person)

    async def groups(self, request: web.Request) -> web.Response:
        return self._answer(request, self._groups, entra_group)

    async def members(self, request: web.Request) -> web.Response:
        group = int(request.match_info["id"])
        people = [self._people[(group * 97 + n) % len(self._people)] for n in range(MEMBERS)]
        return self._answer(request, people, entra_member)

    async def batch(self, request: web.Request) -> web.Response:
        """Hand out the first pages of several groups' members."""
        requests = (await request.json())["requests"]
        key = "+".join(one["url"] for one in requests)
        if key not in self._rendered:
            answers = [
                {"id": one["id"], "status": 200, "body": {"value": self._asked(one["url"])}}
                for one in requests
            ]
            text = json.dumps({"responses": answers}, separators=(",", ":"))
            self._rendered[key] = text.encode()
        return web.Response(body=self._rendered[key], content_type="application/json")

    def _asked(self, url: str) -> list[object]:
        if wanted := _ID.findall(unquote(url)):
            make = self._person if url.startswith("/users") else entra_group
            return [make(int(one)) for one in wanted]
        group = int(url.split("/")[2])
        return [
            entra_member(self._people[(group * 97 + n) % len(self._people)]) for n in range(MEMBERS)
        ]

    async def delta(self, request: web.Request) -> web.Response:
        if request.query.get("$deltatoken") == "latest":
            link = f"{request.url.origin()}{request.path}?$deltatoken=last"
            return web.json_response({"@odata.deltaLink": link, "value": []})
        people = request.match_info["what"] == "users"
        numbers, make = (self._people, self._person) if people else (self._groups, entra_group)
        if request.path not in self._rendered:
            link = f"{request.url.origin()}{request.path}?$deltatoken=next"
            page = {"@odata.deltaLink": link, "value": [make(n) for n in numbers[99::100]]}
            self._rendered[request.path] = json.dumps(page).encode()
        return web.Response(body=self._rendered[request.path], content_type="application/json")

    async def token(self, request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"access_token": "bench", "expires_in": 3599})

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1.0/users", self.users)
        app.router.add_get("/v1.0/groups", self.groups)
        app.router.add_get("/v1.0/groups/{id}/members", self.members)
        app.router.add_post("/v1.0/$batch", self.batch)
        app.router.add_get("/v1.0/{what:users|groups}/delta", self.delta)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self.token)
        app.router.add_get("/become/{variant}", self.become)
        return app


if __name__ == "__main__":
    serve_company(lambda people, groups: Tenant(people, groups).application())
