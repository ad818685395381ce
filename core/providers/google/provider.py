"""The Google Workspace identity provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from core.http.redaction import Redactor
from core.model.configuration import GoogleSettings
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
    UnitPath,
    Watermark,
)
from core.providers.context import ProviderContext
from core.providers.decoding import id_of
from core.providers.google.check import Asked, CustomerCheck
from core.providers.google.finding import PersonFinder
from core.providers.google.listing import Listing, not_google
from core.providers.google.members import MAX_PEOPLE, GroupReader
from core.providers.google.memberships import held_by
from core.providers.google.paging import walk
from core.providers.google.records import UserDecoder, decode_group, unit_path
from core.providers.google.server import (
    ROOT,
    GoogleServer,
    OrgUnit,
    Single,
    decoded_single,
    segment,
)
from core.providers.google.signing import GROUPS, PEOPLE, TOKEN_URL, GoogleSignIn
from core.providers.pages import nothing


class GoogleProvider:
    """People and groups of a Google Workspace customer; see `core.ports.IdentityProvider`.

    Requests: one a page of people, one a page of groups, one for fifty groups' first pages of
    members and one for each page after, and where a group has everybody in it one a page of
    everybody's ids. The Directory API has no
    listing of changes: ``users.list`` filters by no time of a change ("Search for users"), its
    ``watch`` needs a receiver on the internet, and its search may be 36 hours old.
    """

    def __init__(
        self, server: GoogleServer, *, settings: GoogleSettings, decoder: UserDecoder
    ) -> None:
        self._server = server
        self._settings = settings
        self._decoder = decoder
        self._page_size = min(max(settings.page_size, 1), MAX_PEOPLE)
        anybody = {"customer": settings.customer, "maxResults": "1", "fields": "kind,users(id)"}
        self._units: Sequence[OrgUnit] | None = None
        self._finder = PersonFinder(server, decoder=decoder, anybody=anybody)

    @classmethod
    async def open(cls, settings: GoogleSettings, *, context: ProviderContext) -> GoogleProvider:
        """Return the provider; nothing is connected yet.

        Raises `ConfigurationError` if the settings cannot be used.
        """
        sign_in = GoogleSignIn(
            admin=settings.admin,
            key=settings.service_account,
            token_url=settings.login_url or TOKEN_URL,
            context=context,
            redactor=Redactor(),
        )
        root = (settings.url or ROOT).rstrip("/")
        server = await GoogleServer.open(root, sign_in=sign_in, context=context)
        return cls(server, settings=settings, decoder=UserDecoder(context.wanted))

    @property
    def capabilities(self) -> Capabilities:
        """Groups if they are wanted; single reads; neither changes nor totals."""
        return Capabilities(
            groups=self._settings.groups,
            read_one=True,
            announces_total=False,
            delta=False,
            page_size=self._page_size,
        )

    @property
    def decoder_revision(self) -> str:
        """Changes with the decoder and with the attributes that are wanted."""
        return self._decoder.revision

    @property
    def requests(self) -> int:
        """How many requests went to the API so far, those for tokens not counted."""
        return self._server.requests

    def read_users(self) -> AsyncIterator[Page]:
        """Yield all people, page by page, the next page already requested.

        Suspended and archived people are among them, deleted ones are not.
        """
        plan = self._decoder.plan
        params = {
            "customer": self._settings.customer,
            "maxResults": str(self._page_size),
            "fields": f"kind,nextPageToken,users({plan.selection})",
            **plan.projection,
        }

        async def fetch(token: str | None) -> Listing:
            asked = params if token is None else {**params, "pageToken": token}
            return await self._server.page(PEOPLE, "users", asked, key="users")

        return walk(fetch)

    def read_groups(self) -> AsyncIterator[Page]:
        """Yield all groups with their direct members, if groups are wanted."""
        return self._group_reader().pages() if self._settings.groups else nothing()

    def list_groups(self) -> AsyncIterator[Page]:
        """Yield all groups without their members, if groups are wanted."""
        return self._group_reader().listed() if self._settings.groups else nothing()

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Say which groups have the person in them; see `core.providers.google.memberships`."""
        return await held_by(self._server, person, groups)

    async def with_members(self, groups: Sequence[bytes]) -> Sequence[bytes]:
        """Return listed groups with their direct members."""
        return await self._group_reader().completed(groups)

    async def watermark(self) -> Watermark | None:
        """Return None: there is no listing of changes."""
        return None

    def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:  # noqa: ARG002
        """Yield nothing: there is no listing of changes."""
        return nothing()

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
        """Say whether this one person is active, disabled (suspended or archived) or gone.

        Somebody deleted is gone, although an admin can restore them for 20 days.
        """
        fields = "id,suspended,archived,deletionTime"
        found = await self._single(PEOPLE, "users", external_id, fields)
        if found is None or found.deletionTime:
            return Presence.GONE
        return Presence.DISABLED if found.suspended or found.archived else Presence.ACTIVE

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Say whether this one group is there (active) or gone."""
        found = await self._single(GROUPS, "groups", external_id, "id")
        return Presence.GONE if found is None else Presence.ACTIVE

    async def find_user(self, name: str) -> bytes | None:
        """Return the one person's record, or None; one or two requests."""
        return await self._finder.find(name)

    async def find_org_unit(self, name: str) -> UnitPath | None:
        """Return where the unit of this path or id (``id:…``) is, or None; one request for all.

        Letters are compared without regard to case.
        """
        if self._units is None:
            self._units = await self._server.units(self._settings.customer)
        wanted = name.rstrip("/").casefold()
        for unit in self._units:
            if name == unit.orgUnitId or wanted == unit.orgUnitPath.rstrip("/").casefold():
                return unit_path(unit.orgUnitPath)
        return None

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest."""
        plan = self._decoder.plan
        asked = Asked(
            admin=self._settings.admin,
            customer=self._settings.customer,
            fields={"fields": f"kind,users({plan.selection})", **plan.projection},
            groups=self._settings.groups,
        )
        return await CustomerCheck(self._server, asked, decode=self.decode_user).report()

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self._server.aclose()

    def _group_reader(self) -> GroupReader:
        return GroupReader(self._server, customer=self._settings.customer)

    async def _single(
        self, scope: str, collection: str, external_id: ExternalId, fields: str
    ) -> Single | None:
        """Return a record, or None if it is gone.

        Google looks people up by address, too, so an answer about somebody else says nothing.
        """
        raw = await self._server.single(
            scope, f"{collection}/{segment(external_id)}", {"fields": fields}
        )
        if raw is None:
            return None
        found = decoded_single(raw, self._server.host)
        if found.id != external_id:
            raise not_google(self._server.host, "it answered with another record")
        return found
