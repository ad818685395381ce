"""One page of a Directory API listing, taken apart without decoding its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from core.errors import TerminalRemoteError
from core.http.client import Answer
from core.providers.salvage import cut_page

_MAX_TOKEN: Final = 8192
_KIND: Final = "admin#directory#"


class _Page(msgspec.Struct):
    kind: str = ""
    nextPageToken: str | None = None  # noqa: N815 - the name on the wire
    users: list[msgspec.Raw] = []
    groups: list[msgspec.Raw] = []
    members: list[msgspec.Raw] = []
    organizationUnits: list[msgspec.Raw] = []  # noqa: N815 - the name on the wire


_PAGE: Final = msgspec.json.Decoder(_Page)
_KINDS: Final = {"organizationUnits": "orgUnits"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A page of records as raw bytes, and the token of the next one, if there is one."""

    records: Sequence[bytes]
    next_token: str | None


def parse_listing(answer: Answer, *, key: str, host: str) -> Listing:
    """Return the page whose records stand under `key`.

    Google leaves an empty list out, so that only the page's ``kind`` says that it is one. Raises
    `TerminalRemoteError` (``not_json``, ``not_google``).
    """
    try:
        page, records = _PAGE.decode(answer.body), None
    except msgspec.ValidationError as error:
        raise not_google(host, "a page is not built as documented") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        page, records = _salvaged(answer.body, key, host, error)
    if page.kind != _KIND + _KINDS.get(key, key):
        raise not_google(host, f"the answer is no list of {key}")
    token = page.nextPageToken or None
    if token is not None and len(token) > _MAX_TOKEN:
        raise not_google(host, "the token of the next page is too long")
    found = [bytes(raw) for raw in getattr(page, key)] if records is None else records
    return Listing(records=found, next_token=token)


def _salvaged(body: bytes, key: str, host: str, error: Exception) -> tuple[_Page, list[bytes]]:
    cut = cut_page(body, key=key)
    if cut is not None:
        try:
            return _PAGE.decode(cut[0]), cut[1]
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            pass
    raise TerminalRemoteError(
        f"{host} answered with JSON that is broken or cut short.",
        code="not_json",
        hint="If it stays, look at the proxies in between.",
    ) from error


def not_google(host: str, what: str) -> TerminalRemoteError:
    """Return the error for JSON that the Directory API would not have sent."""
    return TerminalRemoteError(
        f"{host} did not answer as Google's Directory API: {what}.",
        code="not_google",
        hint="Leave url out of the configuration, unless there is a proxy in between.",
    )
