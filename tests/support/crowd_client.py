"""A process that lets many people log in at once: ``python -m tests.support.crowd_client``.

A line of JSON on stdin, ``{"urls": […], "token": …, "people": [1, 2, …]}``, sends one request for
each of the people, all at the same moment, and is answered with what became of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import cycle

import aiohttp

from tests.support.lines import say


async def log_in(
    http: aiohttp.ClientSession, url: str, token: str, person: int
) -> tuple[str, int | None]:
    """Return how one login was answered, and the place in line; an error under its own name."""
    headers = {"Authorization": f"Bearer {token}"}
    body = {"email": f"u{person}@example.com"}
    try:
        async with http.post(f"{url}/api/v1/logins", json=body, headers=headers) as answer:
            if answer.status != 200:
                return f"HTTP {answer.status}", None
            found = await answer.json()
    except aiohttp.ClientError as error:
        return type(error).__name__, None
    told = found["status"] != "waiting" or (found["place"] > 0 and "contacts" in found)
    return found["status"] if told else "waiting, not told why", found.get("place")


async def main() -> None:
    """Answer each line until the input ends."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        say({})
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            urls = cycle(asked["urls"])
            found = await asyncio.gather(
                *(log_in(http, next(urls), asked["token"], each) for each in asked["people"])
            )
            say({"found": found})


if __name__ == "__main__":
    asyncio.run(main())
