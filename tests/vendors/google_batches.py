"""Batches of the Directory API, taken apart and put together as "Sending Batch Requests" has it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP

from tests.vendors.google_tokens import GoogleError

MOST = 1000
_LINE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)(?: HTTP/1\.1)?")
CUT = "batch_of-the-tests"


@dataclass(frozen=True, kw_only=True)
class Inner:
    """One call of a batch."""

    content_id: str
    method: str
    target: str


def calls_in(kind: str, body: bytes) -> Sequence[Inner]:
    """Return the calls of a batch; what is none is refused."""
    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    if whole.get_content_type() != "multipart/mixed" or whole.defects:
        raise GoogleError(400, "badRequest", "Failed to parse batch request.")
    found = []
    for part in whole.iter_parts():
        payload = part.get_payload(decode=True)
        line = _LINE.match(payload.decode())
        content_id = str(part["Content-ID"] or "")
        if part.get_content_type() != "application/http" or line is None:
            raise GoogleError(400, "badRequest", "Failed to parse batch request, part.")
        if not re.fullmatch(r"<[^<>]+>", content_id):
            raise GoogleError(400, "badRequest", "Content-ID is missing.")
        found.append(Inner(content_id=content_id, method=line[1], target=line[2]))
    if not 0 < len(found) <= MOST or len({one.content_id for one in found}) != len(found):
        raise GoogleError(400, "badRequest", "The batch request is empty or too large.")
    return found


def rendered(answers: Mapping[str, tuple[int, bytes]]) -> bytes:
    """Return the answer to a batch: status and body of each call, by its content id."""
    parts = []
    for content_id, (status, body) in answers.items():
        head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json; charset=UTF-8\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        outer = f"Content-Type: application/http\r\nContent-ID: <response-{content_id[1:]}\r\n\r\n"
        parts.append(f"--{CUT}\r\n{outer}{head}".encode() + body + b"\r\n")
    return b"".join(parts) + f"--{CUT}--\r\n".encode()
