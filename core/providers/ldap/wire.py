"""What a link and its worker process say to each other: frames of JSON on two pipes."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import BinaryIO, Final

import msgspec

LENGTH_BYTES: Final = 4
NOT_INSTALLED: Final = -9001
"""A code of our own beside LDAP's: the library is not there."""
UNEXPECTED: Final = -9002
"""Likewise: the library failed in a way of its own."""


class IdKind(StrEnum):
    """How an immutable id is written."""

    TEXT = "text"
    GUID = "guid"
    """16 bytes, the first three parts little-endian (MS-DTYP §2.3.4.2)."""
    HEX = "hex"


class Binary(msgspec.Struct, frozen=True):
    """A value that is no UTF-8 text."""

    base64: str


class Entry(msgspec.Struct, frozen=True):
    """An entry; as JSON it is the raw record that digests are made of.

    Attributes:
        id: the immutable id, or an empty string if it is not shown.
        values: lower-case attribute name -> its values in the server's order.
    """

    id: str
    dn: str
    values: dict[str, list[str | Binary]]


class Bind(msgspec.Struct, frozen=True, tag="bind"):
    """Connect and sign in; times in seconds."""

    url: str
    start_tls: bool
    mechanism: str
    timeout: float
    user: str | None = None
    password: str | None = None
    realm: str | None = None
    ca_file: str | None = None
    ca_folder: str | None = None
    certificate: str | None = None
    key: str | None = None


class Search(msgspec.Struct, frozen=True, tag="search"):
    """Begin a paged search; a further one forgets the one before."""

    base: str
    subtree: bool
    filter: str
    attributes: list[str]
    page_size: int
    id_attribute: str
    id_kind: IdKind
    timeout: float
    size_limit: int = 0


class More(msgspec.Struct, frozen=True, tag="more"):
    """The next page of the search."""


class Bound(msgspec.Struct, frozen=True, tag="bound"):
    """The sign-in worked."""


class Found(msgspec.Struct, frozen=True, tag="found"):
    """One page; `references` are URLs of what other servers hold (RFC 4511 §4.5.3)."""

    records: list[msgspec.Raw]
    references: list[str]
    last: bool


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """An LDAP result code, or a negative one of the library, with its text."""

    code: int
    text: str


Request = Bind | Search | More
Answer = Bound | Found | Failed

ENTRY: Final = msgspec.json.Decoder(Entry)


def frame(message: msgspec.Struct) -> bytes:
    """Return a message with its length before it."""
    body = msgspec.json.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def tell(pipe: BinaryIO, message: msgspec.Struct) -> None:
    """Write a message."""
    pipe.write(frame(message))
    pipe.flush()


def converse(
    requests: BinaryIO, answers: BinaryIO, reply: Callable[[bytes], msgspec.Struct]
) -> None:
    """Answer requests until there are no more."""
    while head := requests.read(LENGTH_BYTES):
        tell(answers, reply(requests.read(int.from_bytes(head, "big"))))
