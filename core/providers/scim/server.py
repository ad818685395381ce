"""Requests to a SCIM server: its configuration, its listings, single records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from core.errors import RemoteError, TerminalRemoteError
from core.http.client import Answer, HttpClient
from core.http.pacing import server_time
from core.providers.scim.listing import Listing, not_scim, parse_listing

_ABSENT: Final = frozenset({404, 410})
_NO_CONFIG: Final = frozenset({400, 403, 404, 405, 406, 410, 500, 501})
_BAD_REQUEST: Final = 400
_MANY_DIGITS: Final = 1_000_000


class _Pagination(msgspec.Struct):
    cursor: bool = False
    index: bool = True
    defaultPaginationMethod: str | None = None  # noqa: N815 - the name on the wire
    maxPageSize: int | None = None  # noqa: N815 - likewise


class _Filter(msgspec.Struct):
    supported: bool | None = None
    maxResults: int | None = None  # noqa: N815 - likewise


class _Config(msgspec.Struct):
    pagination: _Pagination | None = None
    filter: _Filter | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How this server wants its listings to be read.

    Attributes:
        by_cursor: by RFC 9865 cursors, else by RFC 7644 §3.4.2.4 indexes.
        max_page: records per page at most, or None.
        declared: it has a readable ServiceProviderConfig.
        filters: it does not say that it cannot filter.
    """

    by_cursor: bool = False
    max_page: int | None = None
    declared: bool = False
    filters: bool = True


class ScimServer:
    """One server's endpoints, over the outbound client.

    Attributes:
        time: seconds on the server's clock, as its latest page said; None if it did not.
    """

    def __init__(self, client: HttpClient) -> None:
        self.client = client
        self.time: float | None = None
        self._manner: Manner | None = None
        self._unselective: set[str] = set()

    async def manner(self, *, patient: bool = True) -> Manner:
        """Return how to page, asking once for the ServiceProviderConfig (RFC 7643 §5).

        A server without one, or with an unreadable one, is read by index.
        """
        if self._manner is None:
            answer = await self._config_answer(patient=patient)
            self._manner = _read_config(answer) if answer is not None else Manner()
        return self._manner

    async def _config_answer(self, *, patient: bool) -> Answer | None:
        try:
            answer = await self.client.get_json(
                "ServiceProviderConfig", tolerate=_NO_CONFIG, patient=patient
            )
        except TerminalRemoteError as error:
            if error.code in {"html_login_page", "not_json", "empty_answer"}:
                return None
            raise
        return None if answer.status in _NO_CONFIG else answer

    async def page(
        self,
        endpoint: str,
        paging: Mapping[str, str],
        *,
        selection: str,
        patient: bool = True,
    ) -> Listing:
        """Return one page, asking for the selected attributes only.

        A server that refuses the selection with a 400 on a first page is asked without it from
        then on.
        """
        first = paging.get("startIndex") == "1" or paging.get("cursor") == ""
        chosen = {} if endpoint in self._unselective else {"attributes": selection}
        try:
            answer = await self.client.get_json(
                endpoint, params={**paging, **chosen}, patient=patient
            )
        except RemoteError as error:
            if error.status != _BAD_REQUEST or not chosen or not first:
                raise
            answer = await self.client.get_json(endpoint, params=paging, patient=patient)
            self._unselective.add(endpoint)
        self.time = server_time(answer.headers)
        listing = parse_listing(answer.body, host=self.client.host, redactor=self.client.redactor)
        _require(listing, paging, host=self.client.host)
        return listing

    async def single(self, endpoint: str, record_id: str, *, selection: str) -> bytes | None:
        """Return one record's bytes, or None if the server says that it is gone.

        Only a JSON answer counts as "gone": a proxy's own 404 says nothing about a person.
        """
        params = {} if endpoint in self._unselective else {"attributes": selection}
        answer = await self.client.get_json(
            f"{endpoint}/{quote(record_id, safe='')}", params=params, tolerate=_ABSENT
        )
        if answer.status not in _ABSENT:
            return answer.body
        if not _is_scim_error(answer):
            raise not_scim(self.client.host, "a missing record was not reported as SCIM does it")
        return None


def _read_config(answer: Answer) -> Manner:
    try:
        config = msgspec.json.decode(answer.body, type=_Config)
    except (ValueError, RecursionError):
        return Manner()
    paging = config.pagination or _Pagination()
    bounds = [paging.maxPageSize, config.filter.maxResults if config.filter else None]
    usable = [bound for bound in bounds if bound is not None and 0 < bound < _MANY_DIGITS]
    by_cursor = paging.cursor and (not paging.index or paging.defaultPaginationMethod != "index")
    return Manner(
        by_cursor=by_cursor,
        max_page=min(usable, default=None),
        declared=True,
        filters=config.filter is None or config.filter.supported is not False,
    )


def _is_scim_error(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.endswith("json") and answer.body.lstrip().startswith(b"{")


def _require(listing: Listing, paging: Mapping[str, str], *, host: str) -> None:
    """Refuse a list that lacks what its way of paging needs (RFC 7644 §3.4.2)."""
    start = paging.get("startIndex")
    if start is not None and listing.total is None:
        raise not_scim(host, "totalResults is missing")
    expected = listing.total is None or (start is None or int(start) <= listing.total)
    if listing.records is None and listing.total != 0 and expected:
        raise not_scim(host, "Resources is missing")
