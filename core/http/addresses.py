"""Which network addresses dirsync may connect to, and how a host name becomes one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from core.errors import TerminalRemoteError, TransientRemoteError

IpNetwork = IPv4Network | IPv6Network
IpAddress = IPv4Address | IPv6Address

# Azure answers metadata on an address that is public by the registries' account.
_PUBLIC_METADATA = frozenset({ip_address("168.63.129.16")})
_NAT64 = ip_network("64:ff9b::/96")
_NAT64_LOCAL = ip_network("64:ff9b:1::/48")


def _unwrapped(address: IpAddress) -> IpAddress:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _is_public(address: IpAddress) -> bool:
    if address in _PUBLIC_METADATA or address in _NAT64_LOCAL:
        return False
    if address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return address.is_global


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressPolicy:
    """Public addresses, and those of the networks that the host's owner listed.

    Private, loopback, link-local, unique local, shared, multicast and cloud metadata addresses
    are refused otherwise, also when they come wrapped into IPv6.
    """

    allowed: tuple[IpNetwork, ...] = ()

    def permits(self, address: str) -> bool:
        """Say whether a connection to this literal address is allowed."""
        given = ip_address(address.partition("%")[0])
        inner = _unwrapped(given)
        listed = any(one in network for network in self.allowed for one in (given, inner))
        return listed or _is_public(inner)


def is_loopback(address: str) -> bool:
    """Say whether a literal address stays on this machine."""
    return _unwrapped(ip_address(address.partition("%")[0])).is_loopback


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """Return the literal addresses of a host, in the system's order of preference.

    Raises `TransientRemoteError` with code ``dns`` if the name has none.
    """
    try:
        return (str(ip_address(host)),)
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise TransientRemoteError(
            f"The name {host} cannot be resolved to an address.",
            code="dns",
            hint="Check the spelling of the URL and this machine's DNS.",
        ) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def permitted(addresses: Sequence[str], policy: AddressPolicy, *, host: str) -> tuple[str, ...]:
    """Return those addresses that the policy permits.

    Raises `TerminalRemoteError` with code ``address_refused`` if it permits none.
    """
    kept = tuple(address for address in addresses if policy.permits(address))
    if not kept:
        raise TerminalRemoteError(
            f"{host} is at {', '.join(addresses[:3])}, in a private or special network, and "
            "dirsync was not allowed to go there.",
            code="address_refused",
            hint="If that is right, whoever runs dirsync lists the network in "
            "DIRSYNC_ALLOW_NETWORKS.",
        )
    return kept
