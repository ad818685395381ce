"""What changed since a time of the server's own clock: by ``meta.lastModified``, where that works.

SCIM has no listing of changes, and filters by time are met that are refused, ignored or compared
as texts. So before every full read the server is tried, with answers that only one that filters
rightly gives; and before every delta, whether it still filters at all. Groups are compared as a
whole, because not every server stamps a group whose members change.

A filter tells nothing of who was deleted. The number of people that the server announces does, so
it comes with the changes, for the engine to add up.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from math import ceil, floor
from typing import Final

import msgspec

from core.errors import RemoteError, WatermarkExpiredError
from core.model.directory import ChangePage, Page, ResourceKind, Watermark
from core.providers.scim.listing import Listing
from core.providers.scim.server import ScimServer

STAMP: Final = "meta.lastModified"
OVERLAP_SECONDS: Final = 300
"""How long a change may take from its stamp to the listing, and clocks may differ."""

_AHEAD_SECONDS: Final = 86_400
_SAMPLE: Final = 10
_LONG_AGO: Final = 0.0
_NO_FILTER: Final = frozenset({400, 403, 404, 500, 501})
_KEPT_BYTES: Final = 16 * 1024 * 1024

Pages = Callable[[], AsyncGenerator[Page, None]]
Filtered = Callable[[str], AsyncGenerator[Page, None]]


class _Mark(msgspec.Struct, frozen=True):
    """A watermark, as JSON: a time in seconds, and the digest of all groups."""

    time: float
    groups: str


class _Meta(msgspec.Struct):
    lastModified: str | None = None  # noqa: N815 - the name on the wire


class _Stamped(msgspec.Struct):
    meta: _Meta | None = None


class Changes:
    """Lists what changed at one server.

    `people` lists those whom a filter matches, `groups` all groups with their members, or is None
    where groups are not wanted.
    """

    def __init__(self, server: ScimServer, *, people: Filtered, groups: Pages | None) -> None:
        self._server = server
        self._people = people
        self._groups = groups
        self._ahead: list[Page] | None = None

    async def watermark(self) -> Watermark | None:
        """Return where a delta begins that starts now; None from a server that filters wrongly."""
        if not await self._filters_rightly():
            return None
        now = self._server.time
        digest = await self._digest(keep=True)
        return None if now is None or digest is None else _watermark(now, digest)

    async def taken_ahead(self) -> AsyncGenerator[Page, None]:
        """Yield the groups: those that the watermark was made with, once, else anew."""
        kept, self._ahead = self._ahead, None
        if kept is not None:
            for page in kept:
                yield page
        elif self._groups is not None:
            async with aclosing(self._groups()) as pages:
                async for page in pages:
                    yield page

    async def pages(self, since: Watermark) -> AsyncGenerator[ChangePage, None]:
        """Yield who changed, then the groups if any did; see `IdentityProvider.read_changes`."""
        mark = _read(since)
        total = (await self._first_page({}, count=1)).total
        now = self._server.time
        if not await self._filters_still():
            raise _expired("The server does not filter by the time of the last change any more.")
        if now is None or mark.time > now + OVERLAP_SECONDS:
            raise _expired("Where the changes should begin lies in the server's future.")
        ended = False
        async with aclosing(self._people(f'{STAMP} gt "{_text(mark.time)}"')) as people:
            async for page in people:
                ended = page.last
                yield _changes(ResourceKind.USER, page.records, f"user {page.token}")
        if not ended:
            return
        digest = await self._digest(keep=True)
        if digest is None:
            raise _expired("The groups could not be listed to their end.")
        if digest != mark.groups:
            async with aclosing(self.taken_ahead()) as groups:
                async for page in groups:
                    yield _changes(ResourceKind.GROUP, page.records, f"group {page.token}")
        yield ChangePage(
            kind=ResourceKind.USER,
            records=(),
            last=True,
            token="end",  # noqa: S106 - of a page
            watermark=_watermark(now, digest),
            total=total,
        )

    async def _filters_still(self) -> bool:
        try:
            return await self._is_empty_ahead()
        except RemoteError as error:
            if error.status in _NO_FILTER:
                return False
            raise

    async def _filters_rightly(self) -> bool:
        """Try answers that only a server gives that knows its times and compares them."""
        if not (await self._server.manner()).filters:
            return False
        try:
            sample = await self._first_page({}, count=_SAMPLE, selection=STAMP)
            stamps = [_stamp(raw) for raw in sample.records or ()]
            known = [stamp for stamp in stamps if stamp is not None]
            if not known or len(known) != len(stamps) or sample.total is None:
                return False
            return (
                await self._is_empty_ahead()
                and (await self._since(_LONG_AGO)).total == sample.total
                and await self._divides(max(known))
            )
        except RemoteError as error:
            if error.status in _NO_FILTER:
                return False
            raise

    async def _divides(self, newest: float) -> bool:
        """Whether those before and after a time are told apart."""
        earlier, later = floor(newest) - 1, ceil(newest)
        before, after = await self._since(earlier), await self._since(later)
        if not before.total or (after.total or 0) >= before.total:
            return False
        return _all_after(earlier, before) and _all_after(later, after)

    async def _is_empty_ahead(self) -> bool:
        """Whether nobody changed in the future; an ignored filter lists everybody."""
        listing = await self._since((self._server.time or 0.0) + _AHEAD_SECONDS)
        return listing.total == 0 and not listing.records

    async def _since(self, moment: float) -> Listing:
        return await self._first_page(
            {"filter": f'{STAMP} gt "{_text(moment)}"'}, count=_SAMPLE, selection=STAMP
        )

    async def _first_page(
        self, more: dict[str, str], *, count: int, selection: str = "userName"
    ) -> Listing:
        manner = await self._server.manner()
        start = {"cursor": ""} if manner.by_cursor else {"startIndex": "1"}
        paging = {**start, "count": str(count), **more}
        return await self._server.page("Users", paging, selection=selection)

    async def _digest(self, *, keep: bool) -> str | None:
        """Return a digest of all groups, or None if they were not listed to their end."""
        if self._groups is None:
            return ""
        each: list[bytes] = []
        kept: list[Page] = []
        size, ended = 0, False
        async with aclosing(self._groups()) as pages:
            async for page in pages:
                each += [hashlib.blake2b(raw, digest_size=16).digest() for raw in page.records]
                size += sum(map(len, page.records))
                if keep and size <= _KEPT_BYTES:
                    kept.append(page)
                ended = page.last
        if not ended:
            return None
        self._ahead = kept if size <= _KEPT_BYTES else None
        return hashlib.blake2b(b"".join(sorted(each)), digest_size=16).hexdigest()


def _changes(kind: ResourceKind, records: Sequence[bytes], token: str) -> ChangePage:
    return ChangePage(kind=kind, records=records, last=False, token=token)


def _all_after(moment: float, listing: Listing) -> bool:
    stamps = [_stamp(raw) for raw in listing.records or ()]
    return all(stamp is not None and stamp > moment for stamp in stamps)


def _stamp(raw: bytes) -> float | None:
    """Return when a record says that it was changed, or None if it does not say so."""
    try:
        meta = msgspec.json.decode(raw, type=_Stamped).meta
        moment = datetime.fromisoformat((meta and meta.lastModified) or "")
    except (ValueError, RecursionError):
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def _text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _watermark(now: float, groups: str) -> Watermark:
    mark = _Mark(time=now - OVERLAP_SECONDS, groups=groups)
    return Watermark(msgspec.json.encode(mark).decode())


def _read(since: Watermark) -> _Mark:
    try:
        return msgspec.json.decode(since, type=_Mark)
    except (ValueError, RecursionError) as error:
        raise _expired("The watermark cannot be read.") from error


def _expired(message: str) -> WatermarkExpiredError:
    return WatermarkExpiredError(message, hint="A full read tells what changed.")
