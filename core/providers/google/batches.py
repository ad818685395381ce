"""Several GETs in one request, by "Sending Batch Requests" of the Directory API.

Each counts as a request of its own against the quota, which is why there are not many in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from core.errors import TerminalRemoteError
from core.http.client import Answer
from core.providers.google.listing import Listing, parse_listing
from core.providers.google.server import API, GoogleServer

AT_MOST: Final = 50
"""Requests in a batch; Google takes a thousand."""

_NO_BATCHES: Final = frozenset({400, 404, 405, 501})
_OK: Final = 200
_CUT: Final = "cut_of_dirsync"
_BOUNDARY: Final = re.compile(r'boundary="?([^";\s]+)"?')
_ID: Final = re.compile(rb"^content-id:[ \t]*<response-item-(\d+)>", re.IGNORECASE | re.MULTILINE)
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_BLANK: Final = b"\r\n\r\n"


class Batches:
    """Reads first pages of listings in batches.

    A page that does not come well in a batch is not in its answer: whoever wants it asks for it
    singly, with all that holds for single requests. Where batches are refused, none is sent again.
    """

    def __init__(self, server: GoogleServer) -> None:
        self._server = server
        self._work = True

    async def pages(
        self, scope: str, paths: Sequence[str], params: Mapping[str, str], *, key: str
    ) -> Mapping[str, Listing]:
        """Return the pages of these listings (at most fifty) that came well, by path."""
        if not self._work or len(paths) < 2:  # noqa: PLR2004 - one request needs no batch
            return {}
        query = urlencode({**params, "prettyPrint": "false"})
        content = _rendered([f"GET {API}{path}?{query} HTTP/1.1" for path in paths])
        try:
            answer = await self._server.batch(scope, content, boundary=_CUT)
        except TerminalRemoteError as error:
            if error.status not in _NO_BATCHES:
                raise
            self._work = False
            return {}
        found = {}
        for number, body in _well(answer):
            listing = self._listing(body, key)
            if listing is not None and number < len(paths):
                found[paths[number]] = listing
        return found

    def _listing(self, body: bytes, key: str) -> Listing | None:
        answer = Answer(status=_OK, headers={}, body=body)
        try:
            return parse_listing(answer, key=key, host=self._server.host)
        except TerminalRemoteError:
            return None


def _rendered(lines: Sequence[str]) -> bytes:
    kind = "Content-Type: application/http"
    parts = (
        f"--{_CUT}\r\n{kind}\r\nContent-ID: <item-{number}>\r\n\r\n{line}\r\n\r\n\r\n"
        for number, line in enumerate(lines)
    )
    return f"{''.join(parts)}--{_CUT}--\r\n".encode()


def _well(answer: Answer) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the body of each answer that is a success and whole (RFC 2046 §5.1)."""
    cut = _BOUNDARY.search(answer.headers.get("content-type", ""))
    if cut is None:
        return
    for part in answer.body.split(f"--{cut.group(1)}".encode())[1:]:
        outer, _, inner = part.partition(_BLANK)
        head, _, rest = inner.partition(_BLANK)
        number, status, length = _ID.search(outer), _STATUS.match(head), _LENGTH.search(head)
        body = rest.removesuffix(b"\r\n")
        whole = length is None or int(length.group(1)) == len(body)
        if number and status and int(status.group(1)) == _OK and whole:
            yield int(number.group(1)), body
