"""The LDAP identity provider."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from dataclasses import replace

from core.errors import ConfigurationError, PermissionMissingError, TerminalRemoteError
from core.http.addresses import AddressPolicy
from core.model.configuration import LdapSettings
from core.model.directory import (
    Capabilities,
    ChangePage,
    CheckReport,
    ExternalId,
    Memberships,
    Page,
    Presence,
    ProviderGroup,
    ProviderUser,
    ResourceKind,
    UnitPath,
    Watermark,
)
from core.ports import Clock
from core.providers.context import ProviderContext
from core.providers.finding import named, the_only
from core.providers.ldap.changes import Changes
from core.providers.ldap.check import check_directory
from core.providers.ldap.dialect import id_condition
from core.providers.ldap.directory import Directory
from core.providers.ldap.faults import not_installed
from core.providers.ldap.groups import Groups
from core.providers.ldap.managers import Managers
from core.providers.ldap.memberships import MembershipSearch
from core.providers.ldap.names import escaped, is_filter, normal_dn
from core.providers.ldap.people import People
from core.providers.ldap.reaching import parse_server
from core.providers.ldap.records import (
    UserDecoder,
    decode_group,
    is_active,
    is_attribute,
    read_entry,
    record_id,
)
from core.providers.ldap.signing_in import Credentials
from core.providers.ldap.units import Units
from core.providers.pages import nothing

_MAX_PAGE = 10_000


class LdapProvider:
    """People and groups of an LDAP directory; see `core.ports.IdentityProvider`.

    Requests: one for the root DSE, one a page, one for the base after each listing. Groups name
    their members by DN, so reading groups lists the people's names, too.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        decoder: UserDecoder,
        groups: bool,
        units: bool,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._decoder = decoder
        self._wants_groups = groups
        self._people = People(directory)
        self._groups = Groups(directory, self._people)
        self._memberships = MembershipSearch(directory, self._people, self._groups)
        self._managers = Managers(directory, self._people)
        self._units = Units(directory)
        self._changes = Changes(
            directory,
            self._people,
            self._groups,
            units=self._units if units or decoder.wants_dn else None,
            clock=clock,
        )

    @classmethod
    async def open(cls, settings: LdapSettings, *, context: ProviderContext) -> LdapProvider:
        """Return the provider; nothing is connected yet.

        Raises `ConfigurationError` if the settings cannot be used, or LDAP was not installed.
        """
        if importlib.util.find_spec("bonsai") is None:
            raise not_installed()
        _refuse_unusable(settings)
        directory = Directory(
            settings,
            server=parse_server(settings.url, start_tls=settings.start_tls),
            credentials=Credentials(settings, context),
            policy=AddressPolicy(allowed=context.allow_networks),
            limits=context.limits,
            clock=context.clock,
        )
        decoder = UserDecoder(context.wanted, settings=settings)
        return cls(
            directory=directory,
            decoder=decoder,
            groups=settings.groups,
            units=context.org_units,
            clock=context.clock,
        )

    @property
    def capabilities(self) -> Capabilities:
        """Groups if they are wanted; single reads; deltas unless one group's members are read."""
        return Capabilities(
            groups=self._wants_groups,
            read_one=True,
            announces_total=False,
            delta=self._directory.settings.member_of is None,
            page_size=self._directory.settings.page_size,
        )

    @property
    def decoder_revision(self) -> str:
        """Changes with the decoder and with the attributes that are wanted."""
        return self._decoder.revision

    @property
    def requests(self) -> int:
        """How many searches and pages were asked for so far."""
        return self._directory.requests

    async def read_users(self) -> AsyncIterator[Page]:
        """Yield all people, page by page, the next page already requested."""
        selection = await self._selection()
        managers = await self._managers.index() if self._decoder.wants_manager else None
        number = 0
        async with aclosing(self._people.pages(selection)) as pages:
            async for found in pages:
                records = [bytes(raw) for raw in found.records]
                if managers is not None:
                    records = [self._managers.named(raw, managers) for raw in records]
                yield Page(records=records, last=found.last, total=None, token=str(number))
                number += 1

    async def read_groups(self) -> AsyncIterator[Page]:
        """Yield all groups with their members, if groups are wanted."""
        if not self._wants_groups:
            return
        async with aclosing(self._groups.records()) as groups:
            records = [raw async for raw in groups]
        size = self._directory.settings.page_size
        for start in range(0, max(1, len(records)), size):
            last = start + size >= len(records)
            yield Page(
                records=records[start : start + size], last=last, total=None, token=str(start)
            )

    def list_groups(self) -> AsyncIterator[Page]:
        """Yield all groups without their members, if groups are wanted."""
        return self._memberships.pages() if self._wants_groups else nothing()

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Say which groups have the person in them; see `core.providers.ldap.memberships`."""
        return await self._memberships.held_by(await self._id_filter(person), person, groups)

    async def watermark(self) -> Watermark | None:
        """Return where a delta begins that starts now; None where there are none."""
        if not self.capabilities.delta:
            return None
        return await self._changes.watermark(await self._selection())

    async def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:
        """Yield the people and then the groups that changed since then."""
        if not self.capabilities.delta:
            return
        selection = await self._selection()
        managers = await self._managers.index() if self._decoder.wants_manager else None
        listing = self._changes.pages(since, selection, groups=self._wants_groups)
        async with aclosing(listing) as pages:
            async for page in pages:
                if managers is not None and page.kind is ResourceKind.USER:
                    named_records = [self._managers.named(raw, managers) for raw in page.records]
                    yield replace(page, records=named_records)
                else:
                    yield page

    def decode_user(self, raw: bytes) -> ProviderUser:
        """Decode one person, or raise `RecordError`."""
        return self._decoder.decode(raw)

    def decode_group(self, raw: bytes) -> ProviderGroup:
        """Decode one group, or raise `RecordError`."""
        return decode_group(raw)

    def identify(self, raw: bytes) -> ExternalId | None:
        """Return the id in an unreadable record, or None if even that is lost."""
        return record_id(raw)

    async def read_user(self, external_id: ExternalId) -> Presence:
        """Say whether this one person is active, disabled or gone.

        Gone is somebody whom the configuration does not read any more, too: who matches the filter
        no longer, or left the group that it names. That is believed only of an account that sees
        others.
        """
        condition = await self._id_filter(external_id)
        question = await self._people.question(condition, await self._selection())
        found = await self._directory.few_raw(question) if condition else []
        members = await self._people.members() if found else None
        for raw in found:
            entry = read_entry(raw)
            if entry.id != external_id:
                raise _somebody_else(self._directory.host)
            if members is None or normal_dn(entry.dn) in members:
                return Presence.ACTIVE if is_active(entry.values) else Presence.DISABLED
        if not await self._directory.shows_any(await self._people.question()):
            raise _blind(self._directory.host)
        return Presence.GONE

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Say whether this one group is there (active) or gone; believed as with people."""
        condition = await self._id_filter(external_id)
        if condition:
            found = await self._directory.few(await self._groups.question(condition))
            if any(entry.id != external_id for entry in found):
                raise _somebody_else(self._directory.host)
            if found:
                return Presence.ACTIVE
        for question in (await self._people.question(), await self._groups.question()):
            if await self._directory.shows_any(question):
                return Presence.GONE
        raise _blind(self._directory.host)

    async def find_user(self, name: str) -> bytes | None:
        """Return the one person's record, or None; one search by id, user name and address."""
        dialect = await self._directory.dialect()
        selection = await self._selection()
        value = escaped(name)
        conditions = [f"({attribute}={value})" for attribute in (*dialect.user_names, "mail")]
        conditions.append(await self._id_filter(name))
        question = await self._people.question(f"(|{''.join(conditions)})", selection)
        records = await self._directory.few_raw(question)
        members = await self._people.members() if records else None
        if members is not None:
            records = [raw for raw in records if normal_dn(read_entry(raw).dn) in members]
        found = named(records, name, decode=self.decode_user, identify=self.identify)
        raw = the_only(found, name)
        if raw is None or not self._decoder.wants_manager:
            return raw
        return await self._managers.looked_up(raw)

    async def find_org_unit(self, name: str) -> UnitPath | None:
        """Return where the unit of this DN, id (``id:…``) or path below the base is, or None."""
        return await self._units.find(name)

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest."""
        return await check_directory(
            self._directory,
            self._people,
            self._groups if self._wants_groups else None,
            decoder=self._decoder,
        )

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self._directory.aclose()

    async def _selection(self) -> list[str]:
        dialect = await self._directory.dialect()
        return self._decoder.selection(dialect.user_names)

    async def _id_filter(self, text: str) -> str:
        return id_condition(text, await self._directory.dialect())


def _refuse_unusable(settings: LdapSettings) -> None:
    for name, text in (
        ("people_filter", settings.people_filter),
        ("groups_filter", settings.groups_filter),
    ):
        if text is not None and not is_filter(text):
            raise ConfigurationError(
                f"{name} is not one whole filter such as (objectClass=person).",
                code="filter_invalid",
            )
    for name, text in (("user_name", settings.user_name), ("id", settings.id)):
        if text is not None and not is_attribute(text):
            raise ConfigurationError(f"{name} is no LDAP attribute.", code="attribute_invalid")
    if not 1 <= settings.page_size <= _MAX_PAGE:
        raise ConfigurationError(f"page_size must be from 1 to {_MAX_PAGE}.")


def _somebody_else(host: str) -> TerminalRemoteError:
    return TerminalRemoteError(
        f"{host} answered with another entry than the one that was asked for.",
        code="wrong_entry",
        hint="Check the id attribute of the configuration.",
    )


def _blind(host: str) -> PermissionMissingError:
    return PermissionMissingError(
        f"{host} shows this account nobody at all, so nobody can be said to be gone.",
        hint="Let the account read people below the base.",
    )
