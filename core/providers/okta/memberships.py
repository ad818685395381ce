"""The groups of one person, by "List all groups" of a user, which takes the scope for people.

Okta's groups hold people only, so these are all that have the person in them.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final
from urllib.parse import quote

from core.errors import TransientRemoteError
from core.model.directory import ExternalId
from core.providers.decoding import id_of
from core.providers.okta.listing import Listing, not_okta
from core.providers.okta.paging import walk
from core.providers.okta.server import OktaServer
from core.providers.okta.signing import USERS

LIMIT: Final = 200
"""Groups a page at most."""


async def groups_of(server: OktaServer, person: ExternalId) -> frozenset[ExternalId]:
    """Return the ids of all groups that the person is in.

    Raises `TransientRemoteError` (``listing_unfinished``) if the list had no explicit end.
    """
    path = f"{USERS}/{quote(person, safe='')}/groups"

    async def fetch(link: str | None) -> Listing:
        if link is not None:
            return await server.follow(path, link)
        return await server.page(path, {"limit": str(LIMIT)})

    found: set[ExternalId] = set()
    whole = False
    async with aclosing(walk(fetch, limit=LIMIT)) as pages:
        async for page in pages:
            for key in map(id_of, page.records):
                if key is None:
                    raise not_okta(server.client.host, "a group of somebody has no id")
                found.add(key)
            whole = page.last
    if not whole:
        raise TransientRemoteError(
            "The list of somebody's groups broke off.",
            code="listing_unfinished",
            hint="Try again.",
        )
    return frozenset(found)
