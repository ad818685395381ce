"""Finding one person by id, user name or primary e-mail among a provider's records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from core.errors import ConflictError, RecordError, TransientRemoteError
from core.model.directory import ExternalId, Page, ProviderUser

Decode = Callable[[bytes], ProviderUser]
Identify = Callable[[bytes], ExternalId | None]


def named(
    records: Sequence[bytes], name: str, *, decode: Decode, identify: Identify
) -> dict[ExternalId, bytes]:
    """Return whose id, user name or primary e-mail this is; who is unreadable has the id alone."""
    wanted = name.casefold()
    found: dict[ExternalId, bytes] = {}
    for raw in records:
        try:
            user = decode(raw)
        except RecordError:
            key = identify(raw)
            if key == name:
                found[key] = raw
            continue
        names = (user.user_name, *user.emails[:1])
        if user.external_id == name or wanted in map(str.casefold, names):
            found[user.external_id] = raw
    return found


async def find_listed(
    pages: AsyncGenerator[Page, None], name: str, *, decode: Decode, identify: Identify
) -> bytes | None:
    """Read a whole listing for one person.

    Raises `TransientRemoteError` if it has no explicit end: then nobody can say who is there.
    """
    found: dict[ExternalId, bytes] = {}
    whole = False
    async with aclosing(pages):
        async for page in pages:
            found |= await asyncio.to_thread(
                named, page.records, name, decode=decode, identify=identify
            )
            whole = page.last
    if not whole:
        raise TransientRemoteError(
            "The list of people changed or broke off while one person was looked for.",
            code="listing_unfinished",
            hint="Try again.",
        )
    return the_only(found, name)


def the_only(found: Mapping[ExternalId, bytes], name: str) -> bytes | None:
    """Return the one record, or None; raise `ConflictError` if there are several."""
    if len(found) > 1:
        raise ConflictError(
            f"{len(found)} people at the identity provider are called {name}.",
            code="several_people",
            hint="Name the one you mean by their id.",
        )
    return next(iter(found.values()), None)
