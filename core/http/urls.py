"""URLs and their origins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urljoin, urlsplit

import idna

from core.errors import ConfigurationError, TerminalRemoteError

_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 65_536
_PLAIN_HOST: Final = re.compile(r"[a-z0-9._-]+")
_IN_PATH: Final = "!$%&'()*+,/:;=@~"
_IN_QUERY: Final = _IN_PATH + "?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Url:
    """An http or https URL (RFC 3986), as it goes over the wire.

    Attributes:
        host: in lower case, as DNS knows it; an IPv6 address without its brackets.
        path: percent-encoded, begins with a slash.
        query: percent-encoded, without its question mark.
    """

    scheme: str
    host: str
    port: int
    path: str = "/"
    query: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (RFC 6454 §4)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as the ``Host`` header has them (RFC 9110 §7.2)."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """What a request line asks for (RFC 9112 §3.2.1)."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def bare(self) -> str:
        """The URL without its query."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def __str__(self) -> str:
        """Return the whole URL."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def below(self, path: str) -> Url:
        """Return the URL of a path below this one, of which the query is kept."""
        if not path:
            return self
        whole = f"{self.path.rstrip('/')}/{path.lstrip('/')}"
        return replace(self, path=quote(whole, safe=_IN_PATH))

    def asking(self, params: Mapping[str, str]) -> Url:
        """Return the URL with these parameters, which replace those of the same name."""
        if not self.query:
            return replace(self, query=urlencode(params))
        kept = [
            one for one in parse_qsl(self.query, keep_blank_values=True) if one[0] not in params
        ]
        return replace(self, query=urlencode([*kept, *params.items()]))


def parse_base_url(text: str) -> Url:
    """Return the URL; raise `ConfigurationError` if it is not https (or http) with a host."""
    parts = _split(text)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _bad_url("The URL must begin with https:// and name a host.")
    if "@" in parts.netloc:
        raise ConfigurationError(
            "The URL contains a user name or password.",
            code="secret_literal",
            hint="Give the sign-in as references such as env:DIRSYNC_CREDENTIAL_TOKEN.",
        )
    if parts.fragment:
        raise _bad_url("The URL must not contain a fragment (#…).")
    return _url(parts)


def parse_url(text: str) -> Url:
    """Return the URL without its fragment; raise `ConfigurationError` if it is none of http(s)."""
    return _url(_split(text))


def joined(url: Url, location: str) -> Url:
    """Return where a redirect leads; raise `TerminalRemoteError` if that is no URL."""
    try:
        return parse_url(urljoin(str(url), location))
    except (ConfigurationError, ValueError) as error:
        raise TerminalRemoteError(
            f"{url.host} redirects to something that is no URL.", code="redirected_elsewhere"
        ) from error


def _split(text: str) -> SplitResult:
    if len(text) > _LONGEST or not text.isprintable() or text != text.strip():
        raise _bad_url("The URL cannot be understood.")
    try:
        return urlsplit(text)
    except ValueError as error:
        raise _bad_url("The URL cannot be understood.") from error


def _url(parts: SplitResult) -> Url:
    try:
        return Url(
            scheme=parts.scheme,
            host=_host(parts.hostname or ""),
            port=_PORTS[parts.scheme] if parts.port is None else parts.port,
            path=quote(parts.path, safe=_IN_PATH) or "/",
            query=quote(parts.query, safe=_IN_QUERY),
        )
    except (ValueError, KeyError) as error:
        raise _bad_url("The URL cannot be understood.") from error


def _host(name: str) -> str:
    if ":" in name:
        IPv6Address(name)
        return name
    return name if _PLAIN_HOST.fullmatch(name) else idna.encode(name, uts46=True).decode("ascii")


def _bad_url(message: str) -> ConfigurationError:
    return ConfigurationError(
        message, code="url_invalid", hint="For example: https://idp.example/scim/v2"
    )
