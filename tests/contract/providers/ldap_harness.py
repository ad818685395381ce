"""LDAP directories for the contract suite: OpenLDAP, and Active Directory where it can run."""

import asyncio
import shutil
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from core.model.configuration import LdapSettings, ProviderSettings
from tests.contract.providers.backend import SECRET, Backend, Person, members_of
from tests.support import samba_dc
from tests.support.ldap_server import LdapServer
from tests.support.samba_dc import DomainController
from tests.support.slapd import GROUPS, READER, SUFFIX, Slapd, dn_of
from tests.support.tube import Tube

FOR_GOOD = "000001010000Z"


class _LdapHarness(Backend):
    """A real server, reached by StartTLS through a tube."""

    def __init__(self, folder: Path, *, server: LdapServer, tube: Tube) -> None:
        super().__init__(folder)
        self._server = server
        self._tube = tube
        self._ids: dict[str, str] = {}
        shutil.copy(server.ca, folder / "ca.pem")

    @abstractmethod
    def _add(self, person: Person) -> None: ...

    def _dn_of(self, key: str) -> str:
        """Return where somebody is."""
        return dn_of(key)

    def _group_dn(self, name: str) -> str:
        return f"cn={name},{GROUPS}"

    async def _change(self, key: str, **values: str) -> None:
        await asyncio.to_thread(self._server.change, self._dn_of(key), **values)

    async def start(self, people: list[Person]) -> None:
        await asyncio.to_thread(self._fill, people)

    def _fill(self, people: list[Person]) -> None:
        self._server.clear()
        self._ids = {}
        for person in people:
            self._add(person)
        for name, keys in members_of(people).items():
            self._server.group(name, [self._dn_of(key) for key in keys])

    async def rename(self, key: str, title: str) -> None:
        await self._change(key, title=title)

    async def add(self, person: Person) -> None:
        await asyncio.to_thread(self._add, person)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._server.delete, self._dn_of(key))

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        members = [*map(self._dn_of, keys), *map(self._group_dn, groups)]
        await asyncio.to_thread(self._put_group, name, members)

    def _put_group(self, name: str, members: list[str]) -> None:
        if name in self.group_ids:
            self._server.change(self._group_dn(name), member=members)
        else:
            self.group_ids[name] = self._server.group(name, members)

    async def go_away(self) -> None:
        self._tube.shut()

    def _reached(self, base: str, user: str, *, page_size: int, **more: str) -> ProviderSettings:
        return LdapSettings(
            url=f"ldap://127.0.0.1:{self._tube.port}",
            base=base,
            user=user,
            password=SECRET,
            ca="file:ca.pem",
            page_size=page_size,
            **more,
        )

    def id_of(self, key: str) -> str:
        return self._ids[key]


class OpenLdapHarness(_LdapHarness):
    """slapd."""

    def _add(self, person: Person) -> None:
        self._ids[person.key] = self._server.person(person.key)
        if not person.active:
            self._server.change(dn_of(person.key), pwdAccountLockedTime=FOR_GOOD)

    async def disable(self, key: str) -> None:
        await self._change(key, pwdAccountLockedTime=FOR_GOOD)

    async def readdress(self, key: str, email: str) -> None:
        await self._change(key, mail=email, uid=email)

    async def spoil_one(self) -> None:
        await self._change(min(self._ids), title="x" * 10_001)

    async def refuse_sign_in(self) -> None:
        await asyncio.to_thread(self._server.change, READER, userPassword="another-password")

    def settings(self, page_size: int) -> ProviderSettings:
        return self._reached(SUFFIX, READER, page_size=page_size, groups_base=GROUPS)


@asynccontextmanager
async def openldap_harness(folder: Path, server: Slapd) -> AsyncIterator[Backend]:
    async with Tube(server.port) as tube:
        yield OpenLdapHarness(folder, server=server, tube=tube)


class ActiveDirectoryHarness(_LdapHarness):
    """A domain controller, in which people and groups are in one place."""

    def _dn_of(self, key: str) -> str:
        return samba_dc.dn_of(key)

    _group_dn = _dn_of

    def _add(self, person: Person) -> None:
        control = samba_dc.ENABLED if person.active else samba_dc.DISABLED
        self._ids[person.key] = self._server.person(person.key, userAccountControl=control)

    async def disable(self, key: str) -> None:
        await self._change(key, userAccountControl=samba_dc.DISABLED)

    async def readdress(self, key: str, email: str) -> None:
        await self._change(key, mail=email, userPrincipalName=email)

    async def spoil_one(self) -> None:
        await self._change(min(self._ids), preferredLanguage="x" * 10_001)

    async def refuse_sign_in(self) -> None:
        await asyncio.to_thread(self._server.set_password, "another-password")

    def settings(self, page_size: int) -> ProviderSettings:
        return self._reached(samba_dc.STAFF, samba_dc.READER, page_size=page_size)


@asynccontextmanager
async def active_directory_harness(
    folder: Path, controller: DomainController
) -> AsyncIterator[Backend]:
    async with Tube(389, controller.address) as tube:
        yield ActiveDirectoryHarness(folder, server=controller, tube=tube)
