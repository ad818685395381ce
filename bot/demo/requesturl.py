"""Payloads to the app over signed HTTP, as Slack's request URLs get them."""

import hashlib
import hmac
import json
import time
from http import HTTPStatus
from urllib.parse import urlencode

import aiohttp

from bot.demo.dispatch import Delivery, Kind, Payload, UnacknowledgedError, as_answer

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


class RequestUrl:
    """Signs and posts payloads to one URL (Slack's v0 scheme)."""

    def __init__(self, *, url: str, signing_secret: str) -> None:
        self._url = url
        self._secret = signing_secret
        self._session = aiohttp.ClientSession(trust_env=False)

    async def deliver(self, delivery: Delivery) -> Payload:
        """Post a payload; anything but 200 is `http_error`."""
        body, content_type = encode(delivery)
        headers = self.sign(body) | {"Content-Type": content_type}
        if delivery.retry:
            headers["X-Slack-Retry-Num"] = str(delivery.retry)
            headers["X-Slack-Retry-Reason"] = f"http_{delivery.reason}".replace(
                "http_http_", "http_"
            )
        try:
            async with self._session.post(self._url, data=body, headers=headers) as answer:
                text = await answer.text()
        except aiohttp.ClientError:
            raise UnacknowledgedError("dispatch_failed") from None
        if answer.status != HTTPStatus.OK:
            raise UnacknowledgedError("http_error")
        return as_answer(text)

    def sign(self, body: bytes, *, at: int | None = None) -> dict[str, str]:
        """Return the signature headers of a body at a time (Unix seconds, default now)."""
        stamp = str(int(time.time()) if at is None else at)
        base = b":".join((b"v0", stamp.encode(), body))
        digest = hmac.new(self._secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def encode(delivery: Delivery) -> tuple[bytes, str]:
    """Return the body and content type that Slack uses for this kind of payload."""
    if delivery.kind is Kind.EVENT:
        return json.dumps(delivery.payload).encode(), JSON_TYPE
    if delivery.kind is Kind.INTERACTIVE:
        return urlencode({"payload": json.dumps(delivery.payload)}).encode(), FORM_TYPE
    return urlencode(
        {name: str(value) for name, value in delivery.payload.items()}
    ).encode(), FORM_TYPE
