"""The members of listed groups, a few groups at once.

Direct members are read (a request costs 3 units instead of 5 for transitive ones, by "Identity
and access service limits"); nested groups are listed themselves, and the engine looks through them
to any depth. ``$expand=members`` is no way: it shows 20 of them and no link to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import Final
from urllib.parse import quote

import msgspec

from core.errors import PermissionMissingError, RemoteError
from core.providers.entra.batches import AT_MOST, Batches
from core.providers.entra.graph import MAX_TOP, Graph, several
from core.providers.entra.listing import Listing, not_graph
from core.providers.entra.paging import walk
from core.providers.entra.records import ListedGroup, Member, group_record
from core.providers.entra.rights import GROUPS
from core.providers.unreadable import UNDECODABLE

SELECTION: Final = "id,displayName,visibility"
_GROUP: Final = msgspec.json.Decoder(ListedGroup)
_MEMBER: Final = msgspec.json.Decoder(Member)
_PARAMETERS: Final = {"$select": "id", "$top": str(MAX_TOP)}
_GONE: Final = 404


def is_hidden(group: ListedGroup) -> bool:
    """Whether only apps with `Member.Read.Hidden` see the group's members."""
    return (group.visibility or "").lower() == "hiddenmembership"


def read_group(raw: bytes) -> ListedGroup | None:
    """Return a listed group, or None if its record is unreadable."""
    try:
        return _GROUP.decode(raw)
    except UNDECODABLE:
        return None


class MemberReader:
    """Reads the members of listed groups: first pages in batches, the rest along their links."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._batches = Batches(graph)

    async def settle(self, records: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return listed groups with their members; an unreadable group's record stays as it is."""
        cuts = [records[start : start + AT_MOST] for start in range(0, len(records), AT_MOST)]
        settled = await several(partial(self._some, cut) for cut in cuts)
        return tuple(record for some in settled for record in some)

    async def _some(self, records: Sequence[bytes]) -> list[bytes]:
        groups = [read_group(raw) for raw in records]
        urls = [_url(group.id) for group in groups if group is not None and group.id]
        first = await self._batches.pages(urls, right=GROUPS)
        return [
            raw
            if group is None or not group.id
            else await self._one(group, first.get(_url(group.id)))
            for raw, group in zip(records, groups, strict=True)
        ]

    async def _one(self, group: ListedGroup, first: Listing | None) -> bytes:
        try:
            members, complete = await self._members_of(group.id, first)
        except PermissionMissingError:
            if not is_hidden(group):
                raise
            members, complete = [], False
        except RemoteError as error:
            if error.status != _GONE:
                raise
            # It was deleted after it was listed: nobody's leaving is concluded from it.
            members, complete = [], False
        # Hidden members can look like no members, so that an empty hidden group proves nothing.
        complete = complete and not (is_hidden(group) and not members)
        return group_record(group, members, complete=complete)

    async def _members_of(self, group_id: str, first: Listing | None) -> tuple[list[Member], bool]:
        """Return a group's direct members, and whether the list came to its end."""
        members: list[Member] = []
        complete = False
        pages = walk(self._graph, _path(group_id), _PARAMETERS, right=GROUPS)
        if first is not None:
            members = self._read(first)
            if first.next_link is None:
                return members, True
            pages = walk(self._graph, first.next_link, right=GROUPS)
        async with aclosing(pages):
            async for listing, _ in pages:
                complete = listing.next_link is None
                members += self._read(listing)
        return members, complete

    def _read(self, listing: Listing) -> list[Member]:
        try:
            return [_MEMBER.decode(raw) for raw in listing.records]
        except UNDECODABLE as error:
            raise not_graph(self._graph.client.host, "a member cannot be read") from error


def _path(group_id: str) -> str:
    return f"groups/{quote(group_id, safe='')}/members"


def _url(group_id: str) -> str:
    return f"{_path(group_id)}?" + "&".join(f"{key}={one}" for key, one in _PARAMETERS.items())
