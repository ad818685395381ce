"""The Microsoft Entra ID identity provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from core.errors import ConfigurationError, TerminalRemoteError
from core.http.client import HttpClient
from core.http.pacing import HeldBack
from core.http.redaction import Redactor
from core.model.configuration import EntraSettings
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
    Watermark,
)
from core.providers.context import ProviderContext
from core.providers.decoding import id_of
from core.providers.entra.changes import ChangeReader, selected
from core.providers.entra.check import TenantCheck
from core.providers.entra.clouds import cloud_named
from core.providers.entra.finding import find_person
from core.providers.entra.graph import MAX_TOP, Graph
from core.providers.entra.listing import not_graph
from core.providers.entra.members import SELECTION, MemberReader
from core.providers.entra.memberships import MembershipChecks
from core.providers.entra.paging import walk
from core.providers.entra.records import UserDecoder, decode_group
from core.providers.entra.rights import GROUPS, PEOPLE
from core.providers.entra.signin import open_grant
from core.providers.pages import nothing

_TOLERATED_PEOPLE = 5
_TOLERATED_SHARE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wishes:
    """What the settings say of reading."""

    tenant: str
    page_size: int
    groups: bool


class EntraProvider:
    """People and groups of a Microsoft Entra tenant; see `core.ports.IdentityProvider`.

    Requests of a full read: the pages of people, one for their count, the pages of groups, one
    for the first pages of twenty groups' members, and their further pages.
    """

    def __init__(self, graph: Graph, *, decoder: UserDecoder, wishes: _Wishes) -> None:
        self._graph = graph
        self._decoder = decoder
        self._wishes = wishes
        self._members = MemberReader(graph)
        self._memberships = MembershipChecks(graph)
        self._changes = ChangeReader(
            graph, plan=decoder.plan, members=self._members, groups=wishes.groups
        )

    @classmethod
    async def open(cls, settings: EntraSettings, *, context: ProviderContext) -> EntraProvider:
        """Return the provider; nothing is connected yet.

        Raises `ConfigurationError` if the settings cannot be used.
        """
        if not 1 <= settings.page_size <= MAX_TOP:
            raise ConfigurationError(f"page_size must be from 1 to {MAX_TOP}.")
        cloud = cloud_named(settings.cloud)
        redactor = Redactor()
        pace = HeldBack(clock=context.clock)
        client = await HttpClient.open(
            settings.url or f"{cloud.graph}/v1.0",
            options=context.http,
            authorizer=await open_grant(settings, cloud=cloud, context=context, redactor=redactor),
            redactor=redactor,
            accept="application/json",
            pace=pace,
            called="Microsoft Graph",
        )
        wishes = _Wishes(
            tenant=settings.tenant, page_size=settings.page_size, groups=settings.groups
        )
        graph = Graph(client, admin=cloud.admin, hold_back=pace.hear)
        return cls(graph, decoder=UserDecoder(context.wanted), wishes=wishes)

    @property
    def capabilities(self) -> Capabilities:
        """Groups if they are wanted; single reads; deltas. The count is no promised total."""
        return Capabilities(
            groups=self._wishes.groups,
            read_one=True,
            announces_total=False,
            delta=True,
            page_size=self._wishes.page_size,
        )

    @property
    def decoder_revision(self) -> str:
        """Changes with the decoder and with the attributes that are wanted."""
        return self._decoder.revision

    @property
    def requests(self) -> int:
        """How many requests went to Graph so far."""
        return self._graph.client.requests

    async def read_users(self) -> AsyncIterator[Page]:
        """Yield all people, page by page, the next page already requested.

        The end is not believed if Graph counts far more people.

        The count comes from an index that lags behind, so that some people more or fewer say
        nothing; that everybody asked for singly is confirmed as gone protects those.
        """
        params = {**selected(self._decoder.plan), "$top": str(self._wishes.page_size)}
        received = 0
        async with aclosing(walk(self._graph, "users", params, right=PEOPLE)) as pages:
            async for listing, token in pages:
                received += len(listing.records)
                ended = listing.next_link is None
                counted = await self._graph.count(right=PEOPLE) if ended else None
                short = counted is not None and received < counted - _tolerated(counted)
                yield Page(
                    records=listing.records,
                    last=ended and not short,
                    total=counted if short else None,
                    token=token,
                )

    async def read_groups(self) -> AsyncIterator[Page]:
        """Yield all groups with their direct members, if groups are wanted."""
        if not self._wishes.groups:
            return
        params = {"$select": SELECTION, "$top": str(self._wishes.page_size)}
        async with aclosing(walk(self._graph, "groups", params, right=GROUPS)) as pages:
            async for listing, token in pages:
                records = await self._members.settle(listing.records)
                last = listing.next_link is None
                yield Page(records=records, last=last, total=None, token=token)

    def list_groups(self) -> AsyncIterator[Page]:
        """Yield all groups without their members, if groups are wanted."""
        return self._memberships.pages() if self._wishes.groups else nothing()

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Say which groups have the person in them; see `core.providers.entra.memberships`."""
        return await self._memberships.held_by(person, groups)

    async def with_members(self, groups: Sequence[bytes]) -> Sequence[bytes]:
        """Return listed groups with their direct members."""
        return await self._members.settle(groups)

    async def watermark(self) -> Watermark | None:
        """Return where a delta begins that starts now; None if the tenant has none."""
        return await self._changes.watermark()

    def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:
        """Yield the people and groups that changed since then, whole, and those removed."""
        return self._changes.read(since)

    def decode_user(self, raw: bytes) -> ProviderUser:
        """Decode one person, or raise `RecordError`."""
        return self._decoder.decode(raw)

    def decode_group(self, raw: bytes) -> ProviderGroup:
        """Decode one group, or raise `RecordError`."""
        return decode_group(raw)

    def identify(self, raw: bytes) -> ExternalId | None:
        """Return the id in an unreadable record, or None if even that is lost."""
        return id_of(raw)

    async def read_user(self, external_id: ExternalId) -> Presence:
        """Say whether this one person is enabled, disabled or gone (deleted, also softly)."""
        record = await self._single("users", external_id, "id,accountEnabled", PEOPLE)
        if record is None:
            return Presence.GONE
        return Presence.DISABLED if record.accountEnabled is False else Presence.ACTIVE

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Say whether this one group is there (active) or gone."""
        record = await self._single("groups", external_id, "id", GROUPS)
        return Presence.GONE if record is None else Presence.ACTIVE

    async def _single(
        self, collection: str, external_id: ExternalId, selection: str, right: str
    ) -> _Presence | None:
        raw = await self._graph.single(collection, external_id, selection=selection, right=right)
        if raw is None:
            return None
        try:
            record = msgspec.json.decode(raw, type=_Presence)
        except (ValueError, RecursionError) as error:
            raise TerminalRemoteError(
                "Graph's answer about one object cannot be read.", code="not_graph"
            ) from error
        if record.id != external_id:
            raise not_graph(self._graph.client.host, "it answered with another object")
        return record

    async def find_user(self, name: str) -> bytes | None:
        """Return the one person's record, or None; one request."""
        return await find_person(self._graph, name, decoder=self._decoder, identify=self.identify)

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest."""
        return await TenantCheck(
            self._graph,
            tenant=self._wishes.tenant,
            decoder=self._decoder,
            changes=self._changes,
            groups=self._wishes.groups,
        ).report()

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self._graph.client.aclose()


class _Presence(msgspec.Struct):
    id: str | None = None
    accountEnabled: bool | None = None  # noqa: N815 - the name on the wire


def _tolerated(counted: int) -> int:
    return max(_TOLERATED_PEOPLE, counted // _TOLERATED_SHARE)
