"""Whether the server may be connected to, and why a connection did not come about."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from core.errors import ConfigurationError, RemoteError, TerminalRemoteError, TransientRemoteError
from core.http.addresses import AddressPolicy, is_loopback, resolve
from core.http.faults import tls_fault
from core.http.transport import build_tls
from core.providers.ldap.faults import called

_PORTS: Final = {"ldap": 389, "ldaps": 636}
_START_TLS: Final = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_ENOUGH: Final = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Where the directory is.

    Attributes:
        start_tls: an ``ldap://`` connection becomes an encrypted one.
    """

    host: str
    port: int
    secure: bool
    start_tls: bool

    @property
    def url(self) -> str:
        """The URL as the LDAP library wants it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.secure else 'ldap'}://{host}:{self.port}"

    @property
    def encrypted(self) -> bool:
        """Nobody on the way can read along."""
        return self.secure or self.start_tls


def parse_server(url: str, *, start_tls: bool) -> Server:
    """Return where a URL leads; raise `ConfigurationError` if it names no LDAP server."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _bad_url() from error
    whole = parts.hostname and parts.scheme in _PORTS and port != 0
    if not whole or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise _bad_url()
    secure = parts.scheme == "ldaps"
    return Server(
        host=parts.hostname or "",
        port=port or _PORTS[parts.scheme],
        secure=secure,
        start_tls=start_tls and not secure,
    )


async def refuse_forbidden(server: Server, policy: AddressPolicy) -> None:
    """Raise `TerminalRemoteError` unless every address of the server may be connected to.

    libldap resolves the name once more by itself. What answers then must still show a certificate
    for that name before it gets any credential.
    """
    addresses = await resolve(server.host, server.port)
    refused = [address for address in addresses if not policy.permits(address)]
    if refused:
        raise TerminalRemoteError(
            f"{server.host} is at {', '.join(refused[:3])}, in a private or special network, and "
            "dirsync was not allowed to go there.",
            code="address_refused",
            hint="If that is right, whoever runs dirsync lists the network in "
            "DIRSYNC_ALLOW_NETWORKS.",
        )
    if not server.encrypted and not all(map(is_loopback, addresses)):
        raise TerminalRemoteError(
            f"{server.host} would be reached without encryption, where anybody on the way can "
            "read the credential.",
            code="plain_http",
            hint="Use an ldaps:// URL, or leave start_tls on.",
        )


async def diagnosis(server: Server, *, ca_file: Path | None, within: float) -> RemoteError | None:
    """Return why no connection comes about, or None if everything looks well from here."""
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(server.host, server.port)
    except (OSError, TimeoutError):
        return TransientRemoteError(
            f"{called(server.host)} cannot be reached on port {server.port}.",
            code="unreachable",
            hint="Check that the URL and port are right and that no firewall is in between.",
        )
    try:
        if server.encrypted:
            context = await asyncio.to_thread(_tls, ca_file)
            async with asyncio.timeout(within):
                await _encrypt(server, reader, writer, context)
    except ssl.SSLError as error:
        return tls_fault(error, server.host)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return _no_encryption(server)
    finally:
        writer.transport.abort()
    return None


async def _encrypt(
    server: Server,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    context: ssl.SSLContext,
) -> None:
    if server.start_tls:
        writer.write(_START_TLS)
        await writer.drain()
        if not await reader.read(_ENOUGH):
            raise ConnectionResetError
    await writer.start_tls(context, server_hostname=server.host)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file)) if ca_file else build_tls()


def _no_encryption(server: Server) -> TransientRemoteError:
    return TransientRemoteError(
        f"{server.host} ended the connection before it was encrypted.",
        code="tls",
        hint="Check that the server has a certificate and that the port is right: 636 for "
        "ldaps://, 389 for ldap:// with StartTLS.",
    )


def trusted_authorities() -> tuple[str | None, str | None]:
    """Return the file and the folder of authorities that this machine trusts.

    As everywhere, ``SSL_CERT_FILE`` names a company's own.
    """
    paths = ssl.get_default_verify_paths()
    bundle = Path(paths.capath or "") / "ca-certificates.crt"
    if not paths.cafile and bundle.is_file():
        return str(bundle), None
    return paths.cafile or None, None if paths.cafile else paths.capath or None


def _bad_url() -> ConfigurationError:
    return ConfigurationError(
        "The URL must begin with ldaps:// or ldap:// and name a host, nothing more.",
        code="url_invalid",
        hint="For example: ldaps://dc1.example.com",
    )
