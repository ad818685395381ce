"""Groups with their members: a listing of groups, and one of members for each.

The first pages of members come in batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Final

from core.errors import TerminalRemoteError
from core.model.directory import ExternalId, Page
from core.providers.decoding import id_of, ids_of
from core.providers.google.batches import AT_MOST, Batches
from core.providers.google.listing import Listing
from core.providers.google.paging import walk
from core.providers.google.records import CUSTOMER, USER, Member, members_in, with_members
from core.providers.google.server import GoogleServer, segment
from core.providers.google.signing import GROUPS, PEOPLE
from core.providers.side_by_side import in_order

MAX_GROUPS: Final = 200
"""Groups a page, and members a page; at most so many of both."""

MAX_PEOPLE: Final = 500
"""People a page, at most."""

_AT_ONCE: Final = 4
_GROUP_FIELDS: Final = "kind,nextPageToken,groups(id,email,name)"
_MEMBER_PARAMS: Final = {
    "maxResults": str(MAX_GROUPS),
    "fields": "kind,nextPageToken,members(id,type)",
}


class GroupReader:
    """Reads all groups once; everybody's ids, where a group has everybody in it, once as well."""

    def __init__(self, server: GoogleServer, *, customer: str) -> None:
        self._server = server
        self._customer = customer
        self._batches = Batches(server)
        self._everybody: asyncio.Task[tuple[Member, ...] | None] | None = None

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Yield the groups with their direct members; a list that was not whole is left out."""
        try:
            async with aclosing(self.listed()) as pages:
                async for page in pages:
                    yield replace(page, records=await self._settled(page.records))
        finally:
            await self._dismiss()

    async def completed(self, records: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return listed groups with their direct members, likewise."""
        try:
            return await self._settled(records)
        finally:
            await self._dismiss()

    def listed(self) -> AsyncGenerator[Page, None]:
        """Yield the groups without their members."""
        params = {
            "customer": self._customer,
            "maxResults": str(MAX_GROUPS),
            "fields": _GROUP_FIELDS,
        }
        return self._walk(GROUPS, "groups", params, key="groups")

    async def _settled(self, records: Sequence[bytes]) -> tuple[bytes, ...]:
        work = partial(self._with_members, await self._first_pages(records))
        whole = in_order(records, work, at_once=_AT_ONCE)
        return tuple([one async for one in whole])

    async def _dismiss(self) -> None:
        if self._everybody is not None:
            self._everybody.cancel()
            await asyncio.gather(self._everybody, return_exceptions=True)

    async def _first_pages(self, records: Sequence[bytes]) -> Mapping[str, Listing]:
        """Return the first page of these groups' members, as far as it came in a batch."""
        paths = [_path(group) for group in ids_of(records) if group is not None]
        found: dict[str, Listing] = {}
        for start in range(0, len(paths), AT_MOST):
            some = paths[start : start + AT_MOST]
            found |= await self._batches.pages(GROUPS, some, _MEMBER_PARAMS, key="members")
        return found

    async def _with_members(self, first: Mapping[str, Listing], record: bytes) -> bytes:
        group = id_of(record)
        members = None
        if group is not None:
            members = await self._members(_path(group), first.get(_path(group)))
        return record if members is None else with_members(record, members)

    async def _members(self, path: str, first: Listing | None) -> Sequence[Member] | None:
        """Return a group's members, or None if the list was not whole.

        A group that was deleted since it was listed has none to be sure of.
        """
        listed = self._walk(GROUPS, path, _MEMBER_PARAMS, key="members", first=first)
        found: list[Member] = []
        try:
            async with aclosing(listed) as pages:
                whole = await _collected(pages, found)
        except TerminalRemoteError as error:
            if error.code != "not_found":
                raise
            return None
        if not whole:
            return None
        if any(one.type == CUSTOMER for one in found):
            everybody = await self._all_people()
            return None if everybody is None else [*found, *everybody]
        return found

    async def _all_people(self) -> tuple[Member, ...] | None:
        """Return everybody in the company as members, or None if that list was not whole."""
        if self._everybody is None:
            self._everybody = asyncio.create_task(self._read_everybody())
        return await asyncio.shield(self._everybody)

    async def _read_everybody(self) -> tuple[Member, ...] | None:
        params = {
            "customer": self._customer,
            "maxResults": str(MAX_PEOPLE),
            "fields": "kind,nextPageToken,users(id)",
        }
        people: list[Member] = []
        whole = False
        async with aclosing(self._walk(PEOPLE, "users", params, key="users")) as pages:
            async for page in pages:
                ids = ids_of(page.records)
                people += [Member(id=one, type=USER) for one in ids if one is not None]
                whole = page.last and None not in ids
        return tuple(people) if whole else None

    def _walk(
        self,
        scope: str,
        path: str,
        params: Mapping[str, str],
        *,
        key: str,
        first: Listing | None = None,
    ) -> AsyncGenerator[Page, None]:
        """Walk a listing, of which the first page may be there already."""

        async def fetch(token: str | None) -> Listing:
            if token is None and first is not None:
                return first
            asked = params if token is None else {**params, "pageToken": token}
            return await self._server.page(scope, path, asked, key=key)

        return walk(fetch)


def _path(group: ExternalId) -> str:
    return f"groups/{segment(group)}/members"


async def _collected(pages: AsyncGenerator[Page, None], found: list[Member]) -> bool:
    """Add every page's members; say whether all came and could be told."""
    whole = False
    async for page in pages:
        members = members_in(page.records)
        if members is None:
            return False
        found += members
        whole = page.last
    return whole
