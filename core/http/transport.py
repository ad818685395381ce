"""Connecting only to addresses that were checked, and building TLS once."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import httpx

from core.errors import TerminalRemoteError
from core.http.addresses import AddressPolicy, is_loopback, permitted, resolve

_ADDRESSES_VALID_SECONDS: Final = 30.0


def build_tls() -> ssl.SSLContext:
    """Return the context that verifies servers; blocks for tens of milliseconds.

    The system's certificate authorities are trusted (``SSL_CERT_FILE`` adds a company's own), and
    httpx's bundle where the system has none.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        return ssl.create_default_context()
    return httpx.create_ssl_context()


class CheckedTransport(httpx.AsyncBaseTransport):
    """Resolves the host itself, checks each address, and connects to exactly that address.

    The name in the request stays in ``Host`` and in the TLS verification. Because the checked
    address is the one connected to, a second DNS answer (rebinding) changes nothing.
    """

    def __init__(self, *, inner: httpx.AsyncBaseTransport, policy: AddressPolicy) -> None:
        self._inner = inner
        self._policy = policy
        self._known: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the first permitted address that answers."""
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await self._addresses(host, port)
        failure: httpx.TransportError | None = None
        for address in addresses:
            _refuse_plain_http(request.url.scheme, address, host)
            try:
                response = await self._inner.handle_async_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
                continue
            self._prefer((host, port), address)
            return response
        self._known.pop((host, port), None)
        raise failure or httpx.ConnectError("no address")

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _addresses(self, host: str, port: int) -> tuple[str, ...]:
        now = asyncio.get_running_loop().time()
        known = self._known.get((host, port))
        if known is not None and known[0] > now:
            return known[1]
        addresses = permitted(await resolve(host, port), self._policy, host=host)
        self._known[host, port] = (now + _ADDRESSES_VALID_SECONDS, addresses)
        return addresses

    def _prefer(self, key: tuple[str, int], address: str) -> None:
        until, addresses = self._known.get(key, (0.0, ()))
        if addresses and addresses[0] != address:
            others = tuple(one for one in addresses if one != address)
            self._known[key] = (until, (address, *others))


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


def _refuse_plain_http(scheme: str, address: str, host: str) -> None:
    if scheme == "http" and not is_loopback(address):
        raise TerminalRemoteError(
            f"{host} would be reached over plain http, where anybody on the way can read the "
            "credential.",
            code="plain_http",
            hint="Use an https URL.",
        )
