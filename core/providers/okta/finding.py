"""Finding one person by filter, and by search where only the case of the letters differs.

A filter answers from the directory itself but minds the case; a search does not, but may be a
moment old. So whom only the search finds is read again by id before anything is believed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from core.model.directory import ExternalId
from core.providers.decoding import id_of
from core.providers.finding import named, the_only
from core.providers.okta.listing import Listing
from core.providers.okta.records import UserDecoder

_ATTRIBUTES: Final = ("id", "profile.login", "profile.email")
_MAX_NAME: Final = 256
_AT_MOST: Final = 10

Ask = Callable[[dict[str, str]], Awaitable[Listing]]
"""Requests a page of people with these parameters."""


class PersonFinder:
    """Asks for one person by id, login or e-mail."""

    def __init__(self, ask: Ask, *, decoder: UserDecoder) -> None:
        self._ask = ask
        self._decoder = decoder

    async def find(self, name: str) -> bytes | None:
        """Return the one person's raw record, or None; see `IdentityProvider.find_user`.

        Somebody deactivated is only found if nobody else is called so: Okta keeps their name.
        """
        if not name.strip() or len(name) > _MAX_NAME:
            return None
        condition = _any_of(_ATTRIBUTES, name)
        found = self._named(await self._records("filter", condition), name)
        others = [
            key
            for raw in await self._records("search", condition)
            if (key := id_of(raw)) is not None and key not in found
        ]
        if others:
            again = " or ".join(_any_of(("id",), one) for one in others)
            found |= self._named(await self._records("filter", again), name)
        return the_only(self._preferred(found), name)

    async def _records(self, way: str, condition: str) -> Sequence[bytes]:
        listing = await self._ask({way: condition, "limit": str(_AT_MOST)})
        return listing.records

    def _named(self, records: Sequence[bytes], name: str) -> dict[ExternalId, bytes]:
        return named(records, name, decode=self._decoder.decode, identify=id_of)

    def _preferred(self, found: dict[ExternalId, bytes]) -> dict[ExternalId, bytes]:
        present = {key: raw for key, raw in found.items() if b'"DEPROVISIONED"' not in raw}
        return present or found


def _any_of(attributes: Sequence[str], value: str) -> str:
    """Return a filter; a value is a JSON string in it, so it cannot end itself."""
    text = msgspec.json.encode(value).decode()
    return " or ".join(f"{attribute} eq {text}" for attribute in attributes)
