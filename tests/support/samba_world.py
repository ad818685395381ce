"""Providers opened on a real domain controller."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

from core.model.configuration import LdapSettings
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.contract.providers.backend import LIMITS, SECRET
from tests.support.clocks import WallClock
from tests.support.samba_dc import READER, STAFF, DomainController
from tests.support.scim_backend import TOKEN


@asynccontextmanager
async def samba_world(domain: DomainController, folder: Path) -> AsyncIterator:
    """Give what opens a provider, signed in as the ordinary reader unless told otherwise."""
    shutil.copy(domain.ca, folder / "ca.pem")
    async with AsyncExitStack() as stack:

        async def open_one(*, org_units: bool = False, **changed: object) -> IdentityProvider:
            context = ProviderContext(
                clock=WallClock(),
                allow_networks=(ip_network("127.0.0.0/8"),),
                credentials_dir=folder,
                environ={"DIRSYNC_CREDENTIAL_T": TOKEN, "DIRSYNC_CREDENTIAL_WRONG": "wrong"},
                limits=LIMITS,
                org_units=org_units,
            )
            usual = {
                "url": f"ldaps://{domain.address}",
                "base": STAFF,
                "user": READER,
                "password": SECRET,
                "ca": "file:ca.pem",
            }
            provider = await open_provider(LdapSettings(**{**usual, **changed}), context=context)
            stack.push_async_callback(provider.aclose)
            return provider

        yield open_one
