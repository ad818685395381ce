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

import msgspec

from core.errors import PermissionMissingError, RemoteError
from core.providers.entra.graph import MAX_TOP, Graph, several
from core.providers.entra.listing import not_graph
from core.providers.entra.paging import walk
from core.providers.entra.records import ListedGroup, Member, group_record
from core.providers.entra.rights import GROUPS
from core.providers.unreadable import UNDECODABLE

SELECTION: Final = "id,displayName,visibility"
_GROUP: Final = msgspec.json.Decoder(ListedGroup)
_MEMBER: Final = msgspec.json.Decoder(Member)
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


async def with_members(graph: Graph, records: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return listed groups with their members; an unreadable group's record stays as it is."""
    return tuple(await several(partial(_one, graph, raw) for raw in records))


async def _one(graph: Graph, raw: bytes) -> bytes:
    group = read_group(raw)
    if group is None or not group.id:
        return raw
    try:
        members, complete = await members_of(graph, group.id)
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


async def members_of(graph: Graph, group_id: str) -> tuple[list[Member], bool]:
    """Return a group's direct members, and whether the list came to its end."""
    members: list[Member] = []
    complete = False
    target = f"groups/{group_id}/members"
    params = {"$select": "id", "$top": str(MAX_TOP)}
    async with aclosing(walk(graph, target, params, right=GROUPS)) as pages:
        async for listing, _ in pages:
            complete = listing.next_link is None
            try:
                members += [_MEMBER.decode(raw) for raw in listing.records]
            except UNDECODABLE as error:
                raise not_graph(graph.client.host, "a member cannot be read") from error
    return members, complete
