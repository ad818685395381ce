"""Checking a tenant step by step, in Microsoft's words for whoever has to mend it."""

from __future__ import annotations

from typing import Final

import msgspec

from core.errors import DirsyncError, PermissionMissingError, RecordError, RemoteError, SignInError
from core.model.directory import CheckReport, CheckStatus, ProviderUser
from core.model.findings import Findings
from core.model.wording import several
from core.providers.checking import (
    NETWORK,
    SAMPLE,
    SIGN_IN,
    SIGN_IN_CODES,
    WIRE_CODES,
    decoded,
)
from core.providers.entra.changes import ChangeReader, selected
from core.providers.entra.graph import MAX_TOP, Graph
from core.providers.entra.listing import Listing
from core.providers.entra.members import SELECTION, is_hidden, read_group
from core.providers.entra.records import ListedGroup, UserDecoder
from core.providers.entra.rights import GROUPS as GROUP_RIGHT
from core.providers.entra.rights import HIDDEN, PEOPLE, TENANT, grant_hint

COMPANY, USERS, GROUPS, CHANGES = "Tenant", "People", "Groups", "Changes"
_NAMES: Final = (NETWORK, SIGN_IN, COMPANY, USERS, GROUPS, CHANGES)


class _Organization(msgspec.Struct):
    id: str = ""
    displayName: str | None = None  # noqa: N815 - the name on the wire


class _Findings(Findings):
    """Where each failure belongs."""

    def signed_in(self) -> None:
        self.say(NETWORK, CheckStatus.OK)
        self.say(SIGN_IN, CheckStatus.OK, "The app's credential was accepted.")

    def fail(self, name: str, error: DirsyncError, *, hint: str = "") -> None:
        """Put a failure where it belongs: on the wire, at the sign-in, or at this step."""
        at = name
        if error.code in WIRE_CODES:
            at = NETWORK
        elif isinstance(error, SignInError) or error.code in SIGN_IN_CODES:
            at = SIGN_IN
        if at != NETWORK and NETWORK not in self.lines:
            self.say(NETWORK, CheckStatus.OK)
        if isinstance(error, PermissionMissingError) and SIGN_IN not in self.lines:
            self.signed_in()
        super().fail(at, error, hint=hint)

    @property
    def stopped(self) -> bool:
        """Nothing further can be asked: the wire or the sign-in failed."""
        lines = (self.lines.get(NETWORK), self.lines.get(SIGN_IN))
        return any(line is not None and line.status is CheckStatus.FAILED for line in lines)


class TenantCheck:
    """One check; nothing is retried, and nothing that a person can mend is raised."""

    def __init__(
        self,
        graph: Graph,
        *,
        tenant: str,
        decoder: UserDecoder,
        changes: ChangeReader,
        groups: bool,
    ) -> None:
        self._graph = graph
        self._company = tenant
        self._decoder = decoder
        self._changes = changes
        self._groups = groups
        self._findings = _Findings(names=_NAMES)
        self._sample: tuple[ProviderUser, ...] = ()

    async def report(self) -> CheckReport:
        """Return what works and what to do about the rest."""
        for step in (self._tenant, self._people, self._membership, self._delta):
            if not self._findings.stopped:
                await step()
        return CheckReport(
            company=self._company, lines=self._findings.in_order(), sample=self._sample
        )

    async def _ask(self, target: str, params: dict[str, str], *, right: str) -> Listing:
        listing = await self._graph.page(target, params, right=right, patient=False)
        self._findings.signed_in()
        return listing

    def _hint(self, permission: str) -> str:
        return grant_hint(permission, admin=self._graph.admin)

    async def _tenant(self) -> None:
        say = self._findings.say
        try:
            listing = await self._ask("organization", {"$select": "id,displayName"}, right=TENANT)
            found = [msgspec.json.decode(raw, type=_Organization) for raw in listing.records]
        except PermissionMissingError as error:
            self._findings.signed_in()
            say(
                COMPANY,
                CheckStatus.WARNING,
                f"The name of tenant {self._company} is not shown: "
                f"the application permission {TENANT} is missing.",
                error.hint,
                error.code,
            )
            return
        except (ValueError, RecursionError):
            found = []
        except DirsyncError as error:
            self._findings.fail(COMPANY, error)
            return
        if not found:
            say(COMPANY, CheckStatus.WARNING, "Graph does not say which tenant this is.")
            return
        self._company = f"{found[0].displayName or 'A tenant without a name'} ({found[0].id})"
        say(COMPANY, CheckStatus.OK, self._company)

    async def _people(self) -> None:
        params = {**selected(self._decoder.plan), "$top": str(SAMPLE)}
        try:
            listing = await self._ask("users", params, right=PEOPLE)
        except DirsyncError as error:
            self._findings.fail(USERS, error)
            return
        self._sample, unreadable = decoded(listing.records[:SAMPLE], self._decoder.decode)
        await self._say_people(listing, unreadable)

    async def _say_people(self, listing: Listing, unreadable: list[RecordError]) -> None:
        say = self._findings.say
        if not listing.records:
            say(USERS, CheckStatus.WARNING, "The tenant shows nobody.", self._hint(PEOPLE), "empty")
        elif unreadable and all(error.attribute == "accountEnabled" for error in unreadable):
            say(
                USERS,
                CheckStatus.FAILED,
                "People are shown without accountEnabled, so that nobody knows who is disabled: "
                f"the application permission {PEOPLE} is missing (not User.ReadBasic.All).",
                self._hint(PEOPLE),
                "permission_missing",
            )
        elif unreadable:
            self._findings.warn(USERS, unreadable[0])
        else:
            count = await self._graph.count(right=PEOPLE, patient=False)
            said = f"{count:,} people." if count is not None else "There are people."
            say(USERS, CheckStatus.OK, said)

    async def _membership(self) -> None:
        if not self._groups:
            self._findings.say(GROUPS, CheckStatus.SKIPPED, "The configuration reads no groups.")
            return
        params = {"$select": SELECTION, "$top": str(MAX_TOP)}
        try:
            listing = await self._ask("groups", params, right=GROUP_RIGHT)
            found = [group for raw in listing.records if (group := read_group(raw)) is not None]
            hidden = [group for group in found if is_hidden(group)]
            shown = [group for group in found if not is_hidden(group)]
            if shown:
                await self._first_member(shown[0])
            seen = [await self._shows_members(group) for group in hidden[:1]]
        except DirsyncError as error:
            self._findings.fail(GROUPS, error)
            return
        self._say_groups(listing, len(hidden), readable=all(seen))

    def _say_groups(self, listing: Listing, hidden: int, *, readable: bool) -> None:
        count = several(len(listing.records), "group")
        if listing.next_link is not None:
            count = f"More than {count}"
        if readable:
            self._findings.say(GROUPS, CheckStatus.OK, f"{count}.")
            return
        self._findings.say(
            GROUPS,
            CheckStatus.WARNING,
            f"{count}; {hidden:,} of them hide their members from apps without the application "
            f"permission {HIDDEN}, or have none.",
            f"If the scope or the groups matter for them: {self._hint(HIDDEN)}",
            "hidden_members",
        )

    async def _first_member(self, group: ListedGroup) -> Listing:
        params = {"$select": "id", "$top": "1"}
        return await self._ask(f"groups/{group.id}/members", params, right=GROUP_RIGHT)

    async def _shows_members(self, group: ListedGroup) -> bool:
        try:
            return bool((await self._first_member(group)).records)
        except PermissionMissingError:
            return False

    async def _delta(self) -> None:
        try:
            mark = await self._changes.watermark(patient=False)
        except RemoteError as error:
            self._findings.fail(CHANGES, error)
            return
        if mark is None:
            self._findings.say(
                CHANGES,
                CheckStatus.WARNING,
                "This tenant has no delta queries; every cycle reads everything.",
                code="no_delta",
            )
        else:
            self._findings.say(CHANGES, CheckStatus.OK, "Delta queries work.")
