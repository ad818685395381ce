"""What differs from one directory server to the next, told from its root DSE (RFC 4512 §5.1)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.model.configuration import LdapSettings
from core.providers.ldap.names import escaped, normal_dn
from core.providers.ldap.wire import Binary, IdKind

_ACTIVE_DIRECTORY: Final = "1.2.840.113556.1.4.800"
LIGHTWEIGHT: Final = "1.2.840.113556.1.4.1851"
"""The capability of Active Directory Lightweight Directory Services."""
_PAGED_RESULTS: Final = "1.2.840.113556.1.4.319"
_BITS: Final = "1.2.840.113556.1.4.803"
_MADE_BY_SYSTEM: Final = 1
"""In groupType: one of the Builtin groups, which are this machine's own (MS-ADTS §2.2.12)."""
IN_CHAIN: Final = "1.2.840.113556.1.4.1941"
"""Active Directory's matching rule that follows memberships through nested groups."""

ROOT_ATTRIBUTES: Final = (
    "supportedCapabilities",
    "supportedControl",
    "supportedSASLMechanisms",
    "vendorName",
    "dnsHostName",
    "namingContexts",
    "configurationNamingContext",
    "highestCommittedUSN",
    "dsServiceName",
    "currentTime",
)

Values = Mapping[str, Sequence[str | Binary]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """One server's ways.

    Attributes:
        vendor: for people to read.
        user_names: the attributes that hold a user name, the first one that is there counts.
        pages: it knows paged results (RFC 2696).
        emptied: normal DNs of partitions that never hold people, whose referrals mean nothing.
    """

    vendor: str
    active_directory: bool
    id_attribute: str
    id_kind: IdKind
    people_filter: str
    groups_filter: str
    user_names: tuple[str, ...]
    pages: bool
    emptied: frozenset[str] = frozenset()


def texts(values: Iterable[str | Binary]) -> tuple[str, ...]:
    """Return the values that are texts."""
    return tuple(value for value in values if isinstance(value, str))


def dialect_of(root: Values, settings: LdapSettings) -> Dialect:
    """Return how this server speaks, with what the configuration says otherwise."""
    capabilities = set(texts(root.get("supportedcapabilities", ())))
    vendor = next(iter(texts(root.get("vendorname", ()))), "")
    pages = _PAGED_RESULTS in texts(root.get("supportedcontrol", ()))
    if capabilities & {_ACTIVE_DIRECTORY, LIGHTWEIGHT}:
        usual = _active_directory(root, vendor, pages=pages)
    else:
        usual = _other(vendor, pages=pages)
    return replace(
        usual,
        id_attribute=settings.id or usual.id_attribute,
        id_kind=_kind(settings.id) if settings.id else usual.id_kind,
        people_filter=settings.people_filter or usual.people_filter,
        groups_filter=settings.groups_filter or usual.groups_filter,
        user_names=(settings.user_name,) if settings.user_name else usual.user_names,
    )


def _active_directory(root: Values, vendor: str, *, pages: bool) -> Dialect:
    configuration = {normal_dn(dn) for dn in texts(root.get("configurationnamingcontext", ()))}
    return Dialect(
        vendor=f"Active Directory ({vendor})" if vendor else "Active Directory",
        active_directory=True,
        id_attribute="objectGUID",
        id_kind=IdKind.GUID,
        people_filter="(&(objectCategory=person)(objectClass=user)"
        "(!(isCriticalSystemObject=TRUE)))",
        groups_filter=f"(&(objectClass=group)(!(groupType:{_BITS}:={_MADE_BY_SYSTEM})))",
        user_names=("userPrincipalName", "sAMAccountName"),
        pages=pages,
        emptied=frozenset(configuration),
    )


def _other(vendor: str, *, pages: bool) -> Dialect:
    id_attribute = "entryUUID"
    if "389 project" in vendor.lower():
        id_attribute = "nsUniqueId"
    elif any(name in vendor.lower() for name in ("novell", "netiq", "edirectory")):
        id_attribute = "GUID"
    return Dialect(
        vendor=vendor or "LDAP",
        active_directory=False,
        id_attribute=id_attribute,
        id_kind=_kind(id_attribute),
        people_filter="(objectClass=person)",
        groups_filter="(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)"
        "(objectClass=posixGroup))",
        user_names=("uid", "mail"),
        pages=pages,
    )


def id_condition(text: str, dialect: Dialect) -> str:
    """Return the filter for an id, or an empty text if this can be none."""
    value = _id_value(text, dialect.id_kind, uuid_only=dialect.id_attribute == "entryUUID")
    return f"({dialect.id_attribute}={value})" if value else ""


def _id_value(text: str, kind: IdKind, *, uuid_only: bool) -> str:
    """Return an id as a filter wants it; an empty text for what is no id of this kind."""
    try:
        if kind is IdKind.GUID:
            return "".join(f"\\{byte:02x}" for byte in uuid.UUID(text).bytes_le)
        if kind is IdKind.HEX:
            return "".join(f"\\{byte:02x}" for byte in bytes.fromhex(text))
        return escaped(str(uuid.UUID(text))) if uuid_only else escaped(text)
    except ValueError:
        return ""


def _kind(attribute: str) -> IdKind:
    kinds = {"objectguid": IdKind.GUID, "guid": IdKind.HEX, "objectsid": IdKind.HEX}
    return kinds.get(attribute.lower(), IdKind.TEXT)
