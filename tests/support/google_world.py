"""A Google Workspace customer with a way in, and providers opened on it."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network

from core.http.limits import HttpLimits
from core.model.configuration import GoogleSettings
from core.model.directory import Page
from core.providers.context import ProviderContext
from core.providers.google.provider import GoogleProvider
from tests.support.clocks import WallClock
from tests.vendors.google_directory import GoogleCustomer
from tests.vendors.google_server import GoogleServer, running_google
from tests.vendors.google_tokens import ADMIN, key_file

LIMITS = HttpLimits(connect=20, read=20, total=30, attempts=2, retry_wait=0.01, retry_wait_max=0.02)
KEY = "env:DIRSYNC_CREDENTIAL_K"


@dataclass(kw_only=True)
class GoogleWorld:
    """The customer, its server, and what a provider is opened with."""

    server: GoogleServer
    settings: GoogleSettings
    context: ProviderContext

    @property
    def customer(self) -> GoogleCustomer:
        return self.server.customer

    @asynccontextmanager
    async def opened(
        self,
        *,
        wanted: frozenset[str] = frozenset(),
        key: str | None = None,
        **changed: object,
    ) -> AsyncIterator[GoogleProvider]:
        environ = {"DIRSYNC_CREDENTIAL_K": key_file() if key is None else key}
        provider = await GoogleProvider.open(
            replace(self.settings, **changed),
            context=replace(self.context, wanted=wanted, environ=environ),
        )
        try:
            yield provider
        finally:
            await provider.aclose()


@asynccontextmanager
async def google_world() -> AsyncIterator[GoogleWorld]:
    """Serve a customer whose only person is the admin."""
    async with running_google() as server:
        server.customer.add_user(ADMIN, isAdmin=True)
        settings = GoogleSettings(
            admin=ADMIN, service_account=KEY, url=server.url, login_url=server.token_url
        )
        context = ProviderContext(
            clock=WallClock(),
            allow_networks=(ip_network("127.0.0.0/8"),),
            environ={"DIRSYNC_CREDENTIAL_K": key_file()},
            limits=LIMITS,
        )
        yield GoogleWorld(server=server, settings=settings, context=context)


async def user_pages(provider: GoogleProvider) -> list[Page]:
    async with aclosing(provider.read_users()) as pages:
        return [page async for page in pages]


async def group_pages(provider: GoogleProvider) -> list[Page]:
    async with aclosing(provider.read_groups()) as pages:
        return [page async for page in pages]


def ids(provider: GoogleProvider, pages: list[Page]) -> list[str]:
    return [provider.identify(raw) for page in pages for raw in page.records]
