"""A Microsoft Entra tenant for the contract suite, signed in to in either way."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from core.model.configuration import EntraSettings, ProviderSettings
from tests.contract.providers.backend import SECRET, Backend, Person, members_of
from tests.support.certificates import certificate_pem
from tests.support.faultproxy import FaultProxy
from tests.support.scim_backend import TOKEN
from tests.vendors.entra_server import EntraServer
from tests.vendors.entra_tokens import CLIENT_ID, sts


class EntraHarness(Backend):
    """The tenant's admin on the one side, Graph on the other."""

    def __init__(
        self, folder: Path, *, server: EntraServer, proxy: FaultProxy, certificate: bool
    ) -> None:
        super().__init__(folder)
        self._server = server
        self._proxy = proxy
        self._certificate = certificate
        self._ids: dict[str, str] = {}

    async def start(self, people: list[Person]) -> None:
        self._server.clear()
        if self._certificate:
            (self.folder / "entra.pem").write_text(certificate_pem())
            self._server.signin.certificates.append(certificate_pem())
        else:
            self._server.signin.secret = TOKEN
        for person in people:
            await self.add(person)
        for name, keys in members_of(people).items():
            self._server.tenant.add_group(name, users=[self._ids[key] for key in keys])

    async def disable(self, key: str) -> None:
        self._server.tenant.update(self._ids[key], accountEnabled=False)

    async def rename(self, key: str, title: str) -> None:
        self._server.tenant.update(self._ids[key], jobTitle=title)

    async def readdress(self, key: str, email: str) -> None:
        self._server.tenant.update(self._ids[key], mail=email, userPrincipalName=email)

    async def add(self, person: Person) -> None:
        self._ids[person.key] = self._server.tenant.add_user(
            userPrincipalName=person.email,
            mail=person.email,
            displayName=person.key.title(),
            accountEnabled=person.active,
            jobTitle="Engineer",
        )

    async def delete(self, key: str) -> None:
        self._server.tenant.delete(self._ids[key])

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        tenant = self._server.tenant
        if name not in self.group_ids:
            self.group_ids[name] = tenant.add_group(name)
        group = self.group_ids[name]
        for member in list(tenant.members[group]):
            tenant.leave(group, member)
        inside = [self.group_ids[one] for one in groups]
        tenant.join(group, users=[self._ids[key] for key in keys], groups=inside)

    async def spoil_one(self) -> None:
        login = str(next(iter(self._server.tenant.users.values()))["userPrincipalName"])
        name = '"userPrincipalName": '
        self._server.spoil = lambda text: text.replace(f'{name}"{login}"', f'{name}"\\ud800"')

    async def refuse_sign_in(self) -> None:
        said = "Invalid client secret provided."
        self._server.signin.refusal = sts(401, "invalid_client", 7000215, said)
        self._server.signin.issued.clear()

    async def go_away(self) -> None:
        self._proxy.stop_listening()

    def page_requests(self) -> int | None:
        return self._server.requests("/users")

    def settings(self, page_size: int) -> ProviderSettings:
        return EntraSettings(
            tenant=self._server.tenant.domain,
            client_id=CLIENT_ID,
            client_secret=None if self._certificate else SECRET,
            certificate="file:entra.pem" if self._certificate else None,
            url=self._proxy.url,
            login_url=self._server.origin,
            page_size=min(page_size, 999),
        )

    def id_of(self, key: str) -> str:
        return self._ids[key]


@asynccontextmanager
async def entra_secret_harness(folder: Path, server: EntraServer) -> AsyncIterator[Backend]:
    async with FaultProxy(server.url) as proxy:
        yield EntraHarness(folder, server=server, proxy=proxy, certificate=False)


@asynccontextmanager
async def entra_certificate_harness(folder: Path, server: EntraServer) -> AsyncIterator[Backend]:
    async with FaultProxy(server.url) as proxy:
        yield EntraHarness(folder, server=server, proxy=proxy, certificate=True)
