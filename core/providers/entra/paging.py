"""Walking a Graph collection along its next links, one page ahead of the reader.

A page without a next link is the end ("Paging Microsoft Graph data"). Pages may be empty, and
links are followed as they came. A link that was there before ends the walk without an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from core.providers.entra.graph import Graph, dismiss
from core.providers.entra.listing import Listing

MAX_PAGES: Final = 100_000
_EMPTY_PAGES_IN_A_ROW: Final = 50


async def walk(
    graph: Graph, target: str, params: Mapping[str, str] | None = None, *, right: str
) -> AsyncGenerator[tuple[Listing, str], None]:
    """Yield each page with what identifies it; the last one yielded may have a next link left."""
    seen = {target}
    token, empty = target, 0
    ahead = asyncio.create_task(graph.page(target, params, right=right))
    try:
        for _ in range(MAX_PAGES):
            listing = await ahead
            empty = 0 if listing.records else empty + 1
            link = listing.next_link
            goes_on = link is not None and link not in seen and empty < _EMPTY_PAGES_IN_A_ROW
            if link is not None and goes_on:
                seen.add(link)
                ahead = asyncio.create_task(graph.page(link, right=right))
            yield listing, token
            if link is None or not goes_on:
                return
            token = link
    finally:
        await dismiss(ahead)
