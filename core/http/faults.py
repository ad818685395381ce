"""Turning what goes wrong on the wire into errors with a text for people."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import httpx
import msgspec

from core.errors import (
    PermissionMissingError,
    RemoteError,
    SignInError,
    TerminalRemoteError,
    TransientRemoteError,
)
from core.http.redaction import Redactor

_TLS_REASONS: Mapping[int, str] = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate chain ends in an authority that this machine does not trust",
    20: "its certificate comes from an authority that this machine does not trust",
    62: "its certificate is for another host name",
    64: "its certificate is for another address",
}
_NOT_ABOUT_TLS = (
    ssl.SSLWantReadError,
    ssl.SSLWantWriteError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLSyscallError,
)
_ENDS = (".", "!", "?", "…")
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


def from_transport(error: httpx.HTTPError | TimeoutError, *, peer: str, host: str) -> RemoteError:
    """Return the error for a request that got no complete answer.

    `peer` is what the text calls the server, `host` its name in certificates.
    """
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return TransientRemoteError(
            f"{peer} did not answer in time.",
            code="timeout",
            hint="It may be overloaded; a smaller page_size can help.",
        )
    tls = _tls_cause(error)
    if tls is not None:
        return tls_fault(tls, host)
    if isinstance(error, httpx.ConnectError):
        return TransientRemoteError(
            f"{peer} cannot be reached.",
            code="unreachable",
            hint="Check that the URL and port are right and that no firewall is in between.",
        )
    return TransientRemoteError(
        f"{peer} broke off before its answer was complete.",
        code="connection_lost",
        hint="dirsync tries again; if it stays, look at the proxies in between.",
    )


def _tls_cause(error: BaseException) -> ssl.SSLError | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _NOT_ABOUT_TLS):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def tls_fault(error: ssl.SSLError, host: str) -> TerminalRemoteError:
    """Return the error for a secure connection that did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = _TLS_REASONS.get(error.verify_code, "its certificate cannot be verified")
        return TerminalRemoteError(
            f"The secure connection to {host} was refused: {reason}.",
            code="tls",
            hint="Renew or correct the certificate; a company's own authority is made known to "
            "dirsync with SSL_CERT_FILE.",
        )
    return TerminalRemoteError(
        f"No secure connection to {host} is possible.",
        code="tls",
        hint="Check that the port is right and that the server supports TLS 1.2 or newer.",
    )


def from_status(
    status: int,
    *,
    peer: str,
    body: bytes,
    retry_after: float | None,
    redactor: Redactor,
    throttled: bool = False,
) -> RemoteError:
    """Return the error for an answer that is not a success (RFC 9110 §15, RFC 7644 §3.12).

    Args:
        status: of the answer.
        peer: what the text calls the server.
        body: may say more.
        retry_after: seconds until another attempt is welcome, or None.
        redactor: for what the body says.
        throttled: the body says that this is about too many requests, whatever the status.
    """
    said = _detail(body, redactor)
    if throttled or status == httpx.codes.TOO_MANY_REQUESTS:
        return TransientRemoteError(
            f"{peer} asks for fewer requests ({status}).{said}",
            code="rate_limited",
            hint="dirsync waits as long as it is asked to.",
            retry_after=retry_after,
            status=status,
        )
    if status == httpx.codes.UNAUTHORIZED:
        return SignInError(
            f"{peer} refused the credentials (401).{said}",
            hint="Renew the token or password that the configuration refers to.",
            status=status,
        )
    if status == httpx.codes.FORBIDDEN:
        return PermissionMissingError(
            f"{peer} accepted the sign-in but not the request (403).{said}",
            hint="Give the credential the right to read users and groups.",
            status=status,
        )
    return _other_status(status, peer=peer, said=said, retry_after=retry_after)


def _other_status(status: int, *, peer: str, said: str, retry_after: float | None) -> RemoteError:
    if status in _TRANSIENT:
        return TransientRemoteError(
            f"{peer} reports trouble of its own (error {status}).{said}",
            hint="Sync again in a while; if it stays like this, ask whoever runs the provider.",
            retry_after=retry_after,
            status=status,
        )
    code = "not_found" if status == httpx.codes.NOT_FOUND else "remote_refused"
    return TerminalRemoteError(
        f"{peer} refused the request ({status}).{said}",
        code=code,
        hint="Check the URL of the configuration.",
        status=status,
    )


def _detail(body: bytes, redactor: Redactor) -> str:
    """Return what an error says for people, prefixed with a space, or nothing."""
    try:
        parsed = msgspec.json.decode(body[:100_000])
    except (ValueError, RecursionError):
        return ""
    if not isinstance(parsed, dict):
        return ""
    for key in ("detail", "errorSummary", "error_description", "error"):
        text = parsed.get(key)
        if isinstance(text, dict):
            text = text.get("message")
        if isinstance(text, str) and text.strip():
            excerpt = redactor.excerpt(text).rstrip()
            return f" It said: {excerpt}{'' if excerpt.endswith(_ENDS) else '.'}"
    return ""


def wrong_content(
    content_type: str | None, body: bytes, *, peer: str
) -> TerminalRemoteError | None:
    """Return the error for a success that is not a JSON document, or None if it looks like one."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    start = body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if kind in {"text/html", "application/xhtml+xml"} or start.startswith((b"<!doctype", b"<html")):
        return TerminalRemoteError(
            f"{peer} answered with a web page, probably a sign-in page.",
            code="html_login_page",
            hint="Use the URL of the API, and a credential that needs no browser.",
        )
    if not start:
        return TerminalRemoteError(
            f"{peer} answered with nothing.",
            code="empty_answer",
            hint="Check the URL of the configuration.",
        )
    if kind not in {"application/json", "application/scim+json"} and not kind.endswith("+json"):
        return TerminalRemoteError(
            f"{peer} answered with something else than JSON.",
            code="not_json",
            hint="Check the URL of the configuration.",
        )
    return None
