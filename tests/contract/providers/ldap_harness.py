"""LDAP directories for the contract suite: OpenLDAP, and Active Directory where it can run."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from core.model.configuration import LdapSettings, ProviderSettings
from tests.contract.providers.backend import SECRET, Backend, Person, members_of
from tests.support import samba_dc
from tests.support.samba_dc import DomainController
from tests.support.slapd import GROUPS, READER, SUFFIX, Slapd, dn_of
from tests.support.tube import Tube

FOR_GOOD = "000001010000Z"


class OpenLdapHarness(Backend):
    """A real slapd, reached by StartTLS through a tube."""

    def __init__(self, folder: Path, *, server: Slapd, tube: Tube) -> None:
        super().__init__(folder)
        self._server = server
        self._tube = tube
        self._ids: dict[str, str] = {}
        shutil.copy(server.ca, folder / "ca.pem")

    async def start(self, people: list[Person]) -> None:
        await asyncio.to_thread(self._fill, people)

    def _fill(self, people: list[Person]) -> None:
        self._server.clear()
        self._ids = {}
        for person in people:
            self._add(person)
        for name, keys in members_of(people).items():
            self._server.group(name, [dn_of(key) for key in keys])

    def _add(self, person: Person) -> None:
        self._ids[person.key] = self._server.person(person.key)
        if not person.active:
            self._disable(person.key)

    def _disable(self, key: str) -> None:
        self._server.change(dn_of(key), pwdAccountLockedTime=FOR_GOOD)

    async def disable(self, key: str) -> None:
        await asyncio.to_thread(self._disable, key)

    async def rename(self, key: str, title: str) -> None:
        await asyncio.to_thread(self._server.change, dn_of(key), title=title)

    async def readdress(self, key: str, email: str) -> None:
        await asyncio.to_thread(self._server.change, dn_of(key), mail=email, uid=email)

    async def add(self, person: Person) -> None:
        await asyncio.to_thread(self._add, person)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._server.delete, dn_of(key))

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        members = [dn_of(key) for key in keys] + [f"cn={one},{GROUPS}" for one in groups]
        await asyncio.to_thread(self._put_group, name, members)

    def _put_group(self, name: str, members: list[str]) -> None:
        if name in self.group_ids:
            self._server.change(f"cn={name},{GROUPS}", member=members)
        else:
            self.group_ids[name] = self._server.group(name, members)

    async def spoil_one(self) -> None:
        await asyncio.to_thread(self._server.change, dn_of(min(self._ids)), title="x" * 10_001)

    async def refuse_sign_in(self) -> None:
        await asyncio.to_thread(self._server.change, READER, userPassword="another-password")

    async def go_away(self) -> None:
        self._tube.shut()

    def settings(self, page_size: int) -> ProviderSettings:
        return LdapSettings(
            url=f"ldap://127.0.0.1:{self._tube.port}",
            base=SUFFIX,
            groups_base=GROUPS,
            user=READER,
            password=SECRET,
            ca="file:ca.pem",
            page_size=page_size,
        )

    def id_of(self, key: str) -> str:
        return self._ids[key]


@asynccontextmanager
async def openldap_harness(folder: Path, server: Slapd) -> AsyncIterator[Backend]:
    async with Tube(server.port) as tube:
        yield OpenLdapHarness(folder, server=server, tube=tube)


class ActiveDirectoryHarness(Backend):
    """A real domain controller, reached by StartTLS through a tube."""

    def __init__(self, folder: Path, *, controller: DomainController, tube: Tube) -> None:
        super().__init__(folder)
        self._controller = controller
        self._tube = tube
        self._ids: dict[str, str] = {}
        shutil.copy(controller.ca, folder / "ca.pem")

    async def start(self, people: list[Person]) -> None:
        await asyncio.to_thread(self._fill, people)

    def _fill(self, people: list[Person]) -> None:
        self._controller.clear()
        self._ids = {}
        for person in people:
            self._add(person)
        for name, keys in members_of(people).items():
            self._controller.group(name, [samba_dc.dn_of(key) for key in keys])

    def _add(self, person: Person) -> None:
        control = samba_dc.ENABLED if person.active else samba_dc.DISABLED
        self._ids[person.key] = self._controller.person(person.key, userAccountControl=control)

    def _change(self, key: str, **values: str) -> None:
        self._controller.change(samba_dc.dn_of(key), **values)

    async def disable(self, key: str) -> None:
        await asyncio.to_thread(self._change, key, userAccountControl=samba_dc.DISABLED)

    async def rename(self, key: str, title: str) -> None:
        await asyncio.to_thread(self._change, key, title=title)

    async def readdress(self, key: str, email: str) -> None:
        await asyncio.to_thread(self._change, key, mail=email, userPrincipalName=email)

    async def add(self, person: Person) -> None:
        await asyncio.to_thread(self._add, person)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._controller.delete, samba_dc.dn_of(key))

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        members = [samba_dc.dn_of(one) for one in (*keys, *groups)]
        await asyncio.to_thread(self._put_group, name, members)

    def _put_group(self, name: str, members: list[str]) -> None:
        if name in self.group_ids:
            self._controller.change(samba_dc.dn_of(name), member=members)
        else:
            self.group_ids[name] = self._controller.group(name, members)

    async def spoil_one(self) -> None:
        await asyncio.to_thread(self._change, min(self._ids), preferredLanguage="x" * 10_001)

    async def refuse_sign_in(self) -> None:
        await asyncio.to_thread(self._controller.set_password, "another-password")

    async def go_away(self) -> None:
        self._tube.shut()

    def settings(self, page_size: int) -> ProviderSettings:
        return LdapSettings(
            url=f"ldap://127.0.0.1:{self._tube.port}",
            base=samba_dc.STAFF,
            user=samba_dc.READER,
            password=SECRET,
            ca="file:ca.pem",
            page_size=page_size,
        )

    def id_of(self, key: str) -> str:
        return self._ids[key]


@asynccontextmanager
async def active_directory_harness(
    folder: Path, controller: DomainController
) -> AsyncIterator[Backend]:
    async with Tube(389, controller.address) as tube:
        yield ActiveDirectoryHarness(folder, controller=controller, tube=tube)
