"""Walking an Okta listing by its links to the explicit end, one page ahead of the reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Final

from core.model.directory import Page
from core.providers.okta.listing import Listing

Fetch = Callable[[str | None], Coroutine[Any, Any, Listing]]
"""Requests the page of this link, or the first one."""

MAX_PAGES: Final = 100_000
_EMPTY_PAGES_IN_A_ROW: Final = 3


async def walk(fetch: Fetch, *, limit: int) -> AsyncGenerator[Page, None]:
    """Yield pages until one has no ``next`` link, which is Okta's word that nothing follows.

    Links that were lost on the way look the same, so a full page without any link proves nothing.
    A link or a page met before, or only empty pages, end the walk without a last page.
    """
    links: set[str] = set()
    pages: set[int] = set()
    link: str | None = None
    empty = 0
    ahead: asyncio.Task[Listing] | None = None
    try:
        listing = await fetch(None)
        for _ in range(MAX_PAGES):
            records = tuple(listing.records)
            following = listing.next_link
            empty = 0 if records else empty + 1
            astray = following in links or _again(records, pages)
            stop = following is None or astray or empty >= _EMPTY_PAGES_IN_A_ROW
            if not stop and following is not None:
                links.add(following)
                ahead = asyncio.create_task(fetch(following))
            ended = following is None and (listing.linked or len(records) < limit)
            yield Page(records=records, last=ended and not astray, total=None, token=link or "")
            if stop or ahead is None:
                return
            listing, link = await ahead, following
    finally:
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)


def _again(records: tuple[bytes, ...], pages: set[int]) -> bool:
    """Say whether a page with the same first and last record was met before."""
    if not records:
        return False
    mark = hash((records[0], records[-1]))
    known = mark in pages
    pages.add(mark)
    return known
