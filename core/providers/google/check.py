"""Checking a Google Workspace customer step by step, in Google's words for whoever mends it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import DirsyncError, PermissionMissingError, SignInError
from core.model.directory import CheckReport, CheckStatus, ProviderUser
from core.model.findings import Findings
from core.providers.checking import NETWORK, SAMPLE, SIGN_IN, WIRE_CODES, Decode, decoded
from core.providers.google.server import GoogleServer, decoded_single, segment
from core.providers.google.signing import GROUPS, PEOPLE, UNITS

COMPANY, READ_PEOPLE, READ_GROUPS, READ_UNITS = "Company", "People", "Groups", "Org units"

_NAMES: Final = (NETWORK, SIGN_IN, COMPANY, READ_PEOPLE, READ_GROUPS, READ_UNITS)
_LINES: Final = {PEOPLE: READ_PEOPLE, GROUPS: READ_GROUPS, UNITS: READ_UNITS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a check asks for.

    Attributes:
        admin: in whose name.
        customer: whose people and groups.
        fields: of a listed user.
        groups: the configuration reads groups.
    """

    admin: str
    customer: str
    fields: Mapping[str, str]
    groups: bool


class CustomerCheck:
    """One check; nothing is retried, and nothing that a person can mend is raised."""

    def __init__(self, server: GoogleServer, asked: Asked, *, decode: Decode) -> None:
        self._server = server
        self._asked = asked
        self._decode = decode
        self._findings = Findings(names=_NAMES)
        self._company = asked.admin.partition("@")[2]
        self._sample: tuple[ProviderUser, ...] = ()

    async def report(self) -> CheckReport:
        """Return what works."""
        granted = await self._check_sign_in()
        if PEOPLE in granted:
            await self._check_company()
            await self._check_people()
        if GROUPS in granted:
            await self._check_groups()
        if UNITS in granted:
            await self._check_units()
        if not self._asked.groups:
            detail = "The configuration reads no groups."
            self._findings.say(READ_GROUPS, CheckStatus.SKIPPED, detail)
        lines = self._findings.in_order()
        return CheckReport(company=self._company, lines=lines, sample=self._sample)

    async def _check_sign_in(self) -> Sequence[str]:
        """Return the scopes that are granted; each is asked for alone, so that one is named."""
        needed = (PEOPLE, GROUPS) if self._asked.groups else (PEOPLE,)
        refused: dict[str, PermissionMissingError] = {}
        for scope in (*needed, UNITS):
            try:
                await self._server.sign_in_for(scope)
            except PermissionMissingError as error:
                refused[scope] = error
            except DirsyncError as error:
                self._fail_early(error)
                return ()
        self._findings.say(NETWORK, CheckStatus.OK, "Google answers.")
        if refused.keys() >= set(needed):
            hint = await asyncio.to_thread(self._server.sign_in.undelegated)
            self._findings.fail(SIGN_IN, refused[PEOPLE], hint=hint)
            return ()
        detail = f"The service account may read in the name of {self._asked.admin}."
        self._findings.say(SIGN_IN, CheckStatus.OK, detail)
        self._say_missing(refused, needed)
        return [scope for scope in (*needed, UNITS) if scope not in refused]

    def _say_missing(
        self, refused: Mapping[str, PermissionMissingError], needed: Sequence[str]
    ) -> None:
        for scope, error in refused.items():
            detail = f"The scope {scope} is not granted."
            if scope in needed:
                status, hint, code = CheckStatus.FAILED, error.hint, error.code
            else:
                detail += " It is needed for a scope of organizational units only."
                status, hint, code = CheckStatus.SKIPPED, "", ""
            self._findings.say(_LINES[scope], status, detail, hint, code)

    def _fail_early(self, error: DirsyncError) -> None:
        on_the_wire = error.code in WIRE_CODES
        if not on_the_wire and isinstance(error, SignInError):
            self._findings.say(NETWORK, CheckStatus.OK, "Google answers.")
        self._findings.fail(NETWORK if on_the_wire else SIGN_IN, error)

    async def _check_company(self) -> None:
        """Say which customer the admin belongs to, or which is read instead."""
        params = {"fields": "id,customerId"}
        path = f"users/{segment(self._asked.admin)}"
        try:
            raw = await self._server.single(PEOPLE, path, params, patient=False)
        except DirsyncError as error:
            self._findings.fail(COMPANY, error)
            return
        found = decoded_single(raw, self._server.host).customerId if raw is not None else ""
        own = self._asked.customer == "my_customer"
        customer = found if own else self._asked.customer
        self._company += f" ({customer})" if customer else ""
        detail = f"Customer {customer or 'unknown'}, {self._asked.admin.partition('@')[2]}."
        self._findings.say(COMPANY, CheckStatus.OK, detail)

    async def _check_people(self) -> None:
        params = {
            "customer": self._asked.customer,
            "maxResults": str(SAMPLE),
            **self._asked.fields,
        }
        try:
            listing = await self._server.page(PEOPLE, "users", params, key="users", patient=False)
        except DirsyncError as error:
            self._findings.fail(READ_PEOPLE, error)
            return
        self._sample, unreadable = decoded(listing.records[:SAMPLE], self._decode)
        if unreadable:
            self._findings.warn(READ_PEOPLE, unreadable[0])
        elif self._sample:
            self._findings.say(READ_PEOPLE, CheckStatus.OK, "There are people.")
        else:
            hint = (
                "The admin's role must be assigned for all organizational units, not for one that "
                "is empty."
            )
            detail = "Google shows nobody."
            self._findings.say(READ_PEOPLE, CheckStatus.WARNING, detail, hint, "empty")

    async def _check_groups(self) -> None:
        params = {"customer": self._asked.customer, "maxResults": "1", "fields": "kind,groups(id)"}
        try:
            listing = await self._server.page(GROUPS, "groups", params, key="groups", patient=False)
        except DirsyncError as error:
            self._findings.fail(READ_GROUPS, error)
            return
        detail = "There are groups." if listing.records else "There are no groups."
        self._findings.say(READ_GROUPS, CheckStatus.OK, detail)

    async def _check_units(self) -> None:
        try:
            count = len(await self._server.units(self._asked.customer, patient=False))
        except DirsyncError as error:
            self._findings.warn(READ_UNITS, error)
            return
        self._findings.say(
            READ_UNITS,
            CheckStatus.OK,
            "There is one." if count == 1 else f"There are {count:,} of them.",
        )
