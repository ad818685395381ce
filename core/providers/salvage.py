"""Taking a page apart when one record in it breaks the fast decoder.

A lone surrogate, a broken value or very deep nesting in one record must cost that one person, not
the page. So the page is cut by brackets and strings alone, without looking into the records.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_COLON: Final = re.compile(rb"\s*:\s*")
_TEXT_VALUE: Final = re.compile(rb'\s*:\s*("(?:[^"\\]|\\.){1,2048}")')
_PAGE_DEPTH: Final = 1
_ID: Final = b'"id"'
_LIST_DEPTH: Final = 2


def cut_page(body: bytes, *, key: str = "Resources") -> tuple[bytes, list[bytes]] | None:
    """Return the page with its list of this name emptied, and the records that were in it.

    None if the brackets don't match or there is no such list: then the page itself is broken.
    """
    opening = _find_list(body, b'"' + key.encode() + b'"')
    if opening is None:
        return None
    cut = _records(body, opening, depth=_LIST_DEPTH)
    return None if cut is None else (body[: opening + 1] + b"]" + body[cut[1] :], cut[0])


def cut_list(body: bytes) -> list[bytes] | None:
    """Return the records of a page that is nothing but a list, or None if it is no whole one."""
    opening = len(body) - len(body.lstrip())
    if body[opening : opening + 1] != b"[":
        return None
    cut = _records(body, opening, depth=_LIST_DEPTH - 1)
    return None if cut is None or body[cut[1] :].strip() else cut[0]


def _records(body: bytes, opening: int, *, depth: int) -> tuple[list[bytes], int] | None:
    """Return the elements of the list that opens there, at this depth, and where it ends."""
    records: list[bytes] = []
    inside, start = depth, opening + 1
    for match in _TOKEN.finditer(body, start):
        token = match.group()
        if token in b"[{":
            inside += 1
        elif token in b"]}":
            inside -= 1
        if inside < depth or (token == b"," and inside == depth):
            records.append(body[start : match.start()].strip())
            start = match.end()
        if inside < depth:
            return ([] if records == [b""] else records), match.end()
    return None


def _find_list(body: bytes, key: bytes) -> int | None:
    """Return where the page's own list of this name opens."""
    depth = 0
    for match in _TOKEN.finditer(body):
        token = match.group()
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        elif token == key and depth == _PAGE_DEPTH:
            colon = _COLON.match(body, match.end())
            if colon is not None and body[colon.end() : colon.end() + 1] == b"[":
                return colon.end()
    return None


def top_level_id(record: bytes) -> str:
    """Return a record's own ``id``, or an empty string if it is no text or broken.

    Nothing else of the record needs to be readable. The last of several counts, as for decoders.
    """
    depth, text = 0, ""
    for match in _TOKEN.finditer(record):
        token = match.group()
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        elif depth == _PAGE_DEPTH and token == _ID:
            value = _TEXT_VALUE.match(record, match.end())
            text = _decoded(value.group(1)) if value else text
    return text


def _decoded(literal: bytes) -> str:
    try:
        return msgspec.json.decode(literal, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
