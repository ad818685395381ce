"""Checking a SCIM server step by step, in words for whoever has to mend it."""

from __future__ import annotations

from typing import Final

from core.errors import DirsyncError, PermissionMissingError, SignInError
from core.model.directory import CheckReport, CheckStatus, ProviderUser
from core.model.findings import Findings
from core.providers.checking import (
    NETWORK,
    SAMPLE,
    SIGN_IN,
    SIGN_IN_CODES,
    WIRE_CODES,
    Decode,
    decoded,
)
from core.providers.scim.listing import Listing
from core.providers.scim.server import Manner, ScimServer

SCIM, PEOPLE, GROUPS = "SCIM", "People", "Groups"

_NAMES: Final = (NETWORK, SIGN_IN, SCIM, PEOPLE, GROUPS)


class _Findings(Findings):
    """Where each failure belongs."""

    def fail(self, name: str, error: DirsyncError, *, hint: str = "") -> None:
        """Put a failure where it belongs: on the wire, at the sign-in, or at this step."""
        at = name
        if error.code in WIRE_CODES:
            at = NETWORK
        elif isinstance(error, SignInError) or error.code in SIGN_IN_CODES:
            at = SIGN_IN
        elif isinstance(error, PermissionMissingError):
            self.say(SIGN_IN, CheckStatus.OK)
        if at != NETWORK and at not in self.lines:
            self.say(NETWORK, CheckStatus.OK)
        super().fail(at, error, hint=hint)


async def check_server(
    server: ScimServer, *, decode: Decode, selection: str, groups: bool
) -> CheckReport:
    """Return what works; nothing is retried, and nothing that a person can mend is raised."""
    findings = _Findings(names=_NAMES)
    sample: tuple[ProviderUser, ...] = ()
    manner = await _check_configuration(server, findings)
    if manner is not None:
        sample = await _check_people(server, findings, manner, decode, selection)
        await _check_groups(server, findings, manner, groups=groups)
    return CheckReport(company=server.client.host, lines=findings.in_order(), sample=sample)


async def _check_configuration(server: ScimServer, findings: _Findings) -> Manner | None:
    try:
        manner = await server.manner(patient=False)
    except DirsyncError as error:
        findings.fail(SCIM, error)
        return None
    findings.say(NETWORK, CheckStatus.OK, f"{server.client.peer} answers.")
    if manner.declared:
        way = "cursors" if manner.by_cursor else "indexes"
        findings.say(SCIM, CheckStatus.OK, f"SCIM 2.0, listings by {way}.")
    else:
        findings.say(
            SCIM,
            CheckStatus.WARNING,
            "There is no readable ServiceProviderConfig.",
            "The usual way of paging is used. If people cannot be listed either, check the URL.",
            "no_service_provider_config",
        )
    return manner


async def _first_page(
    server: ScimServer, endpoint: str, manner: Manner, *, count: int, selection: str
) -> Listing:
    start = {"cursor": ""} if manner.by_cursor else {"startIndex": "1"}
    return await server.page(
        endpoint, {**start, "count": str(count)}, selection=selection, patient=False
    )


async def _check_people(
    server: ScimServer, findings: _Findings, manner: Manner, decode: Decode, selection: str
) -> tuple[ProviderUser, ...]:
    try:
        listing = await _first_page(server, "Users", manner, count=SAMPLE, selection=selection)
    except DirsyncError as error:
        wrong_url = error.code in {"not_found", "html_login_page", "not_json", "not_scim"}
        hint = "Check the URL: it should end in /scim/v2 or so." if wrong_url else ""
        findings.fail(PEOPLE, error, hint=hint)
        return ()
    findings.say(SIGN_IN, CheckStatus.OK, "The credential was accepted.")
    return _say_people(findings, listing, decode)


def _say_people(findings: _Findings, listing: Listing, decode: Decode) -> tuple[ProviderUser, ...]:
    people, unreadable = decoded((listing.records or ())[:SAMPLE], decode)
    if not listing.records:
        findings.say(
            PEOPLE,
            CheckStatus.WARNING,
            "The directory shows nobody.",
            "Check that the credential may see people, or that people are assigned to this "
            "application.",
            "empty",
        )
    elif unreadable:
        findings.warn(PEOPLE, unreadable[0])
    else:
        findings.say(PEOPLE, CheckStatus.OK, _counted(listing, "people"))
    return people


def _counted(listing: Listing, what: str) -> str:
    return f"{listing.total} {what}." if listing.total is not None else f"There are {what}."


async def _check_groups(
    server: ScimServer, findings: _Findings, manner: Manner, *, groups: bool
) -> None:
    if not groups:
        findings.say(GROUPS, CheckStatus.SKIPPED, "The configuration reads no groups.")
        return
    if PEOPLE not in findings.lines or _failed(findings, PEOPLE):
        return
    try:
        listing = await _first_page(server, "Groups", manner, count=1, selection="displayName")
    except DirsyncError as error:
        hint = (
            "If the server has no groups, set groups: false." if error.code == "not_found" else ""
        )
        findings.fail(GROUPS, error, hint=hint)
        return
    findings.say(GROUPS, CheckStatus.OK, _counted(listing, "groups"))


def _failed(findings: _Findings, name: str) -> bool:
    return findings.lines[name].status is CheckStatus.FAILED
