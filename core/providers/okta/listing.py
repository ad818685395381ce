"""One page of an Okta listing: taken apart without decoding its records, and its links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from core.errors import TerminalRemoteError
from core.http.client import Answer
from core.providers.salvage import cut_list

_LINK: Final = re.compile(r"<([^<>]*)>\s*((?:;[^,<]*)?)")
_RELATION: Final = re.compile(r'\brel\s*=\s*"?([^";,]*)')
_MAX_LINK: Final = 8192
_PAGE: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A page of records as raw bytes, and where the next one is.

    Attributes:
        next_link: the whole URL of the next page, or None.
        linked: the answer had links at all, so that a missing ``next`` means something.
    """

    records: Sequence[bytes]
    next_link: str | None
    linked: bool


def parse_listing(answer: Answer, *, path: str, host: str) -> Listing:
    """Return the page; raise `TerminalRemoteError` (``not_json``, ``not_okta``) if it is none.

    Args:
        answer: with the ``Link`` header (RFC 8288) that Okta pages by.
        path: what was asked for; a next page anywhere else is refused.
        host: for the error's text.
    """
    links = _links(answer.headers.get("link", ""))
    following = {target for relation, target in links if relation == "next"}
    if len(following) > 1:
        raise not_okta(host, "it names two next pages")
    next_link = following.pop() if following else None
    if next_link is not None and not _leads_to(path, next_link):
        raise not_okta(host, "the next page is of something else")
    return Listing(records=_records(answer.body, host), next_link=next_link, linked=bool(links))


def _links(header: str) -> list[tuple[str, str]]:
    found = []
    for target, parameters in _LINK.findall(header):
        relation = _RELATION.search(parameters)
        if relation is not None:
            found.append((relation.group(1).strip().lower(), target))
    return found


def _leads_to(path: str, link: str) -> bool:
    try:
        parts = urlsplit(link)
        return len(link) <= _MAX_LINK and bool(parts.netloc) and parts.path == path
    except ValueError:
        return False


def _records(body: bytes, host: str) -> Sequence[bytes]:
    try:
        return [bytes(raw) for raw in _PAGE.decode(body)]
    except msgspec.ValidationError as error:
        raise not_okta(host, "the answer is no list") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        records = cut_list(body)
        if records is None:
            raise TerminalRemoteError(
                f"{host} answered with JSON that is broken or cut short.",
                code="not_json",
                hint="If it stays, look at the proxies in between.",
            ) from error
        return records


def not_okta(host: str, what: str) -> TerminalRemoteError:
    """Return the error for JSON that Okta would not have sent."""
    return TerminalRemoteError(
        f"{host} did not answer as an Okta org: {what}.",
        code="not_okta",
        hint="Check the URL; it is the org's address, such as https://acme.okta.com.",
    )
