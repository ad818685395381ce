"""Walking a SCIM listing to its explicit end, one page ahead of the reader.

The rule of both walks: a page is the last one only if the server said so and nothing before
contradicted it. Where something did, the walk ends (or goes on, if more people may follow) without
a last page, and the reader knows that the listing is not proven.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, Final

from core.model.directory import Page
from core.providers.scim.listing import Listing

Fetch = Callable[[Mapping[str, str]], Coroutine[Any, Any, Listing]]
"""Requests one page with these paging parameters."""

MAX_PAGES: Final = 100_000
_EMPTY_PAGES_IN_A_ROW: Final = 3


class _Witness:
    """Remembers what the listing said so far, to notice contradictions."""

    def __init__(self) -> None:
        self.honest = True
        self._total: int | None = None
        self._pages: set[int] = set()
        self._first = True

    def hear_total(self, total: int | None) -> None:
        """A total that changes on the way means that the listing changed under the reader."""
        if not self._first and total != self._total:
            self.honest = False
        self._first, self._total = False, total

    def sees_again(self, records: tuple[bytes, ...]) -> bool:
        """Say whether a page with the same first and last record was met before."""
        if not records:
            return False
        mark = hash((records[0], records[-1]))
        known = mark in self._pages
        self._pages.add(mark)
        self.honest = self.honest and not known
        return known


async def walk_by_index(fetch: Fetch, *, count: int) -> AsyncGenerator[Page, None]:
    """Yield pages by ``startIndex`` (RFC 7644 §3.4.2.4).

    The next page starts after what was really returned. The end is reached when exactly
    ``totalResults`` records came; a wrong echo of ``startIndex``, a repeated or a premature empty
    page ends the walk without a last page.
    """
    witness, start = _Witness(), 1
    ahead = _request(fetch, start, count)
    try:
        for _ in range(MAX_PAGES):
            listing = await ahead
            records = tuple(listing.records or ())
            total = listing.total
            witness.hear_total(listing.total)
            astray = witness.sees_again(records) or listing.start_index not in {None, start}
            reached = start + len(records) - 1
            stop = astray or not records or total is None or reached >= total
            if not stop:
                ahead = _request(fetch, reached + 1, count)
            last = reached == total and witness.honest and not astray
            yield Page(records=records, last=last, total=listing.total, token=str(start))
            if stop:
                return
            start = reached + 1
    finally:
        await _dismiss(ahead)


def _request(fetch: Fetch, start: int, count: int) -> asyncio.Task[Listing]:
    return asyncio.create_task(fetch({"startIndex": str(start), "count": str(count)}))


async def walk_by_cursor(fetch: Fetch, *, count: int) -> AsyncGenerator[Page, None]:
    """Yield pages by ``cursor`` (RFC 9865 §2).

    The end is an answer without ``nextCursor``, and as many records as announced where a total is
    announced. A cursor or page met before ends the walk without a last page.
    """
    witness, cursor, cursors, received, empty = _Witness(), "", {""}, 0, 0
    ahead = _follow(fetch, cursor, count)
    try:
        for _ in range(MAX_PAGES):
            listing = await ahead
            records = tuple(listing.records or ())
            received += len(records)
            empty = 0 if records else empty + 1
            witness.hear_total(listing.total)
            following = listing.next_cursor
            astray = witness.sees_again(records) or following in cursors - {""}
            too_many = listing.total is not None and received > listing.total
            stop = not following or astray or too_many or empty >= _EMPTY_PAGES_IN_A_ROW
            if not stop and following:
                cursors.add(following)
                ahead = _follow(fetch, following, count)
            last = not astray and witness.honest and _explicit_end(listing, received)
            yield Page(records=records, last=last, total=listing.total, token=cursor)
            if stop or not following:
                return
            cursor = following
    finally:
        await _dismiss(ahead)


def _explicit_end(listing: Listing, received: int) -> bool:
    if listing.total is not None:
        return not listing.next_cursor and received == listing.total
    return listing.next_cursor is None


def _follow(fetch: Fetch, cursor: str, count: int) -> asyncio.Task[Listing]:
    return asyncio.create_task(fetch({"cursor": cursor, "count": str(count)}))


async def _dismiss(task: asyncio.Task[Listing]) -> None:
    """Stop a request that nobody waits for any more."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
