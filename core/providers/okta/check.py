"""Checking an Okta org step by step, in Okta's words for whoever has to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from core.errors import DirsyncError, PermissionMissingError, SignInError
from core.model.directory import CheckReport, CheckStatus, ProviderUser
from core.model.findings import Findings
from core.providers.checking import NETWORK, SAMPLE, SIGN_IN, Decode, decoded
from core.providers.okta.server import OktaServer
from core.providers.okta.signing import GROUPS, GROUPS_SCOPE, USERS_SCOPE

ORG, PEOPLE, READ_GROUPS = "Okta org", "People", "Groups"

_NAMES: Final = (NETWORK, ORG, SIGN_IN, PEOPLE, READ_GROUPS)
_WRONG_ADDRESS: Final = frozenset({"not_found", "not_okta", "not_json", "html_login_page"})


async def check_org(
    server: OktaServer, *, decode: Decode, fields: str, groups: bool
) -> CheckReport:
    """Return what works; nothing is retried, and nothing that a person can mend is raised."""
    findings = Findings(names=_NAMES)
    company = server.client.host
    sample: tuple[ProviderUser, ...] = ()
    found = await _check_org(server, findings)
    if found is not None:
        company = found
        sample = await _check_rights(server, findings, decode, fields, groups=groups)
    return CheckReport(company=company, lines=findings.in_order(), sample=sample)


async def _check_org(server: OktaServer, findings: Findings) -> str | None:
    host = server.client.host
    try:
        org = await server.org(patient=False)
    except DirsyncError as error:
        if error.code not in _WRONG_ADDRESS:
            findings.fail(NETWORK, error)
            return None
        findings.say(NETWORK, CheckStatus.OK, f"{server.client.peer} answers.")
        hint = "The URL is the org's address and nothing more, such as https://acme.okta.com."
        findings.fail(ORG, error, hint=hint)
        return None
    name = urlsplit(org.links.organization.href).hostname or host
    findings.say(NETWORK, CheckStatus.OK, f"{server.client.peer} answers.")
    findings.say(ORG, CheckStatus.OK, f"{name}, org {org.id}.")
    return f"{name} ({org.id})"


async def _check_rights(
    server: OktaServer, findings: Findings, decode: Decode, fields: str, *, groups: bool
) -> tuple[ProviderUser, ...]:
    try:
        await server.sign_in.authorizer.header()
    except PermissionMissingError:
        await _check_scopes(server, findings, groups=groups)
        return ()
    except DirsyncError as error:
        findings.fail(SIGN_IN, error)
        return ()
    sample = await _check_people(server, findings, decode, fields)
    if groups and SIGN_IN in findings.lines and _ok(findings, SIGN_IN):
        await _check_groups(server, findings)
    elif not groups:
        _say_no_groups(findings)
    return sample


async def _check_scopes(server: OktaServer, findings: Findings, *, groups: bool) -> None:
    """Say which of the scopes is not granted."""
    try:
        refused = await server.sign_in.refused_scopes()
    except DirsyncError as error:
        findings.fail(SIGN_IN, error)
        return
    findings.say(SIGN_IN, CheckStatus.OK, "The service app was accepted.")
    for name, scope in ((PEOPLE, USERS_SCOPE), (READ_GROUPS, GROUPS_SCOPE)):
        missing = refused.get(scope)
        if missing is not None:
            message = f"The service app is not granted the scope {scope}."
            findings.say(name, CheckStatus.FAILED, message, missing.hint, missing.code)
        elif name == PEOPLE or groups:
            findings.say(name, CheckStatus.OK, f"The scope {scope} is granted.")
        else:
            _say_no_groups(findings)


def _say_no_groups(findings: Findings) -> None:
    findings.say(READ_GROUPS, CheckStatus.SKIPPED, "The configuration reads no groups.")


async def _check_people(
    server: OktaServer, findings: Findings, decode: Decode, fields: str
) -> tuple[ProviderUser, ...]:
    try:
        listing = await server.people({"limit": str(SAMPLE)}, fields=fields, patient=False)
    except SignInError as error:
        findings.fail(SIGN_IN, error)
        return ()
    except DirsyncError as error:
        findings.say(SIGN_IN, CheckStatus.OK, "The credential was accepted.")
        findings.fail(PEOPLE, error)
        return ()
    findings.say(SIGN_IN, CheckStatus.OK, "The credential was accepted.")
    return _say_people(findings, listing.records, decode)


def _say_people(
    findings: Findings, records: Sequence[bytes], decode: Decode
) -> tuple[ProviderUser, ...]:
    people, unreadable = decoded(records[:SAMPLE], decode)
    if not records:
        findings.say(
            PEOPLE,
            CheckStatus.WARNING,
            "The org shows nobody.",
            "Check that the admin role is assigned for all users, not for a resource set without "
            "any.",
            "empty",
        )
    elif unreadable:
        findings.warn(PEOPLE, unreadable[0])
    else:
        findings.say(PEOPLE, CheckStatus.OK, "There are people.")
    return people


async def _check_groups(server: OktaServer, findings: Findings) -> None:
    try:
        listing = await server.page(GROUPS, {"limit": "1"}, patient=False)
    except DirsyncError as error:
        findings.fail(READ_GROUPS, error)
        return
    detail = "There are groups." if listing.records else "There are no groups."
    findings.say(READ_GROUPS, CheckStatus.OK, detail)


def _ok(findings: Findings, name: str) -> bool:
    return findings.lines[name].status is CheckStatus.OK
