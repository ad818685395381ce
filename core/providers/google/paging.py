"""Walking a Directory API listing by its tokens to the explicit end, one page ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Final

from core.model.directory import Page
from core.providers.google.listing import Listing

Fetch = Callable[[str | None], Coroutine[Any, Any, Listing]]
"""Requests the page of this token, or the first one."""

MAX_PAGES: Final = 100_000
_EMPTY_PAGES_IN_A_ROW: Final = 3


async def walk(fetch: Fetch) -> AsyncGenerator[Page, None]:
    """Yield pages until one has no ``nextPageToken``, which is Google's word that nothing follows.

    A token or a page met before, or only empty pages, end the walk without a last page.
    """
    seen = _Seen()
    token: str | None = None
    ahead = asyncio.create_task(fetch(None))
    try:
        for _ in range(MAX_PAGES):
            listing = await ahead
            records, following = tuple(listing.records), listing.next_token
            astray = seen.astray(records, following)
            if following is not None and not astray:
                ahead = asyncio.create_task(fetch(following))
            last = following is None and not astray
            yield Page(records=records, last=last, total=None, token=token or "")
            if last or astray:
                return
            token = following
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


class _Seen:
    """What a walk has met so far."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._pages: set[int] = set()
        self._empty = 0

    def astray(self, records: tuple[bytes, ...], token: str | None) -> bool:
        """Note a page and its token; say whether the walk leads nowhere."""
        self._empty = 0 if records else self._empty + 1
        mark = hash((records[0], records[-1])) if records else None
        again = token in self._tokens or mark in self._pages
        if token is not None:
            self._tokens.add(token)
        if mark is not None:
            self._pages.add(mark)
        return again or (self._empty >= _EMPTY_PAGES_IN_A_ROW and token is not None)
