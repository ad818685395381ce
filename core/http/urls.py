"""URLs and their origins."""

from __future__ import annotations

import httpx

from core.errors import ConfigurationError, TerminalRemoteError


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port, with the scheme's usual port spelled out (RFC 6454 §4)."""
    return url.scheme, url.host.lower(), url.port or {"http": 80, "https": 443}.get(url.scheme)


def parse_base_url(text: str) -> httpx.URL:
    """Return the URL; raise `ConfigurationError` if it is not https (or http) with a host."""
    url = parse_url(text)
    if url.scheme not in {"http", "https"} or not url.host:
        raise _bad_url("The URL must begin with https:// and name a host.")
    if url.userinfo:
        raise ConfigurationError(
            "The URL contains a user name or password.",
            code="secret_literal",
            hint="Give the sign-in as references such as env:DIRSYNC_CREDENTIAL_TOKEN.",
        )
    if url.fragment:
        raise _bad_url("The URL must not contain a fragment (#…).")
    return url


def parse_url(text: str) -> httpx.URL:
    """Return the URL; raise `ConfigurationError` if it cannot be understood."""
    try:
        return httpx.URL(text)
    except httpx.InvalidURL as error:
        raise _bad_url("The URL cannot be understood.") from error


def joined(url: httpx.URL, location: str) -> httpx.URL:
    """Return where a redirect leads; raise `TerminalRemoteError` if that is no URL."""
    try:
        return url.join(location)
    except httpx.InvalidURL as error:
        raise TerminalRemoteError(
            f"{url.host} redirects to something that is no URL.", code="redirected_elsewhere"
        ) from error


def _bad_url(message: str) -> ConfigurationError:
    return ConfigurationError(
        message, code="url_invalid", hint="For example: https://idp.example/scim/v2"
    )
