"""Checking a directory step by step, in words for whoever has to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from core.errors import ConfigurationError, DirsyncError, RecordError, SignInError
from core.model.directory import CheckReport, CheckStatus, ProviderUser
from core.model.findings import Findings
from core.providers.checking import NETWORK, SAMPLE, SIGN_IN, WIRE_CODES, decoded
from core.providers.ldap.check_changes import CHANGES, check_changes
from core.providers.ldap.dialect import Dialect
from core.providers.ldap.directory import Directory
from core.providers.ldap.groups import Groups
from core.providers.ldap.people import People
from core.providers.ldap.records import UserDecoder
from core.providers.ldap.wire import ENTRY, Entry, Found

DIRECTORY, PEOPLE, GROUPS = "Directory", "People", "Groups"

_NAMES: Final = (NETWORK, SIGN_IN, DIRECTORY, PEOPLE, GROUPS, CHANGES)
_PAGES: Final = 4


class _Findings(Findings):
    """Where each failure belongs."""

    def fail(self, name: str, error: DirsyncError, *, hint: str = "") -> None:
        """Put a failure where it belongs: on the wire, at the sign-in, or at this step."""
        at = name
        if error.code in WIRE_CODES:
            at = NETWORK
        elif isinstance(error, (SignInError, ConfigurationError)) and SIGN_IN not in self.lines:
            at = SIGN_IN
        reached = not isinstance(error, ConfigurationError)
        if reached and at != NETWORK and NETWORK not in self.lines:
            self.say(NETWORK, CheckStatus.OK)
        super().fail(at, error, hint=hint)


async def check_directory(
    directory: Directory, people: People, groups: Groups | None, *, decoder: UserDecoder
) -> CheckReport:
    """Return what works; no connection is tried twice, and nothing mendable is raised."""
    findings = _Findings(names=_NAMES)
    sample: tuple[ProviderUser, ...] = ()
    dialect = await _check_server(directory, findings)
    if dialect is not None and await _check_base(directory, dialect, findings):
        sample = await _check_people(people, dialect, findings, decoder)
        await _check_groups(directory, groups, findings)
        await check_changes(directory, dialect, findings)
    company = f"{directory.settings.base} at {directory.host}"
    return CheckReport(company=company, lines=findings.in_order(), sample=sample)


async def _check_server(directory: Directory, findings: _Findings) -> Dialect | None:
    try:
        dialect = await directory.dialect(patient=False)
    except DirsyncError as error:
        findings.fail(NETWORK, error)
        return None
    server = directory.server
    how = "TLS" if server.secure else "StartTLS" if server.start_tls else "nothing (this machine)"
    findings.say(NETWORK, CheckStatus.OK, f"{server.url} answers, encrypted by {how}.")
    findings.say(SIGN_IN, CheckStatus.OK, "The credential was accepted.")
    return dialect


async def _check_base(directory: Directory, dialect: Dialect, findings: _Findings) -> bool:
    settings = directory.settings
    bases = [settings.base, *([settings.groups_base] if settings.groups_base else [])]
    try:
        missing = [base for base in bases if not await directory.is_there(base)]
    except DirsyncError as error:
        findings.fail(DIRECTORY, error)
        return False
    if missing:
        findings.say(
            DIRECTORY,
            CheckStatus.FAILED,
            f"{directory.host} shows nothing at {missing[0]}.",
            "Correct the DN, or let the account read there.",
            "base_missing",
        )
    elif not dialect.pages:
        findings.say(
            DIRECTORY,
            CheckStatus.WARNING,
            f"{dialect.vendor} does not offer paged results.",
            "Its size limit has to be above the number of people and groups.",
            "no_paging",
        )
    else:
        found = f"{dialect.vendor}; {' and '.join(bases)} can be read"
        findings.say(DIRECTORY, CheckStatus.OK, f"{found}; ids are {dialect.id_attribute}.")
    return not missing


async def _check_people(
    people: People, dialect: Dialect, findings: _Findings, decoder: UserDecoder
) -> tuple[ProviderUser, ...]:
    first: Found | None = None
    count, left, whole = 0, _PAGES, False
    try:
        async with aclosing(people.pages(decoder.selection(dialect.user_names))) as pages:
            async for found in pages:
                first = first or found
                count, left, whole = count + len(found.records), left - 1, found.last
                if not left:
                    break
    except DirsyncError as error:
        findings.fail(PEOPLE, error)
        return ()
    records = [bytes(raw) for raw in first.records] if first else []
    entries = [ENTRY.decode(raw) for raw in records]
    readable, errors = decoded(records, decoder.decode)
    _say_people(findings, dialect, entries, errors, count=f"{count}{'' if whole else ' or more'}")
    return readable[:SAMPLE]


def _say_people(
    findings: _Findings,
    dialect: Dialect,
    entries: Sequence[Entry],
    errors: Sequence[RecordError],
    *,
    count: str,
) -> None:
    if not entries:
        findings.say(
            PEOPLE,
            CheckStatus.WARNING,
            f"Nobody below the base matches {dialect.people_filter}.",
            "Check base and people_filter, and that the account may read people.",
            "empty",
        )
    elif not any(entry.id for entry in entries):
        findings.say(
            PEOPLE,
            CheckStatus.FAILED,
            f"The account cannot read {dialect.id_attribute}, by which people are known.",
            "Let it read that attribute, or name another one that never changes as id.",
            "permission_missing",
        )
    elif dialect.active_directory and not _any(entries, "userAccountControl"):
        findings.say(
            PEOPLE,
            CheckStatus.WARNING,
            f"{count} people. The account cannot read userAccountControl, so disabled people look "
            "enabled.",
            "Let it read the property set Account Restrictions.",
            "permission_missing",
        )
    elif not _any(entries, "mail"):
        findings.say(
            PEOPLE,
            CheckStatus.WARNING,
            f"{count} people, and none of the first {len(entries)} shows a mail address.",
            "Let the account read mail, or map email to another attribute.",
            "no_email",
        )
    elif errors:
        findings.warn(PEOPLE, errors[0])
    else:
        findings.say(PEOPLE, CheckStatus.OK, f"{count} people.")


async def _check_groups(directory: Directory, groups: Groups | None, findings: _Findings) -> None:
    if groups is None:
        findings.say(GROUPS, CheckStatus.SKIPPED, "The configuration reads no groups.")
        return
    try:
        async with aclosing(directory.pages(await groups.bare_question())) as pages:
            async for found in pages:
                more = "" if found.last else " or more"
                findings.say(GROUPS, CheckStatus.OK, f"{len(found.records)}{more} groups.")
                break
    except DirsyncError as error:
        findings.fail(GROUPS, error)


def _any(entries: Sequence[Entry], attribute: str) -> bool:
    return any(attribute.lower() in entry.values for entry in entries)
