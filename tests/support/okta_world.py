"""An org with a way in, and providers opened on it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network

from core.http.limits import HttpLimits
from core.model.configuration import OktaSettings
from core.model.directory import ChangePage, Page
from core.providers.context import ProviderContext
from core.providers.okta.provider import OktaProvider
from tests.support.clocks import WallClock
from tests.support.scim_backend import TOKEN
from tests.vendors.okta_org import OktaOrg
from tests.vendors.okta_server import OktaServer, running_okta
from tests.vendors.okta_tokens import ServiceApp

LIMITS = HttpLimits(connect=20, read=20, total=30, attempts=3, retry_wait=0.01, retry_wait_max=0.05)
CLIENT_ID, KEY_ID = "0oaserviceapp000001", "key-of-the-tests"


class OrgClock:
    """The org's own time; it passes at once when somebody waits for it."""

    def __init__(self, org: OktaOrg) -> None:
        self._org = org

    def now(self) -> datetime:
        """Return the org's time."""
        return self._org.now()

    def monotonic(self) -> float:
        """Return seconds since the start of 1970."""
        return self._org.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        """Move the org's time on."""
        self._org.ahead += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass(kw_only=True)
class OktaWorld:
    """The org, its server, and what a provider is opened with."""

    server: OktaServer
    settings: OktaSettings
    context: ProviderContext

    @property
    def org(self) -> OktaOrg:
        return self.server.org

    def hurry(self) -> None:
        """Let whoever waits for the org find that the time has passed."""
        self.context = replace(self.context, clock=OrgClock(self.org))

    @asynccontextmanager
    async def opened(
        self, *, wanted: frozenset[str] = frozenset(), **changed: object
    ) -> AsyncIterator[OktaProvider]:
        provider = await OktaProvider.open(
            replace(self.settings, **changed), context=replace(self.context, wanted=wanted)
        )
        try:
            yield provider
        finally:
            await provider.aclose()


@asynccontextmanager
async def okta_world(
    *,
    environ: Mapping[str, str] | None = None,
    app: ServiceApp | None = None,
) -> AsyncIterator[OktaWorld]:
    """Serve an empty org which knows an API token, or this service app."""
    async with running_okta() as server:
        if app is None:
            server.tokens[TOKEN] = {"users", "groups"}
            settings = OktaSettings(url=server.url, token="env:DIRSYNC_CREDENTIAL_T")
        else:
            server.apps[app.client_id] = app
            settings = OktaSettings(
                url=server.url,
                client_id=app.client_id,
                private_key="env:DIRSYNC_CREDENTIAL_K",
                key_id=next(iter(app.keys)),
            )
        context = ProviderContext(
            clock=WallClock(),
            allow_networks=(ip_network("127.0.0.0/8"),),
            environ={"DIRSYNC_CREDENTIAL_T": TOKEN, **(environ or {})},
            limits=LIMITS,
        )
        yield OktaWorld(server=server, settings=settings, context=context)


async def user_pages(provider: OktaProvider) -> list[Page]:
    async with aclosing(provider.read_users()) as pages:
        return [page async for page in pages]


async def group_pages(provider: OktaProvider) -> list[Page]:
    async with aclosing(provider.read_groups()) as pages:
        return [page async for page in pages]


async def change_pages(provider: OktaProvider, since: str) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        return [page async for page in pages]


def ids(provider: OktaProvider, pages: list[Page] | list[ChangePage]) -> list[str]:
    return [provider.identify(raw) for page in pages for raw in page.records]
