"""Telling an empty group from a listing that leaves members out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

MAX_PROBES: Final = 10
"""Single reads per listing of groups, at most."""

_KEY: Final = b'"members"'
_NO_MEMBERS: Final = b',"members":[]}'

Probe = Callable[[bytes], Awaitable[bytes | None]]
"""Reads one listed group singly; None if it is gone or has no id."""


class MemberEvidence:
    """Decides whether a listed group without ``members`` is empty.

    RFC 7643 §2.5 lets a server leave out an empty list, and some servers leave members out of
    listings altogether. Where any group of the listing shows members, a group without is empty.
    Where none does, some are read singly: what such a read shows is true of that group, and if one
    has members after all, the listing tells nothing about the others. A group that is known to be
    empty gets an explicit empty list; one that isn't stays without, which decodes as incomplete.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._listing_shows = False
        self._listing_hides = False
        self._probes = 0

    async def settle(self, records: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the page's groups, those that are known to be empty marked so."""
        bare = [record for record in records if _KEY not in record]
        if len(bare) < len(records):
            self._listing_shows = True
        if not bare or self._listing_hides:
            return tuple(records)
        if self._listing_shows:
            return tuple(marked_empty(one) if _KEY not in one else one for one in records)
        return await self._by_probing(records)

    async def _by_probing(self, records: Sequence[bytes]) -> tuple[bytes, ...]:
        settled = []
        for record in records:
            if self._listing_hides or self._probes >= MAX_PROBES:
                settled.append(record)
                continue
            self._probes += 1
            single = await self._probe(record)
            if single is not None and _KEY in single:
                self._listing_hides = True
                settled.append(record)
            else:
                settled.append(record if single is None else marked_empty(record))
        return tuple(settled)


def shows_members(record: bytes) -> bool:
    """Whether a record has a list of members at all."""
    return _KEY in record


def marked_empty(record: bytes) -> bytes:
    """Return a record without members with an explicit empty list of them."""
    body = record.rstrip()
    if not body.endswith(b"}") or body[1:-1].strip() == b"":
        return record
    return body[:-1] + _NO_MEMBERS
