"""Groups with their members: a listing of groups, and one of people for each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import Final
from urllib.parse import quote

from core.errors import TerminalRemoteError
from core.model.directory import ExternalId
from core.providers.decoding import id_of, ids_of
from core.providers.okta.listing import Listing
from core.providers.okta.paging import walk
from core.providers.okta.records import with_members
from core.providers.okta.server import OktaServer
from core.providers.okta.signing import GROUPS
from core.providers.side_by_side import in_order

LIMIT: Final = 200
"""Groups a page, and members a page, as Okta recommends for both."""

_AT_ONCE: Final = 4


async def completed(server: OktaServer, records: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return listed groups with their members; a list that was not whole is left out.

    A few are read at once. Without its members a group decodes as incomplete.
    """
    work = partial(_with_members, server)
    return tuple([one async for one in in_order(records, work, at_once=_AT_ONCE)])


async def _with_members(server: OktaServer, record: bytes) -> bytes:
    group = id_of(record)
    members = await _members(server, group) if group is not None else None
    return record if members is None else with_members(record, members)


async def _members(server: OktaServer, group: ExternalId) -> Sequence[str] | None:
    """Return the ids of a group's people, or None if the list was not whole.

    A group that was deleted since it was listed has none to be sure of.
    """
    path = f"{GROUPS}/{quote(group, safe='')}/users"

    async def fetch(link: str | None) -> Listing:
        if link is not None:
            return await server.follow(path, link)
        return await server.page(path, {"limit": str(LIMIT)})

    members: list[str] = []
    whole = False
    try:
        async with aclosing(walk(fetch, limit=LIMIT)) as pages:
            async for page in pages:
                ids = ids_of(page.records)
                members += [one for one in ids if one is not None]
                whole = page.last and None not in ids
    except TerminalRemoteError as error:
        if error.code != "not_found":
            raise
        return None
    return members if whole else None
