"""Recognising what a CSV file's columns are, by their headers in English and German."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import ConfigurationError
from core.model.configuration import DEFAULT_MAPPING

ID, ACTIVE, GROUPS, EMAILS, USER_NAME = "id", "active", "groups", "emails", "userName"
NAMED: Final = frozenset({ID, ACTIVE, GROUPS, EMAILS, USER_NAME})

_USUAL: Final[Mapping[str, str]] = {
    ID: "id, user id, userid, uid, guid, object id, objectguid, immutable id, person id, "
    "directory id, benutzer id, benutzerkennung, personen id",
    USER_NAME: "user name, username, login, login name, account, account name, upn, "
    "user principal name, samaccountname, benutzername, anmeldename, kennung",
    EMAILS: "email, e mail, mail, email address, e mail address, mail address, primary email, "
    "work email, emails, e mail adresse, emailadresse, mailadresse",
    ACTIVE: "active, is active, enabled, account enabled, status, state, aktiv, aktiviert",
    GROUPS: "groups, group, group names, teams, member of, memberof, gruppen, gruppe",
    "displayName": "display name, displayname, name, full name, fullname, anzeigename, "
    "vollstandiger name, vollstaendiger name",
    "name.givenName": "given name, givenname, first name, firstname, forename, vorname",
    "name.familyName": "family name, familyname, last name, lastname, surname, sn, nachname, "
    "familienname",
    "title": "title, job title, jobtitle, position, funktion, stellenbezeichnung",
    "externalId": "external id, externalid",
    "enterprise.department": "department, dept, abteilung",
    "enterprise.division": "division, business unit, bereich, geschaftsbereich",
    "enterprise.organization": "organization, organisation, company, firma, unternehmen",
    "enterprise.costCenter": "cost center, cost centre, costcenter, kostenstelle",
    "enterprise.employeeNumber": "employee number, employee id, employeeid, employeenumber, "
    "staff number, personalnummer, mitarbeiternummer",
    "enterprise.manager": "manager, manager id, supervisor, vorgesetzter, vorgesetzte",
    "phoneNumbers": "phone, phone number, telephone, mobile, telefon, telefonnummer, handy",
    "locale": "locale, sprache, language",
    "timezone": "timezone, time zone, zeitzone",
}
_PATH_OF: Final = {
    alias.strip(): path for path, aliases in _USUAL.items() for alias in aliases.split(",")
}
_UMLAUTS: Final = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
_SEPARATORS: Final = re.compile(r"[\s_\-./]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Where each attribute path is.

    Attributes:
        width: how many cells a row has.
        paths: attribute path -> index of its column, in the order of the paths.
        key: the path whose value is the immutable id: "id", or "emails" without such a column.
    """

    width: int
    paths: Mapping[str, int]
    key: str


def normal_form(header: str) -> str:
    """Return a header in the form in which headers are compared."""
    folded = header.strip().casefold().translate(_UMLAUTS)
    return _SEPARATORS.sub(" ", folded).strip()


def recognise(
    headers: Sequence[str], *, explicit: Mapping[str, str], wanted: Iterable[str]
) -> Columns:
    """Return which column is what: the explicit ones first, then usual names, then wanted paths.

    Raises `ConfigurationError` (``csv_header_duplicated``, ``csv_header_missing``,
    ``csv_column_unknown``, ``csv_no_identity``).
    """
    normal = [normal_form(header) for header in headers]
    _refuse_doubles(headers, normal)
    paths = {_path(name): _index(header, headers, normal) for name, header in explicit.items()}
    usual = _PATH_OF | {normal_form(path): path for path in wanted if path not in _PATH_OF.values()}
    for index, name in enumerate(normal):
        path = usual.get(name)
        if path is not None and path not in paths and index not in paths.values():
            paths[path] = index
    if not paths:
        raise _no_header(headers)
    key = ID if ID in paths else EMAILS
    if key not in paths:
        raise ConfigurationError(
            "The CSV file has neither a column with an id nor one with an e-mail address.",
            code="csv_no_identity",
            hint='Name one under "columns", for example {id: "Staff no."}.',
        )
    kept = NAMED | frozenset(wanted) if wanted else frozenset(paths)
    return Columns(
        width=len(headers),
        paths={path: paths[path] for path in sorted(paths) if path in kept | explicit.keys()},
        key=key,
    )


def _path(name: str) -> str:
    """Return the attribute path that a key of ``columns`` means."""
    if name in DEFAULT_MAPPING:
        return DEFAULT_MAPPING[name]
    if "." in name or name in _USUAL:
        return name
    return _PATH_OF.get(normal_form(name), name)


def _index(header: str, headers: Sequence[str], normal: Sequence[str]) -> int:
    wanted = normal_form(header)
    if wanted not in normal:
        shown = ", ".join(repr(one[:40]) for one in headers[:20])
        raise ConfigurationError(
            f"The CSV file has no column {header!r}. Its headers are {shown}.",
            code="csv_column_unknown",
            hint='Correct "columns" in the configuration.',
        )
    return normal.index(wanted)


def _refuse_doubles(headers: Sequence[str], normal: Sequence[str]) -> None:
    for index, name in enumerate(normal):
        if name and name in normal[:index]:
            raise ConfigurationError(
                f"The CSV file has two columns with the header {headers[index][:40]!r}.",
                code="csv_header_duplicated",
                hint="Rename or remove one of them.",
            )


def _no_header(headers: Sequence[str]) -> ConfigurationError:
    shown = ", ".join(repr(one[:40]) for one in headers[:8])
    return ConfigurationError(
        f"The CSV file's first line is no header that dirsync knows: {shown}.",
        code="csv_header_missing",
        hint='Add a header line such as "id,email,name,active", or name "columns".',
    )
