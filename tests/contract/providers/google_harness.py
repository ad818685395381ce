"""A Google Workspace customer for the contract suite."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from core.model.configuration import GoogleSettings, ProviderSettings
from tests.contract.providers.backend import Backend, Person, members_of
from tests.vendors.google_directory import GoogleCustomer
from tests.vendors.google_server import GoogleServer, running_google
from tests.vendors.google_tokens import ADMIN, Delegation, key_file


class GoogleHarness(Backend):
    """The customer's admin on the one side, the Directory API on the other."""

    def __init__(self, folder: Path, *, server: GoogleServer) -> None:
        super().__init__(folder)
        self._server = server
        self._ids: dict[str, str] = {}

    @property
    def customer(self) -> GoogleCustomer:
        return self._server.customer

    async def start(self, people: list[Person]) -> None:
        self._server.customer = GoogleCustomer()
        self._server.delegation = Delegation()
        self._ids = {}
        for person in people:
            await self.add(person)
        for name, keys in members_of(people).items():
            self.customer.add_group(name, [self._ids[key] for key in keys])
        (self.folder / "google.json").write_text(key_file())
        self._server.paths.clear()

    async def disable(self, key: str) -> None:
        self.customer.change(self._ids[key], suspended=True, suspensionReason="ADMIN")

    async def rename(self, key: str, title: str) -> None:
        self.customer.change(self._ids[key], organizations=[{"title": title, "primary": True}])

    async def readdress(self, key: str, email: str) -> None:
        self.customer.change(self._ids[key], primaryEmail=email)

    async def add(self, person: Person) -> None:
        self._ids[person.key] = self.customer.add_user(
            person.email,
            suspended=not person.active,
            organizations=[{"title": "Engineer", "primary": True}],
            name={"fullName": person.key.title()},
        )

    async def delete(self, key: str) -> None:
        self.customer.delete_user(self._ids[key])

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        if name not in self.group_ids:
            self.group_ids[name] = self.customer.add_group(name)
        people = [self._ids[key] for key in keys]
        inside = [self.group_ids[one] for one in groups]
        self.customer.set_members(self.group_ids[name], people, groups=inside)

    async def spoil_one(self) -> None:
        address = next(iter(self.customer.users.values()))["primaryEmail"]
        name = '"primaryEmail": '
        self._server.spoil = lambda _, text: text.replace(
            f'{name}"{address}"', f'{name}"\\ud800{address}"'
        )

    async def refuse_sign_in(self) -> None:
        self._server.revoke()

    async def go_away(self) -> None:
        await self._server.stop_listening()

    def page_requests(self) -> int | None:
        return self._server.paths.count("/admin/directory/v1/users")

    def settings(self, page_size: int) -> ProviderSettings:
        return GoogleSettings(
            admin=ADMIN,
            service_account="file:google.json",
            url=self._server.url,
            login_url=self._server.token_url,
            page_size=page_size,
        )

    def id_of(self, key: str) -> str:
        return self._ids[key]


@asynccontextmanager
async def google_harness(folder: Path, _: object) -> AsyncIterator[Backend]:
    async with running_google() as server:
        yield GoogleHarness(folder, server=server)
