"""The Okta identity provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import urlsplit

from core.errors import ConfigurationError
from core.http.client import HttpClient
from core.http.pacing import RateWindows
from core.http.redaction import Redactor
from core.model.configuration import OktaSettings
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
    Watermark,
)
from core.providers.context import ProviderContext
from core.providers.decoding import id_of
from core.providers.okta.changes import checked, groups_since, mark, people_since
from core.providers.okta.check import check_org
from core.providers.okta.finding import PersonFinder
from core.providers.okta.groups import LIMIT, completed
from core.providers.okta.listing import Listing, not_okta
from core.providers.okta.memberships import groups_of
from core.providers.okta.paging import walk
from core.providers.okta.records import (
    MAY_NOT,
    MAY_SIGN_IN,
    UserDecoder,
    decode_group,
)
from core.providers.okta.server import OktaServer, decoded_single, rate_kind
from core.providers.okta.signing import GROUPS, USERS, open_sign_in
from core.providers.pages import nothing

_CALLED = "The Okta org"
MAX_PAGE = 200
"""People a page, at most."""


class OktaProvider:
    """People and groups of an Okta org; see `core.ports.IdentityProvider`.

    Requests: one a page of people, one a page of groups, one a page of each group's members.
    People whom Okta has deactivated are not in its list; asked for singly they are disabled.
    """

    def __init__(
        self, *, server: OktaServer, decoder: UserDecoder, page_size: int, groups: bool
    ) -> None:
        self._server = server
        self._decoder = decoder
        self._page_size = page_size
        self._groups = groups
        self._finder = PersonFinder(self._one_page, decoder=decoder)

    @classmethod
    async def open(cls, settings: OktaSettings, *, context: ProviderContext) -> OktaProvider:
        """Return the provider; nothing is connected yet.

        Raises `ConfigurationError` if the settings cannot be used.
        """
        origin = _origin(settings.url)
        redactor = Redactor()
        sign_in = await open_sign_in(settings, origin=origin, context=context, redactor=redactor)
        pace = RateWindows(clock=context.clock, kind_of=rate_kind)
        client = await HttpClient.open(
            origin,
            options=context.http,
            authorizer=sign_in.authorizer,
            redactor=redactor,
            accept="application/json",
            pace=pace,
            called=_CALLED,
        )
        anonymous = await HttpClient.open(
            origin, options=context.http, accept="application/json", pace=pace, called=_CALLED
        )
        return cls(
            server=OktaServer(client, anonymous=anonymous, sign_in=sign_in, clock=context.clock),
            decoder=UserDecoder(context.wanted),
            page_size=min(max(settings.page_size, 1), MAX_PAGE),
            groups=settings.groups,
        )

    @property
    def capabilities(self) -> Capabilities:
        """Groups if they are wanted; single reads; changes; no totals."""
        return Capabilities(
            groups=self._groups,
            read_one=True,
            announces_total=False,
            delta=True,
            page_size=self._page_size,
        )

    @property
    def decoder_revision(self) -> str:
        """Changes with the decoder and with the attributes that are wanted."""
        return self._decoder.revision

    @property
    def requests(self) -> int:
        """How many requests went to the org so far, those for tokens not counted."""
        return self._server.client.requests

    def read_users(self) -> AsyncIterator[Page]:
        """Yield all people, page by page, the next page already requested."""
        return self._people({})

    def read_groups(self) -> AsyncIterator[Page]:
        """Yield all groups with their members, if groups are wanted."""
        return self._group_pages({}) if self._groups else nothing()

    def list_groups(self) -> AsyncIterator[Page]:
        """Yield all groups without their members, if groups are wanted."""
        return self._listed_groups({}) if self._groups else nothing()

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Say which groups have the person in them; one request for two hundred of theirs."""
        held = await groups_of(self._server, person)
        return Memberships(groups=held.intersection(groups), whole=True)

    async def watermark(self) -> Watermark | None:
        """Return where a delta begins that starts now, on the org's own clock."""
        return mark(await self._server.time())

    async def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:
        """Yield who changed, then which groups did; see `core.providers.okta.changes`."""
        now = await self._server.time()
        begin = checked(since, now=now)
        listings = [(ResourceKind.USER, self._people({"filter": people_since(begin)}))]
        if self._groups:
            changed = self._group_pages({"filter": groups_since(begin)})
            listings.append((ResourceKind.GROUP, changed))
        for kind, listing in listings:
            final = kind is listings[-1][0]
            ended = False
            async with aclosing(listing) as pages:
                async for page in pages:
                    ended = page.last
                    last = page.last and final
                    yield ChangePage(
                        kind=kind,
                        records=page.records,
                        last=last,
                        token=f"{kind.value} {page.token}",
                        watermark=mark(now) if last else None,
                    )
            if not ended:
                return

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
        """Say whether this one person is active, disabled or gone."""
        status = await self._status(USERS, external_id)
        if status is None:
            return Presence.GONE
        if status in MAY_SIGN_IN:
            return Presence.ACTIVE
        if status in MAY_NOT:
            return Presence.DISABLED
        raise not_okta(self._server.client.host, "somebody has a status that dirsync does not know")

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Say whether this one group is there (active) or gone."""
        found = await self._status(GROUPS, external_id)
        return Presence.GONE if found is None else Presence.ACTIVE

    async def find_user(self, name: str) -> bytes | None:
        """Return the one person's record, or None; two or three requests."""
        return await self._finder.find(name)

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest."""
        return await check_org(
            self._server,
            decode=self.decode_user,
            fields=self._decoder.plan.selection,
            groups=self._groups,
        )

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self._server.aclose()

    async def _status(self, path: str, external_id: ExternalId) -> str | None:
        """Return a record's status ("" for a group), or None if it is gone.

        Okta looks people up by login, too, so an answer about somebody else says nothing.
        """
        raw = await self._server.single(path, external_id)
        if raw is None:
            return None
        host = self._server.client.host
        found, status = decoded_single(raw, host)
        if found != external_id:
            raise not_okta(host, "it answered with another record")
        return status

    async def _one_page(self, params: Mapping[str, str]) -> Listing:
        return await self._server.people(params, fields=self._decoder.plan.selection)

    def _people(self, params: Mapping[str, str]) -> AsyncGenerator[Page, None]:
        async def fetch(link: str | None) -> Listing:
            if link is not None:
                return await self._server.follow(USERS, link)
            return await self._one_page({**params, "limit": str(self._page_size)})

        return walk(fetch, limit=self._page_size)

    async def _group_pages(self, params: Mapping[str, str]) -> AsyncGenerator[Page, None]:
        async with aclosing(self._listed_groups(params)) as pages:
            async for page in pages:
                yield replace(page, records=await completed(self._server, page.records))

    def _listed_groups(self, params: Mapping[str, str]) -> AsyncGenerator[Page, None]:
        async def fetch(link: str | None) -> Listing:
            if link is not None:
                return await self._server.follow(GROUPS, link)
            return await self._server.page(GROUPS, {**params, "limit": str(LIMIT)})

        return walk(fetch, limit=LIMIT)


def _origin(url: str) -> str:
    """Return the org's address; raise `ConfigurationError` if there is more to the URL."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _bad_url() from error
    if not parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise _bad_url()
    return f"{parts.scheme}://{parts.netloc}"


def _bad_url() -> ConfigurationError:
    return ConfigurationError(
        "The URL must be the address of the Okta org and nothing more.",
        code="url_invalid",
        hint="For example: https://acme.okta.com, or the org's custom domain.",
    )
