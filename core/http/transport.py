"""Connecting only to addresses that were checked, and building TLS once."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import certifi

from core.errors import TerminalRemoteError
from core.http.addresses import AddressPolicy, is_loopback, permitted, resolve
from core.http.urls import Url

_ADDRESSES_VALID_SECONDS: Final = 30.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class UnreachableError(Exception):
    """No connection came about; its cause says why."""


def build_tls() -> ssl.SSLContext:
    """Return the context that verifies servers; blocks for tens of milliseconds.

    The system's certificate authorities are trusted (``SSL_CERT_FILE`` adds a company's own), and
    Mozilla's where the system has none.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


class CheckedTransport:
    """Resolves a URL's host itself, checks each address, and connects to exactly that address.

    TLS is verified for the name. Because the checked address is the one connected to, a second
    DNS answer (rebinding) changes nothing.

    Args:
        url: of which scheme, host and port count.
        policy: the addresses that are permitted.
        tls: the verifying context; None for plain http.
        seconds: for each address, a TLS handshake included.
    """

    def __init__(
        self, url: Url, *, policy: AddressPolicy, tls: ssl.SSLContext | None, seconds: float
    ) -> None:
        self._url = url
        self._policy = policy
        self._tls = tls
        self._seconds = seconds
        self._addresses: tuple[str, ...] = ()
        self._valid_until = 0.0

    async def connect(self) -> Connection:
        """Return a connection to the first permitted address that answers.

        Raises `UnreachableError`, `TimeoutError` if the last one did not answer in time, what
        `resolve` and `permitted` raise, and `TerminalRemoteError` (``plain_http``).
        """
        failure: OSError | None = None
        for address in await self._permitted():
            if self._tls is None and not is_loopback(address):
                raise _plain_http(self._url.host)
            try:
                found = await self._dial(address)
            except OSError as error:
                failure = error
            else:
                self._prefer(address)
                return found
        self._valid_until = 0.0
        if isinstance(failure, TimeoutError):
            raise failure
        raise UnreachableError from failure

    async def _permitted(self) -> tuple[str, ...]:
        now = asyncio.get_running_loop().time()
        if now >= self._valid_until:
            host, port = self._url.host, self._url.port
            self._addresses = permitted(await resolve(host, port), self._policy, host=host)
            self._valid_until = now + _ADDRESSES_VALID_SECONDS
        return self._addresses

    async def _dial(self, address: str) -> Connection:
        async with asyncio.timeout(self._seconds):
            return await asyncio.open_connection(
                address,
                self._url.port,
                ssl=self._tls,
                server_hostname=self._url.host if self._tls is not None else None,
            )

    def _prefer(self, address: str) -> None:
        others = tuple(one for one in self._addresses if one != address)
        self._addresses = (address, *others)


def _plain_http(host: str) -> TerminalRemoteError:
    return TerminalRemoteError(
        f"{host} would be reached over plain http, where anybody on the way can read the "
        "credential.",
        code="plain_http",
        hint="Use an https URL.",
    )
