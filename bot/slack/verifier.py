"""The check of the raw body, in front of everything that parses it.

Source: docs.slack.dev/authentication/verifying-requests-from-slack (version v0).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

from aiohttp import web

LARGEST_BODY = 1_000_000
"""Bytes; Slack's own payloads stay far below."""
STALE_AFTER = 300
"""Seconds between the stamp and the arrival, in either direction."""
MOST_FIELDS = 200


class Verifier:
    """Lets through what Slack signed, within five minutes, and can be read."""

    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret.encode()
        self._clock = clock

    async def body(self, request: web.Request) -> str:
        """Return the body of a genuine request.

        Raises HTTPUnauthorized (401) for what is unsigned, stale or malformed, and
        HTTPRequestEntityTooLarge (413).
        """
        raw = await _bounded(request)
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not self.genuine(raw, stamp=stamp, signature=signature):
            raise web.HTTPUnauthorized(text="not signed by Slack")
        text = readable(raw, request.headers.get("Content-Type", ""))
        if text is None:
            raise web.HTTPUnauthorized(text="malformed")
        return text

    def genuine(self, raw: bytes, *, stamp: str, signature: str) -> bool:
        """Whether the signature is over this very body and stamp, and the stamp is recent."""
        if not re.fullmatch(r"[0-9]{1,12}", stamp):
            return False
        if abs(self._clock() - int(stamp)) > STALE_AFTER:
            return False
        base = b"v0:" + stamp.encode() + b":" + raw
        expected = "v0=" + hmac.new(self._secret, base, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


async def _bounded(request: web.Request) -> bytes:
    if (request.content_length or 0) > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, request.content_length or 0)
    parts, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, size)
        parts.append(chunk)
    return b"".join(parts)


def readable(raw: bytes, content_type: str) -> str | None:
    """Return the body as text if it is what Slack sends: an object as JSON, or a form."""
    try:
        text = raw.decode("utf-8")
        if content_type.partition(";")[0].strip().lower() == "application/json":
            return text if _is_object(text) else None
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return None
    if text.lstrip().startswith("{") or not fields:
        return None
    return text if "payload" not in fields or _is_object(fields["payload"]) else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
