"""A SCIM server that does nothing but hand out pages, so that a benchmark measures the client.

The first part of the path names the variant of the same company:

- ``/same/scim/v2``: everybody as they are;
- ``/one-percent/scim/v2``: every hundredth person has another title;
- ``/last-login/scim/v2``: an attribute that nobody maps differs for everybody.

Run as a program it serves on a free loopback port, prints the port and stops when its standard
input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from functools import cache

from aiohttp import web

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MEDIA = "application/scim+json"
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
        "meta": {"resourceType": "User", "lastModified": "2026-01-01T00:00:00Z"},
    }
    if variant == "last-login":
        record["nickName"] = f"seen-{n}"
    return record


MAPPING = {
    "title": "title",
    "phone": "phoneNumbers",
    "locale": "locale",
    "timezone": "timezone",
    "department": "enterprise.department",
    "employee_number": "enterprise.employeeNumber",
    "organization": "enterprise.organization",
}


def application(*, people: int, delay: float, seen: dict[str, int]) -> web.Application:
    """Return the server; `seen` counts the requests for pages."""

    @cache
    def page(variant: str, start: int, count: int) -> bytes:
        end = min(people, start - 1 + count)
        body = {
            "schemas": [LIST],
            "totalResults": people,
            "startIndex": start,
            "itemsPerPage": end - start + 1,
            "Resources": [person(n, variant) for n in range(start, end + 1)],
        }
        return json.dumps(body, separators=(",", ":")).encode()

    async def users(request: web.Request) -> web.Response:
        seen["pages"] = seen.get("pages", 0) + 1
        start = int(request.query.get("startIndex", "1"))
        count = min(1000, int(request.query.get("count", "1000")))
        if delay:
            await asyncio.sleep(delay)
        body = page(request.match_info["variant"], start, count)
        return web.Response(body=body, content_type=MEDIA)

    async def empty(request: web.Request) -> web.Response:
        body = {"schemas": [LIST], "totalResults": 0, "startIndex": 1, "Resources": []}
        return web.Response(body=json.dumps(body).encode(), content_type=MEDIA)

    async def config(request: web.Request) -> web.Response:
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": False},
            "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": False, "maxResults": 1000},
            "changePassword": {"supported": False},
            "sort": {"supported": False},
            "etag": {"supported": False},
            "authenticationSchemes": [],
        }
        return web.Response(body=json.dumps(body).encode(), content_type=MEDIA)

    async def warm(request: web.Request) -> web.Response:
        for start in range(1, people + 1, 1000):
            page(request.match_info["variant"], start, 1000)
        return web.Response(text="ready")

    async def count_pages(request: web.Request) -> web.Response:
        return web.json_response(seen)

    app = web.Application()
    app.router.add_get("/{variant}/scim/v2/Users", users)
    app.router.add_get("/{variant}/scim/v2/Groups", empty)
    app.router.add_get("/{variant}/scim/v2/ServiceProviderConfig", config)
    app.router.add_get("/{variant}/warm", warm)
    app.router.add_get("/seen", count_pages)
    return app


async def serve(people: int, delay: float) -> None:
    """Serve until standard input closes."""
    runner = web.AppRunner(application(people=people, delay=delay, seen={}), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--delay", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(serve(options.people, options.delay))
