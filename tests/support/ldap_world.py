"""Providers opened on a real directory server."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from core.http.limits import HttpLimits
from core.model.configuration import LdapSettings
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.contract.providers.backend import LIMITS, SECRET
from tests.support.clocks import AheadClock
from tests.support.ldap_server import LdapServer
from tests.support.scim_backend import TOKEN

LOOPBACK = (ip_network("127.0.0.0/8"),)
Opener = Callable[..., Awaitable[IdentityProvider]]


@asynccontextmanager
async def opener_on(directory: LdapServer, folder: Path) -> AsyncIterator[Opener]:
    """Give what opens providers, signed in as an ordinary reader unless told otherwise."""
    for file in directory.folder.glob("*.*"):
        if file.suffix in {".pem", ".key"}:
            shutil.copy(file, folder / file.name)
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            networks: tuple = LOOPBACK,
            limits: HttpLimits = LIMITS,
            wanted: frozenset[str] = frozenset(),
            org_units: bool = False,
            ahead: timedelta = timedelta(),
            **changed: object,
        ) -> IdentityProvider:
            context = ProviderContext(
                clock=AheadClock(ahead),
                allow_networks=networks,
                credentials_dir=folder,
                environ={"DIRSYNC_CREDENTIAL_T": TOKEN, "DIRSYNC_CREDENTIAL_WRONG": "wrong"},
                limits=limits,
                wanted=wanted,
                org_units=org_units,
            )
            usual = {**directory.access, "password": SECRET, "ca": "file:ca.pem"}
            provider = await open_provider(LdapSettings(**{**usual, **changed}), context=context)
            stack.push_async_callback(provider.aclose)
            return provider

        yield open_one
