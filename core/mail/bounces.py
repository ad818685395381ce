"""Delivery reports (RFC 3464): which of our messages came back, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

from core.errors import UsageError

LONGEST = 10_000_000
_OURS = re.compile(r"<(?:invitation|welcome)-\d{1,18}\.[A-Za-z0-9-]{1,40}@dirsync>")
_HEADER = re.compile(r"^Message-ID:\s*(<[^>\s]{1,200}>)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """A message that came back; `status` is the report's, such as ``5.1.1``."""

    message_id: str
    status: str


def read_report(content: bytes) -> Bounce | None:
    """Return which message of ours came back for good, or None if none did.

    A report of a delay, or of a delivery, is none. Raises `UsageError` (code
    ``no_delivery_report``) for anything that is no report.
    """
    if len(content) > LONGEST:
        raise UsageError("That file is too large for a delivery report.", code="no_delivery_report")
    message = message_from_bytes(content, policy=policy.compat32)
    parts = [*message.walk()]
    report = [each for each in parts if each.get_content_type() == "message/delivery-status"]
    if not report:
        raise UsageError(
            "That is no delivery report (RFC 3464).",
            code="no_delivery_report",
            hint="Give the whole message as it came, headers and all.",
        )
    status = next((found for each in report for found in _failures(each)), "")
    returned = next((found for each in parts for found in _message_ids(each)), "")
    return Bounce(message_id=returned, status=status) if status and returned else None


def _failures(report: Message) -> Iterator[str]:
    blocks = report.get_payload()
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, Message):
            continue
        failed = str(block.get("Action", "")).strip().casefold() == "failed"
        status = _STATUS.search(str(block.get("Status", "")))
        if failed and status and status[0].startswith("5"):
            yield status[0]


def _message_ids(part: Message) -> Iterator[str]:
    """Yield our Message-ID out of what was returned: the message, or its headers alone."""
    kind, inner, text = part.get_content_type(), part.get_payload(), ""
    if kind == "message/rfc822" and isinstance(inner, list) and isinstance(inner[0], Message):
        text = str(inner[0].get("Message-ID", ""))
    elif kind in {"text/rfc822-headers", "message/global-headers"}:
        found = _HEADER.search(str(inner))
        text = found[1] if found else ""
    ours = _OURS.search(text)
    if ours:
        yield ours[0]
