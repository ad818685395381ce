"""An Okta org for the contract suite, signed in to in either way."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from joserfc.jwk import RSAKey

from core.model.configuration import OktaSettings, ProviderSettings
from tests.contract.providers.backend import SECRET, Backend, Person, members_of
from tests.support.scim_backend import TOKEN
from tests.vendors.okta_org import OktaOrg
from tests.vendors.okta_server import OktaServer, running_okta
from tests.vendors.okta_tokens import ServiceApp

CLIENT_ID = "0oaserviceapp000001"
KEY_ID = "key-of-the-tests"


@cache
def private_key() -> RSAKey:
    return RSAKey.generate_key(2048)


class OktaHarness(Backend):
    """The org's admin on the one side, its API on the other."""

    holds_groups = False

    def __init__(self, folder: Path, *, server: OktaServer, app: bool) -> None:
        super().__init__(folder)
        self._server = server
        self._app = app
        self._ids: dict[str, str] = {}

    @property
    def org(self) -> OktaOrg:
        return self._server.org

    async def start(self, people: list[Person]) -> None:
        self._server.org = OktaOrg()
        self._ids = {}
        for person in people:
            await self.add(person)
        for name, keys in members_of(people).items():
            self.org.add_group(name, [self._ids[key] for key in keys])
        if self._app:
            app = ServiceApp(client_id=CLIENT_ID, keys={KEY_ID: private_key()})
            self._server.apps = {CLIENT_ID: app}
            pem = private_key().as_pem(private=True)
            (self.folder / "okta.pem").write_bytes(pem)
        else:
            self._server.tokens = {TOKEN: {"users", "groups"}}
        self._server.paths.clear()

    async def disable(self, key: str) -> None:
        self.org.set_status(self._ids[key], "SUSPENDED")

    async def rename(self, key: str, title: str) -> None:
        self.org.change(self._ids[key], title=title)

    async def readdress(self, key: str, email: str) -> None:
        self.org.change(self._ids[key], login=email, email=email)

    async def add(self, person: Person) -> None:
        self._ids[person.key] = self.org.add_user(
            person.email,
            status="ACTIVE" if person.active else "SUSPENDED",
            title="Engineer",
            displayName=person.key.title(),
        )

    async def delete(self, key: str) -> None:
        self.org.delete_user(self._ids[key])

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        assert not groups
        if name not in self.group_ids:
            self.group_ids[name] = self.org.add_group(name)
        self.org.set_members(self.group_ids[name], [self._ids[key] for key in keys])

    async def spoil_one(self) -> None:
        login = next(iter(self.org.users.values()))["profile"]["login"]
        self._server.spoil = lambda _, text: text.replace(f'"{login}"', f'"\\ud800{login}"')

    async def refuse_sign_in(self) -> None:
        self._server.revoke()

    async def go_away(self) -> None:
        await self._server.stop_listening()

    def page_requests(self) -> int | None:
        return self._server.paths.count("/api/v1/users")

    def settings(self, page_size: int) -> ProviderSettings:
        if not self._app:
            return OktaSettings(url=self._server.url, token=SECRET, page_size=page_size)
        return OktaSettings(
            url=self._server.url,
            client_id=CLIENT_ID,
            private_key="file:okta.pem",
            key_id=KEY_ID,
            page_size=page_size,
        )

    def id_of(self, key: str) -> str:
        return self._ids[key]


@asynccontextmanager
async def okta_app_harness(folder: Path, _: object) -> AsyncIterator[Backend]:
    async with running_okta() as server:
        yield OktaHarness(folder, server=server, app=True)


@asynccontextmanager
async def okta_token_harness(folder: Path, _: object) -> AsyncIterator[Backend]:
    async with running_okta() as server:
        yield OktaHarness(folder, server=server, app=False)
