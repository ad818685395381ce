"""The SCIM 2.0 identity provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

import msgspec

from core.errors import ConfigurationError, TerminalRemoteError
from core.http.client import Authorizer, HttpClient
from core.http.redaction import Redactor
from core.http.tokens import BasicSignIn, BearerToken, ClientCredentials
from core.model.configuration import ScimSettings
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
from core.providers.pages import nothing
from core.providers.scim.changes import Changes
from core.providers.scim.check import check_server
from core.providers.scim.finding import PersonFinder
from core.providers.scim.groups import MemberEvidence
from core.providers.scim.listing import CALLED, Listing, not_scim
from core.providers.scim.memberships import held_by, with_members
from core.providers.scim.paging import walk_by_cursor, walk_by_index
from core.providers.scim.records import UserDecoder, decode_group
from core.providers.scim.server import ScimServer

_USERS, _GROUPS = "Users", "Groups"
_GROUP_SELECTION = "displayName,members"
_GROUP_NAME = "displayName"
_SOME = 10


class ScimProvider:
    """People and groups of a SCIM 2.0 server; see `core.ports.IdentityProvider`.

    Requests: one for the ServiceProviderConfig, then exactly one a page.
    """

    def __init__(
        self,
        *,
        client: HttpClient,
        decoder: UserDecoder,
        page_size: int,
        groups: bool,
        delta: bool,
    ) -> None:
        self._client = client
        self._server = ScimServer(client)
        self._decoder = decoder
        self._page_size = page_size
        self._groups = groups
        self._delta = delta
        self._changes = Changes(
            self._server, people=self._people, groups=self._group_pages if groups else None
        )
        self._finder = PersonFinder(
            self._server, decoder=decoder, identify=self.identify, listing=self._people
        )

    @classmethod
    async def open(cls, settings: ScimSettings, *, context: ProviderContext) -> ScimProvider:
        """Return the provider; nothing is connected yet.

        Raises `ConfigurationError` if the settings cannot be used.
        """
        if settings.page_size < 1:
            raise ConfigurationError("page_size must be at least 1.")
        redactor = Redactor()
        authorizer = await _authorizer(settings, context, redactor)
        client = await HttpClient.open(
            settings.url,
            options=context.http,
            authorizer=authorizer,
            redactor=redactor,
            called=CALLED,
        )
        return cls(
            client=client,
            decoder=UserDecoder(context.wanted),
            page_size=settings.page_size,
            groups=settings.groups,
            delta=settings.delta,
        )

    @property
    def capabilities(self) -> Capabilities:
        """Groups if they are wanted; single reads; announced totals; deltas by the time of change.

        Of a server that does not filter rightly there is no watermark, and so no delta.
        """
        return Capabilities(
            groups=self._groups,
            read_one=True,
            announces_total=True,
            delta=self._delta,
            page_size=self._page_size,
        )

    @property
    def decoder_revision(self) -> str:
        """Changes with the decoder and with the attributes that are wanted."""
        return self._decoder.revision

    @property
    def requests(self) -> int:
        """How many requests went to the server so far."""
        return self._client.requests

    def read_users(self) -> AsyncIterator[Page]:
        """Yield all people, page by page, the next page already requested."""
        return self._people()

    def read_groups(self) -> AsyncIterator[Page]:
        """Yield all groups with their members, if groups are wanted."""
        return self._changes.taken_ahead()

    def list_groups(self) -> AsyncIterator[Page]:
        """Yield all groups without their members, if groups are wanted."""
        return self._named_groups() if self._groups else nothing()

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Say which groups have the person in them; see `core.providers.scim.memberships`."""
        return await held_by(self._named_groups, person, groups)

    async def with_members(self, groups: Sequence[bytes]) -> Sequence[bytes]:
        """Return listed groups with their members."""
        return await with_members(
            groups, some=self._some_groups, single=self._single_group, listing=self._group_pages
        )

    async def watermark(self) -> Watermark | None:
        """Return where a delta begins that starts now; None from a server that filters wrongly."""
        return await self._changes.watermark() if self._delta else None

    def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:
        """Yield who changed, and all groups if any did; see `core.providers.scim.changes`."""
        return self._changes.pages(since) if self._delta else nothing()

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
        """Say whether this one person is active, disabled or gone (RFC 7644 §3.4.1)."""
        raw = await self._server.single(_USERS, external_id, selection="userName,active")
        if raw is None:
            return Presence.GONE
        if _single_id(raw) != external_id:
            raise not_scim(self._client.host, "it answered with somebody else's record")
        return Presence.ACTIVE if _says_active(raw) else Presence.DISABLED

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Say whether this one group is there (active) or gone (RFC 7644 §3.4.1)."""
        raw = await self._server.single(_GROUPS, external_id, selection="displayName")
        if raw is None:
            return Presence.GONE
        if _single_id(raw) != external_id:
            raise not_scim(self._client.host, "it answered with another group's record")
        return Presence.ACTIVE

    async def find_user(self, name: str) -> bytes | None:
        """Return the one person's record, or None; three requests where the server filters."""
        return await self._finder.find(name)

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest."""
        return await check_server(
            self._server,
            decode=self.decode_user,
            selection=self._decoder.plan.selection,
            groups=self._groups,
        )

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self._client.aclose()

    def _people(self, condition: str = "") -> AsyncGenerator[Page, None]:
        return self._pages(_USERS, self._decoder.plan.selection, condition)

    def _named_groups(self, condition: str = "") -> AsyncGenerator[Page, None]:
        return self._pages(_GROUPS, _GROUP_NAME, condition)

    async def _some_groups(self) -> Sequence[bytes]:
        """Return a few groups as a listing shows them."""
        manner = await self._server.manner()
        start = {"cursor": ""} if manner.by_cursor else {"startIndex": "1"}
        paging = {**start, "count": str(_SOME)}
        return (await self._server.page(_GROUPS, paging, selection=_GROUP_SELECTION)).records or ()

    async def _group_pages(self) -> AsyncGenerator[Page, None]:
        evidence = MemberEvidence(self._single_group)
        async with aclosing(self._pages(_GROUPS, _GROUP_SELECTION)) as pages:
            async for page in pages:
                yield replace(page, records=await evidence.settle(page.records))

    async def _pages(
        self, endpoint: str, selection: str, condition: str = ""
    ) -> AsyncGenerator[Page, None]:
        manner = await self._server.manner()
        count = min(self._page_size, manner.max_page or self._page_size)
        more = {"filter": condition} if condition else {}
        fetch = partial(self._fetch, endpoint, selection, more)
        walk = walk_by_cursor if manner.by_cursor else walk_by_index
        async with aclosing(walk(fetch, count=count)) as pages:
            async for page in pages:
                yield page

    async def _fetch(
        self, endpoint: str, selection: str, more: Mapping[str, str], paging: Mapping[str, str]
    ) -> Listing:
        return await self._server.page(endpoint, {**paging, **more}, selection=selection)

    async def _single_group(self, record: bytes) -> bytes | None:
        group_id = id_of(record)
        if group_id is None:
            return None
        return await self._server.single(_GROUPS, group_id, selection=_GROUP_SELECTION)


class _Presence(msgspec.Struct):
    id: str | None = None
    active: bool | str | None = None


def _single_id(raw: bytes) -> str | None:
    return _presence(raw).id


def _says_active(raw: bytes) -> bool:
    return str(_presence(raw).active).lower() != "false"


def _presence(raw: bytes) -> _Presence:
    try:
        return msgspec.json.decode(raw, type=_Presence)
    except (ValueError, RecursionError) as error:
        raise TerminalRemoteError(
            "The server's answer about one person cannot be read.", code="not_scim"
        ) from error


async def _authorizer(
    settings: ScimSettings, context: ProviderContext, redactor: Redactor
) -> Authorizer:
    """Return the one way to sign in that the settings name."""
    token, client = settings.token, settings.client_id and settings.client_secret
    basic = settings.username and settings.password
    if [bool(token), bool(basic), bool(settings.token_url and client)].count(True) != 1:
        raise ConfigurationError(
            "The configuration must name exactly one way to sign in.",
            code="sign_in_ambiguous",
            hint="Give token; or username and password; or token_url, client_id, client_secret.",
        )
    if token:
        return BearerToken(context.secret(token, name="token"), redactor=redactor)
    if settings.username and settings.password:
        return BasicSignIn(
            context.text(settings.username, name="username"),
            context.secret(settings.password, name="password"),
            redactor=redactor,
        )
    return await ClientCredentials.open(
        settings.token_url or "",
        client_id=context.text(settings.client_id or "", name="client_id"),
        client_secret=context.secret(settings.client_secret or "", name="client_secret"),
        scope=settings.oauth_scope,
        options=context.http,
        redactor=redactor,
    )
