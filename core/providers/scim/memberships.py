"""The groups of one person at a SCIM server, by filter (RFC 7644 §3.4.2.2): ``members.value eq``.

The user's own ``groups`` (RFC 7643 §4.1.2) are not asked: they may have memberships in them that
are worked out otherwise than by the members that groups show, by which a whole cycle goes. A filter
is tried before it is trusted: nobody of a made-up id is in any group. "Found" is then enough;
"not found" is not, since lists of members may be hidden or cut short: all groups are read for it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import Final

import msgspec

from core.errors import RemoteError
from core.model.directory import ExternalId, Memberships, Page
from core.providers.decoding import id_of

_NO_FILTER: Final = frozenset({400, 403, 404, 501})
_MOST_QUESTIONS: Final = 30

Listed = Callable[[str], AsyncGenerator[Page, None]]
"""Lists the names of the groups that a filter admits."""


async def held_by(
    listed: Listed, person: ExternalId, groups: Collection[ExternalId]
) -> Memberships:
    """Say which groups certainly have the person in them; at most so many questions and one."""
    nobody = Memberships(groups=frozenset(), whole=False)
    if await _holders(listed, ExternalId(str(uuid.uuid4()))) != frozenset():
        return nobody
    wanted, held, asked = set(groups), set[ExternalId](), set[ExternalId]()
    waiting = [person]
    while waiting and len(asked) < _MOST_QUESTIONS and not wanted <= held:
        one = waiting.pop(0)
        asked.add(one)
        found = await _holders(listed, one)
        if found is None:
            break
        waiting += sorted(found - held - asked)
        held |= found
    return Memberships(groups=frozenset(held & wanted), whole=wanted <= held)


async def _holders(listed: Listed, member: ExternalId) -> frozenset[ExternalId] | None:
    """Return the groups that have this direct member; None from a server that does not filter."""
    condition = f"members.value eq {msgspec.json.encode(member).decode()}"
    found: set[ExternalId] = set()
    whole = False
    try:
        async with aclosing(listed(condition)) as pages:
            async for page in pages:
                found |= {one for one in map(id_of, page.records) if one is not None}
                whole = page.last
    except RemoteError as error:
        if error.status not in _NO_FILTER:
            raise
        return None
    return frozenset(found) if whole else None
