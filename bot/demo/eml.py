"""Reads one .eml file (RFC 5322, MIME), however broken it is, into what the mailbox shows."""

from __future__ import annotations

import email
import email.message
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_LONGEST_HEADER = 1_000


@dataclass(frozen=True, kw_only=True)
class TextPart:
    """A run of text; a link when it is an http or https address."""

    text: str
    link: bool


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The headers that a list shows."""

    to: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A whole mail.

    Attributes:
        text: the plain text, or an empty string.
        html: the formatted text as it arrived, which nobody may trust, or an empty string.
        problems: in words, what is wrong with the file.
    """

    sender: str
    to: str
    subject: str
    date: str
    text: str
    html: str
    attachments: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def text_parts(self) -> list[TextPart]:
        """The plain text, cut where links begin and end."""
        return list(_parts(self.text))


def read_envelope(head: bytes) -> Envelope:
    """The envelope, from the bytes at the start of a mail. Nothing makes it fail."""
    message = BytesHeaderParser(policy=email.policy.compat32).parsebytes(head)
    return Envelope(
        to=_header(message, "to") or "(nobody)",
        subject=_header(message, "subject") or "(no subject)",
    )


def read_letter(content: bytes) -> Letter:
    """The whole mail. Nothing makes it fail: what cannot be read is told in ``problems``."""
    head = BytesHeaderParser(policy=email.policy.compat32).parsebytes(content)
    envelope = read_envelope(content)
    body = _read_body(content)
    problems = list(body.problems)
    if not head.keys():
        problems.append("This file has no mail headers.")
    return Letter(
        sender=_header(head, "from") or "(nobody)",
        to=envelope.to,
        subject=envelope.subject,
        date=_header(head, "date") or "(no date)",
        text="\n".join(body.texts["text/plain"]),
        html="\n".join(body.texts["text/html"]),
        attachments=tuple(body.attachments),
        problems=tuple(problems),
    )


@dataclass(frozen=True, kw_only=True)
class _Contents:
    texts: dict[str, list[str]]
    attachments: list[str]
    problems: list[str]


def _read_body(content: bytes) -> _Contents:
    body = _Contents(texts={"text/plain": [], "text/html": []}, attachments=[], problems=[])
    try:
        message = email.message_from_bytes(content, policy=email.policy.compat32)
        parts = list(message.walk())
    except RecursionError:
        body.problems.append("This mail has too many parts within parts to be shown.")
        return body
    for part in parts:
        kind = part.get_content_type()
        if part.is_multipart():
            continue
        if kind in body.texts and part.get_content_disposition() != "attachment":
            body.texts[kind].append(_text(part))
        else:
            body.attachments.append(_filename(part) or kind)
    if any(part.defects for part in parts):
        body.problems.append("This mail is not well formed; what could be read is shown.")
    return body


def _header(message: email.message.Message, name: str) -> str:
    values = (value for key, value in message.raw_items() if key.lower() == name)
    return _decoded(str(next(values, "")))


def _decoded(raw: str) -> str:
    written = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        text = str(make_header(decode_header(written)))
    except (MessageError, LookupError, ValueError):
        text = written
    return " ".join(_printable(text).split())[:_LONGEST_HEADER]


def _printable(text: str) -> str:
    """The text without lone surrogates, which some charsets decode to and no page can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _filename(part: email.message.Message) -> str:
    try:
        return _decoded(part.get_filename() or "")
    except (LookupError, ValueError):
        return "(a name that cannot be read)"


def _text(part: email.message.Message) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        return _printable(content.decode(str(part.get_content_charset("utf-8")), "replace"))
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _parts(text: str) -> Iterator[TextPart]:
    at = 0
    for link in _LINK.finditer(text):
        if link.start() > at:
            yield TextPart(text=text[at : link.start()], link=False)
        yield TextPart(text=link.group(), link=True)
        at = link.end()
    if at < len(text):
        yield TextPart(text=text[at:], link=False)
