"""Several GETs in one request, by "Combine multiple HTTP requests using JSON batching"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from core.errors import PermissionMissingError, RemoteError, TerminalRemoteError
from core.providers.entra.graph import Graph
from core.providers.entra.listing import Listing, parse_listing
from core.providers.entra.rights import missing_right

AT_MOST: Final = 20
"""Requests in a batch."""

_OK: Final = 200
_NO_BATCHES: Final = frozenset({400, 404, 405, 501})


class _Request(msgspec.Struct):
    id: str
    url: str
    method: str = "GET"


class _Response(msgspec.Struct):
    id: str
    status: int
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Responses(msgspec.Struct):
    responses: list[_Response] = []


class Batches:
    """Reads first pages of collections in batches.

    A page that does not come well in a batch is not in its answer: whoever wants it asks for it
    singly, with all that holds for single requests. Where batches are refused, none is sent again.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._work = True

    async def pages(self, urls: Sequence[str], *, right: str) -> Mapping[str, Listing]:
        """Return the pages of these URLs (relative ones, at most twenty) that came well."""
        if not self._work or len(urls) < 2:  # noqa: PLR2004 - one request needs no batch
            return {}
        asked = {str(n): url for n, url in enumerate(urls)}
        requests = [_Request(id=number, url=f"/{url}") for number, url in asked.items()]
        try:
            answer = await self._graph.client.post_json(
                "$batch", msgspec.json.encode({"requests": requests})
            )
        except PermissionMissingError as error:
            raise missing_right(error, right, admin=self._graph.admin) from error
        except TerminalRemoteError as error:
            if error.status not in _NO_BATCHES:
                raise
            self._work = False
            return {}
        found = ((asked.get(one.id, ""), self._page(one)) for one in _responses(answer.body))
        return {url: page for url, page in found if url and page is not None}

    def _page(self, response: _Response) -> Listing | None:
        wait = {name.lower(): value for name, value in response.headers.items()}
        self._graph.hold_back(wait)
        if response.status != _OK:
            return None
        try:
            return parse_listing(bytes(response.body), host=self._graph.client.host)
        except RemoteError:
            return None


def _responses(body: bytes) -> list[_Response]:
    try:
        return msgspec.json.decode(body, type=_Responses).responses
    except (ValueError, RecursionError):
        return []
