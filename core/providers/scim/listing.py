"""One page of a SCIM listing: checked, and taken apart without decoding its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from core.errors import RemoteError, TerminalRemoteError
from core.http.faults import from_status
from core.http.redaction import Redactor
from core.providers.salvage import cut_page

CALLED: Final = "The SCIM server"
"""What texts for people call it."""
_LIST_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:listresponse"
_ERROR_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:error"
_MAX_CURSOR: Final = 8192


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A ListResponse (RFC 7644 §3.4.2) with its records as raw bytes.

    Attributes:
        records: each resource's bytes, or None if the answer has no ``Resources``.
        total: ``totalResults``; optional with cursors (RFC 9865 §2).
        start_index: the echo, or None.
        next_cursor: an empty string is kept apart from None, which is the explicit end.
    """

    records: Sequence[bytes] | None
    total: int | None
    start_index: int | None
    next_cursor: str | None


class _Head(msgspec.Struct, frozen=True):
    schemas: list[str] = []
    totalResults: int | None = None  # noqa: N815 - the name on the wire
    startIndex: int | None = None  # noqa: N815 - likewise
    nextCursor: str | None = None  # noqa: N815 - likewise
    status: str | int | None = None
    detail: str | None = None


class _Whole(_Head, frozen=True):
    Resources: list[msgspec.Raw] | None = None


_WHOLE: Final = msgspec.json.Decoder(_Whole)
_HEAD: Final = msgspec.json.Decoder(_Head)


def parse_listing(body: bytes, *, host: str, redactor: Redactor) -> Listing:
    """Return the page, or raise what its answer amounts to.

    `TerminalRemoteError` with code ``not_json`` or ``not_scim`` if it is no ListResponse; for a
    SCIM error that came with status 200, the error that it describes.
    """
    head, records = _taken_apart(body, host)
    kinds = {schema.lower() for schema in head.schemas}
    if _ERROR_SCHEMA in kinds:
        raise _described(head, body, host=host, redactor=redactor)
    if _LIST_SCHEMA not in kinds:
        raise not_scim(host, "the answer does not say that it is a list")
    if head.totalResults is not None and head.totalResults < 0:
        raise not_scim(host, "totalResults is negative")
    if head.nextCursor is not None and len(head.nextCursor) > _MAX_CURSOR:
        raise not_scim(host, "the next cursor is endless")
    return Listing(
        records=records,
        total=head.totalResults,
        start_index=head.startIndex,
        next_cursor=head.nextCursor,
    )


def _taken_apart(body: bytes, host: str) -> tuple[_Head, Sequence[bytes] | None]:
    try:
        whole = _WHOLE.decode(body)
    except msgspec.ValidationError as error:
        raise not_scim(host, "a field of the list has the wrong type") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _salvaged(body, host, error)
    if whole.Resources is None:
        return whole, None
    return whole, [bytes(raw) for raw in whole.Resources]


def _salvaged(body: bytes, host: str, error: Exception) -> tuple[_Head, Sequence[bytes]]:
    cut = cut_page(body)
    if cut is None:
        raise broken_json(host) from error
    skeleton, records = cut
    try:
        return _HEAD.decode(skeleton), records
    except msgspec.ValidationError as wrong:
        raise not_scim(host, "a field of the list has the wrong type") from wrong
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as broken:
        raise broken_json(host) from broken


def _described(head: _Head, body: bytes, *, host: str, redactor: Redactor) -> RemoteError:
    text = str(head.status or "")
    status = int(text) if text.isascii() and text.isdigit() and len(text) == len("500") else 500
    return from_status(
        status, peer=f"{CALLED} at {host}", body=body, retry_after=None, redactor=redactor
    )


def broken_json(host: str) -> TerminalRemoteError:
    """Return the error for a body that is cut short or no JSON."""
    return TerminalRemoteError(
        f"{host} answered with JSON that is broken or cut short.",
        code="not_json",
        hint="If it stays, look at the server and the proxies in between.",
    )


def not_scim(host: str, what: str) -> TerminalRemoteError:
    """Return the error for JSON that is no SCIM list."""
    return TerminalRemoteError(
        f"{host} did not answer as a SCIM 2.0 server: {what}.",
        code="not_scim",
        hint="Check the URL; it usually ends in /scim/v2.",
    )
