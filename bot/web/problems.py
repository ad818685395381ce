"""Problem details: how the API says what is wrong (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web


class ProblemError(Exception):
    """A request that is answered with problem details.

    Attributes:
        status: the HTTP status.
        code: a stable word that programs may compare.
        detail: what is wrong and what to do, for people.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """Return the answer."""
        body = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
        }
        return web.Response(
            body=msgspec.json.encode(body),
            status=self.status.value,
            content_type="application/problem+json",
            headers={"Cache-Control": "no-store", **self.headers},
        )
