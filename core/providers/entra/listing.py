"""One page of a Graph collection: checked, and taken apart without decoding its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from core.errors import TerminalRemoteError
from core.providers.salvage import cut_page

_MAX_LINK: Final = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A collection's page as "Paging Microsoft Graph data" describes it.

    Attributes:
        records: each object's bytes.
        next_link: where the next page is; None is the end.
        delta_link: the end of a delta query's pages, and where the next one begins.
        count: how many there are in all, where it was asked for.
    """

    records: Sequence[bytes]
    next_link: str | None = None
    delta_link: str | None = None
    count: int | None = None


class _Head(msgspec.Struct, frozen=True):
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")
    delta_link: str | None = msgspec.field(default=None, name="@odata.deltaLink")
    count: int | None = msgspec.field(default=None, name="@odata.count")


class _Page(_Head, frozen=True):
    value: list[msgspec.Raw] | None = None


_PAGE: Final = msgspec.json.Decoder(_Page)
_HEAD: Final = msgspec.json.Decoder(_Head)


def parse_listing(body: bytes, *, host: str) -> Listing:
    """Return the page; `TerminalRemoteError` (``not_json``, ``not_graph``) if it is none."""
    head, records = _taken_apart(body, host)
    links = [link for link in (head.next_link, head.delta_link) if link is not None]
    if len(links) > 1:
        raise not_graph(host, "a page has both a next link and a delta link")
    if any(not link or len(link) > _MAX_LINK for link in links):
        raise not_graph(host, "a link is empty or endless")
    return Listing(
        records=records,
        next_link=head.next_link,
        delta_link=head.delta_link,
        count=head.count,
    )


def _taken_apart(body: bytes, host: str) -> tuple[_Head, Sequence[bytes]]:
    try:
        page = _PAGE.decode(body)
    except msgspec.ValidationError as error:
        raise not_graph(host, "a field of the collection has the wrong type") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _salvaged(body, host, error)
    if page.value is None:
        raise not_graph(host, "the collection has no value")
    return page, [bytes(raw) for raw in page.value]


def _salvaged(body: bytes, host: str, error: Exception) -> tuple[_Head, Sequence[bytes]]:
    cut = cut_page(body, key="value")
    if cut is None:
        raise _broken_json(host) from error
    skeleton, records = cut
    try:
        return _HEAD.decode(skeleton), records
    except msgspec.ValidationError as wrong:
        raise not_graph(host, "a field of the collection has the wrong type") from wrong
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as broken:
        raise _broken_json(host) from broken


def _broken_json(host: str) -> TerminalRemoteError:
    return TerminalRemoteError(
        f"{host} answered with JSON that is broken or cut short.",
        code="not_json",
        hint="If it stays, look at the proxies in between.",
    )


def not_graph(host: str, what: str) -> TerminalRemoteError:
    """Return the error for JSON that Microsoft Graph would not send."""
    return TerminalRemoteError(
        f"{host} did not answer as Microsoft Graph: {what}.",
        code="not_graph",
        hint="Check cloud and, if you set it, url: it usually ends in graph.microsoft.com/v1.0.",
    )
