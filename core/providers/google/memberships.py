"""Which groups one person is in, by "Method: members.hasMember", which follows nested groups.

"Yes" is enough. "No" is not: nested memberships across domains are answered with ``Invalid input``,
and the reference says nothing of groups that have the whole company in them (a member of the type
``CUSTOMER``). So "no" has the members of those groups read. ``groups.list`` with ``userKey`` is no
better: it knows direct memberships only.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Final

import msgspec

from core.errors import TerminalRemoteError
from core.model.directory import ExternalId, Memberships
from core.providers.google.listing import not_google
from core.providers.google.server import GoogleServer, segment
from core.providers.google.signing import GROUPS
from core.providers.side_by_side import in_order

_AT_ONCE: Final = 4
_INVALID_INPUT: Final = 400


class _Answer(msgspec.Struct):
    isMember: bool  # noqa: N815 - the name on the wire


async def held_by(
    server: GoogleServer, person: ExternalId, groups: Collection[ExternalId]
) -> Memberships:
    """Say which groups have the person in them; one request a group."""
    ordered = sorted(groups)
    work = partial(_has, server, person)
    answers = [one async for one in in_order(ordered, work, at_once=_AT_ONCE)]
    held = frozenset(group for group, has in zip(ordered, answers, strict=True) if has)
    return Memberships(groups=held, whole=len(held) == len(ordered))


async def _has(server: GoogleServer, person: ExternalId, group: ExternalId) -> bool:
    """Whether Google says that the person is in the group; False may mean anything else."""
    path = f"groups/{segment(group)}/hasMember/{segment(person)}"
    try:
        raw = await server.single(GROUPS, path, {"fields": "isMember"})
    except TerminalRemoteError as error:
        if error.status != _INVALID_INPUT:
            raise
        return False
    if raw is None:
        return False
    try:
        return msgspec.json.decode(raw, type=_Answer).isMember
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise not_google(server.host, "it does not say whether somebody is in a group") from error
