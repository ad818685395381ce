"""The groups of one person at a SCIM server, by filter (RFC 7644 §3.4.2.2): ``members.value eq``.

The user's own ``groups`` (RFC 7643 §4.1.2) are not asked: they may have memberships in them that
are worked out otherwise than by the members that groups show, by which a whole cycle goes. A filter
is tried before it is trusted: nobody of a made-up id is in any group. "Found" is then enough;
"not found" is not, since lists of members may be hidden or cut short: the groups are read for it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from core.errors import RemoteError
from core.model.directory import ExternalId, Memberships, Page
from core.providers.decoding import id_of
from core.providers.scim.groups import Probe, marked_empty, shows_members

_NO_FILTER: Final = frozenset({400, 403, 404, 501})
_MOST_QUESTIONS: Final = 20
_IN_A_QUESTION: Final = 20

Listed = Callable[[str], AsyncGenerator[Page, None]]
"""Lists the names of the groups that a filter admits."""


async def held_by(
    listed: Listed, person: ExternalId, groups: Collection[ExternalId]
) -> Memberships:
    """Say which groups certainly have the person in them; at most so many questions and one."""
    nobody = Memberships(groups=frozenset(), whole=False)
    if await _holders(listed, ExternalId(str(uuid.uuid4()))) != frozenset():
        return nobody
    wanted, held = set(groups), set[ExternalId]()
    waiting, questions = [person], 0
    while waiting and questions < _MOST_QUESTIONS and not wanted <= held:
        found = await _holders(listed, *waiting[:_IN_A_QUESTION])
        if found is None:
            break
        waiting = waiting[_IN_A_QUESTION:] + sorted(found - held)
        held |= found
        questions += 1
    return Memberships(groups=frozenset(held & wanted), whole=wanted <= held)


async def with_members(
    records: Sequence[bytes],
    *,
    some: Callable[[], Awaitable[Sequence[bytes]]],
    single: Probe,
    listing: Callable[[], AsyncGenerator[Page, None]],
) -> Sequence[bytes]:
    """Return groups with their members: each read singly, if listings show members at all.

    Where they show none, only the whole listing tells what a whole cycle makes of that.
    """
    if any(map(shows_members, await some())):
        read = [(raw, await single(raw)) for raw in records]
        return [_settled(raw, found) for raw, found in read]
    whole: dict[ExternalId | None, bytes] = {}
    async with aclosing(listing()) as pages:
        async for page in pages:
            whole |= {id_of(raw): raw for raw in page.records}
    return [whole.get(id_of(raw), raw) for raw in records]


def _settled(listed: bytes, found: bytes | None) -> bytes:
    if found is None or id_of(found) != id_of(listed):
        return listed
    return found if shows_members(found) else marked_empty(found)


async def _holders(listed: Listed, *members: ExternalId) -> frozenset[ExternalId] | None:
    """Return the groups with one of these direct members; None where that cannot be asked."""
    texts = (msgspec.json.encode(member).decode() for member in members)
    condition = " or ".join(f"members.value eq {text}" for text in texts)
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
