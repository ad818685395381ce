"""Finding one person at a SCIM server by filter (RFC 7644 §3.4.2.2), which is tried before trusted.

Servers are met that ignore a filter, refuse it, or answer with an empty list to one that they do
not understand. So whoever comes must be whom was asked for, and "nobody" counts only from a server
that finds somebody who is there. Otherwise the whole listing is read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec

from core.errors import RecordError, RemoteError
from core.model.directory import ExternalId, Page, ProviderUser
from core.providers.finding import Identify, find_listed, named, the_only
from core.providers.scim.listing import Listing, not_scim
from core.providers.scim.records import UserDecoder
from core.providers.scim.server import ScimServer

_USER_NAME: Final = "userName"
_EMAIL: Final = "emails.value"
_NO_FILTER: Final = frozenset({400, 403, 501})
_NO_SUCH_ID: Final = frozenset({400, 404, 405, 501})
_AT_MOST: Final = 10


class PersonFinder:
    """Asks for one person; remembers which attributes the server filters by rightly."""

    def __init__(
        self,
        server: ScimServer,
        *,
        decoder: UserDecoder,
        identify: Identify,
        listing: Callable[[], AsyncGenerator[Page, None]],
    ) -> None:
        self._server = server
        self._decode = decoder.decode
        self._selection = decoder.plan.selection
        self._identify = identify
        self._listing = listing
        self._filters: dict[str, bool] = {}

    async def find(self, name: str) -> bytes | None:
        """Return the one person's raw record, or None; see `IdentityProvider.find_user`."""
        found = await self._by_id(name)
        for attribute in (_USER_NAME, _EMAIL):
            matching = await self._matching(attribute, name)
            if matching is None or not (matching or await self._finds_somebody(attribute)):
                return await find_listed(
                    self._listing(), name, decode=self._decode, identify=self._identify
                )
            found |= matching
        return the_only(found, name)

    async def _by_id(self, name: str) -> dict[ExternalId, bytes]:
        try:
            raw = await self._server.single("Users", name, selection=self._selection)
        except RemoteError as error:
            if error.status in _NO_SUCH_ID or error.code == "not_scim":
                return {}
            raise
        if raw is None:
            return {}
        if self._identify(raw) != name:
            raise not_scim(self._server.client.host, "it answered with somebody else's record")
        return {ExternalId(name): raw}

    async def _matching(self, attribute: str, value: str) -> dict[ExternalId, bytes] | None:
        """Return who is called so; None if the answer is not that of a server that filters."""
        text = msgspec.json.encode(value).decode()
        try:
            listing = await self._first_page({"filter": f"{attribute} eq {text}"})
        except RemoteError as error:
            if error.status not in _NO_FILTER:
                raise
            return None
        records = listing.records or ()
        plain = value.casefold().encode()
        if (listing.total or 0) > _AT_MOST or any(plain not in raw.lower() for raw in records):
            return None
        return named(records, value, decode=self._decode, identify=self._identify)

    async def _first_page(self, more: dict[str, str]) -> Listing:
        manner = await self._server.manner()
        start = {"cursor": ""} if manner.by_cursor else {"startIndex": "1"}
        paging = {**start, "count": str(_AT_MOST), **more}
        return await self._server.page("Users", paging, selection=self._selection)

    async def _finds_somebody(self, attribute: str) -> bool:
        """Whether the server finds by this attribute somebody whom it lists; tried once."""
        if attribute not in self._filters:
            self._filters[attribute] = await self._finds_known(attribute)
        return self._filters[attribute]

    async def _finds_known(self, attribute: str) -> bool:
        listing = await self._first_page({})
        for raw in listing.records or ():
            known = self._readable(raw)
            names = known and ([known.user_name] if attribute == _USER_NAME else known.emails)
            if known and names:
                return known.external_id in (await self._matching(attribute, names[0]) or {})
        return True

    def _readable(self, raw: bytes) -> ProviderUser | None:
        try:
            return self._decode(raw)
        except RecordError:
            return None
