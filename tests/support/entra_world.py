"""A Microsoft Entra tenant on a loopback port, and a provider that reads it."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from core.http.limits import HttpLimits
from core.model.configuration import EntraSettings
from core.model.directory import ChangePage, Page, ProviderGroup, ProviderUser
from core.ports import Clock
from core.providers.context import ProviderContext
from core.providers.entra.provider import EntraProvider
from tests.support.clocks import WallClock
from tests.vendors.entra_directory import Tenant
from tests.vendors.entra_server import EntraServer, running_entra
from tests.vendors.entra_tokens import CLIENT_ID, SECRET

LIMITS = HttpLimits(connect=20, read=20, total=30, attempts=3, retry_wait=0.01, retry_wait_max=0.02)


@dataclass(kw_only=True)
class EntraWorld:
    """The running server and what the provider is opened with."""

    server: EntraServer
    clock: Clock = field(default_factory=WallClock)
    limits: HttpLimits = LIMITS
    folder: Path | None = None

    @property
    def tenant(self) -> Tenant:
        return self.server.tenant

    def people(self, count: int) -> list[str]:
        """Add so many people."""
        return [self.person(f"p{n:04d}") for n in range(count)]

    def person(self, key: str, **more: object) -> str:
        usual = {
            "userPrincipalName": f"{key}@contoso.example",
            "mail": f"{key}@contoso.example",
            "displayName": key.title(),
        }
        return self.tenant.add_user(**usual | more)

    @asynccontextmanager
    async def opened(
        self, *, wanted: Iterable[str] = (), secret: str = SECRET, **settings: object
    ) -> AsyncIterator[EntraProvider]:
        """Open a provider with these settings instead of the usual ones."""
        usual: dict[str, object] = {
            "tenant": self.tenant.domain,
            "client_id": CLIENT_ID,
            "client_secret": "env:DIRSYNC_CREDENTIAL_T",
            "url": self.server.url,
            "login_url": self.server.origin,
        }
        context = ProviderContext(
            clock=self.clock,
            allow_networks=(ip_network("127.0.0.0/8"),),
            environ={"DIRSYNC_CREDENTIAL_T": secret},
            credentials_dir=self.folder,
            wanted=frozenset(wanted),
            limits=self.limits,
        )
        provider = await EntraProvider.open(EntraSettings(**usual | settings), context=context)
        try:
            yield provider
        finally:
            await provider.aclose()


@contextmanager
def entra_world() -> Iterator[EntraWorld]:
    """Run an empty tenant."""
    with running_entra() as server:
        yield EntraWorld(server=server)


async def user_pages(provider: EntraProvider) -> list[Page]:
    async with aclosing(provider.read_users()) as pages:
        return [page async for page in pages]


async def users(provider: EntraProvider) -> list[ProviderUser]:
    pages = await user_pages(provider)
    return [provider.decode_user(raw) for page in pages for raw in page.records]


async def group_pages(provider: EntraProvider) -> list[Page]:
    async with aclosing(provider.read_groups()) as pages:
        return [page async for page in pages]


async def groups(provider: EntraProvider) -> dict[str, ProviderGroup]:
    """All groups by their name."""
    pages = await group_pages(provider)
    found = [provider.decode_group(raw) for page in pages for raw in page.records]
    return {group.display_name: group for group in found}


async def change_pages(provider: EntraProvider, since: str) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        return [page async for page in pages]
