"""People who accept their invitations: each opens the link of their mail and confirms the page."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

AT_ONCE = 12
"""How many people press the button at the same time."""
_PROOF = re.compile(r'name="proof" value="([^"]+)"')
_PLACE = re.compile(r'class="place">([0-9]+)<')
_WELCOME = "<title>Welcome</title>"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What the pages told those who accepted.

    Attributes:
        inside: how many were welcomed.
        places: the places in line of those who wait, in ascending order.
        refused: how many links did not work.
    """

    inside: int
    places: tuple[int, ...]
    refused: int


async def accept_all(http: aiohttp.ClientSession, links: Sequence[str]) -> Accepted:
    """Let everybody accept, in random order and partly at once."""
    order = list(links)
    random.Random(20_260).shuffle(order)  # noqa: S311 - an order of people, not a secret
    gate = asyncio.Semaphore(AT_ONCE)

    async def accept(link: str) -> str:
        async with gate:
            return await _accept(http, link)

    pages = await asyncio.gather(*(accept(link) for link in order))
    inside = sum(_WELCOME in page for page in pages)
    places = sorted(int(found[1]) for page in pages if (found := _PLACE.search(page)))
    refused = len(pages) - inside - len(places)
    return Accepted(inside=inside, places=tuple(places), refused=refused)


async def _accept(http: aiohttp.ClientSession, link: str) -> str:
    async with http.get(link) as response:
        proof = _PROOF.search(await response.text())
    if proof is None:
        return ""
    async with http.post(link, data={"proof": proof[1], "sure": "yes"}) as response:
        return await response.text()
