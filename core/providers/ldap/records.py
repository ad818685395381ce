"""Decoding one entry; everything wrong with one is that record's `RecordError`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from core.model.configuration import LdapSettings
from core.model.directory import ExternalId, ProviderGroup, ProviderUser
from core.providers.decoding import group_names, revision, usable_id
from core.providers.ldap.names import place_of
from core.providers.ldap.wire import ENTRY, Binary, Entry
from core.providers.unreadable import (
    MAX_ID,
    MAX_TEXT,
    UNDECODABLE,
    missing,
    unreadable,
    wrong,
)

_REVISION: Final = "ldap-2"
MANAGER: Final = "enterprise.manager"
_DISABLED_BIT: Final = 0x2
_LOCKED_FOR_GOOD: Final = "000001010000z"
STATUS: Final = (
    "userAccountControl",
    "msDS-UserAccountDisabled",
    "nsAccountLock",
    "loginDisabled",
    "pwdAccountLockedTime",
)
"""Where directories say that somebody may not sign in."""
_STATUS: Final = frozenset(name.lower() for name in STATUS)

_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "displayName": ("displayName", "cn"),
    "name.formatted": ("cn",),
    "name.givenName": ("givenName",),
    "name.familyName": ("sn",),
    "emails": ("mail",),
    "emails.work": ("mail",),
    "title": ("title",),
    "userType": ("employeeType",),
    "preferredLanguage": ("preferredLanguage",),
    "phoneNumbers": ("telephoneNumber",),
    "phoneNumbers.work": ("telephoneNumber",),
    "phoneNumbers.mobile": ("mobile",),
    "enterprise.department": ("department", "departmentNumber", "ou"),
    "enterprise.division": ("division",),
    "enterprise.organization": ("company", "o"),
    "enterprise.employeeNumber": ("employeeNumber", "employeeID"),
    MANAGER: ("manager",),
}
KNOWN: Final = frozenset(
    {
        *(name for sources in _USUAL.values() for name in sources),
        *("dn", "uid", "userPrincipalName", "sAMAccountName", "memberOf", "description", "info"),
        *("initials", "personalTitle", "generationQualifier", "employeeType", "businessCategory"),
        *("physicalDeliveryOfficeName", "roomNumber", "street", "streetAddress", "postalAddress"),
        *("l", "st", "c", "co", "countryCode", "postalCode", "postOfficeBox", "labeledURI"),
        *("homePhone", "pager", "ipPhone", "facsimileTelephoneNumber", "wWWHomePage", "carLicense"),
        *("proxyAddresses", "mailNickname", "objectClass", "secretary", "assistant", "gecos"),
        *("uidNumber", "gidNumber", "homeDirectory", "loginShell", "thumbnailPhoto"),
        *(f"extensionAttribute{number}" for number in range(1, 16)),
    }
)
"""Attributes that directories usually have, beside the paths of every provider."""

_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*")
_OWN: Final = frozenset({"userName", "id", "externalId", "dn", "active"})


def is_attribute(name: str) -> bool:
    """Say whether this can be an LDAP attribute's name (RFC 4512 §2.5)."""
    return _ATTRIBUTE.fullmatch(name) is not None


class UserDecoder:
    """Decodes people, looking only at the attributes that are wanted.

    Attributes:
        wants_manager: the mapping asks for the manager, whose DN becomes an id while reading.
        wants_dn: the mapping or the scope's filter looks at the DN.
    """

    def __init__(self, wanted: Iterable[str], *, settings: LdapSettings) -> None:
        chosen = set(wanted)
        paths = chosen or set(_USUAL) - {MANAGER}
        self.wants_manager = MANAGER in paths
        self._sources = {path: _sources(path) for path in sorted(paths) if path not in _OWN}
        self.wants_dn = "dn" in paths
        self._user_names: tuple[str, ...] = ("userprincipalname", "samaccountname", "uid", "mail")
        wanted = [*sorted(paths), settings.user_name or "", settings.id or ""]
        self.revision = revision(_REVISION, wanted)

    def selection(self, user_names: Sequence[str]) -> list[str]:
        """Return the attributes to ask for, given which ones hold a user name."""
        self._user_names = tuple(name.lower() for name in user_names)
        named = {"mail", *STATUS, *user_names}
        named.update(name for sources in self._sources.values() for name in sources)
        unique = {name.lower(): name for name in sorted(named)}
        return sorted(unique.values())

    def decode(self, raw: bytes) -> ProviderUser:
        """Return the person; raise `RecordError` with the attribute and its value's kind."""
        entry = read_entry(raw)
        values = entry.values
        if not entry.id or len(entry.id) > MAX_ID or "\x00" in entry.id:
            raise missing("id")
        user_name = self._user_name(values)
        if not user_name:
            raise missing("userName")
        attributes: dict[str, object] = {}
        for path, sources in self._sources.items():
            value = _first(values, sources, path)
            if value:
                attributes[path] = value
        if self.wants_dn:
            attributes["dn"] = entry.dn
        return ProviderUser(
            external_id=ExternalId(entry.id),
            user_name=user_name,
            active=is_active(values),
            emails=tuple(dict.fromkeys(_texts(values.get("mail", ()), "emails"))),
            attributes=attributes,
            org_unit=place_of(entry.dn),
        )

    def _user_name(self, values: Mapping[str, list[str | Binary]]) -> str:
        return _first(values, self._user_names, "userName")


def _sources(path: str) -> tuple[str, ...]:
    known = _USUAL.get(path)
    if known is not None:
        return tuple(name.lower() for name in known)
    return (path.lower(),) if is_attribute(path) else ()


def _first(values: Mapping[str, list[str | Binary]], sources: Iterable[str], path: str) -> str:
    """Return the first text of the first attribute that is there, or an empty one."""
    for name in sources:
        held = values.get(name)
        if held:
            return _text(held[0], path)
    return ""


def _text(value: str | Binary, path: str) -> str:
    """Return a value that is a text, an empty one for nothing but spaces."""
    if not isinstance(value, str):
        raise wrong(path, "bytes", what="no text")
    if len(value) > MAX_TEXT:
        raise wrong(path, "text", what=f"longer than {MAX_TEXT} characters")
    if "\x00" in value:
        raise wrong(path, "text", what="text with a NUL character in it")
    return value if value.strip() else ""


def _texts(values: Sequence[str | Binary], path: str) -> list[str]:
    return [text for value in values if (text := _text(value, path))]


def is_active(values: Mapping[str, list[str | Binary]]) -> bool:
    """Say whether the directory lets the person sign in.

    Active Directory's userAccountControl has ACCOUNTDISABLE as 0x2 (MS-ADTS §2.2.16), its
    Lightweight services msDS-UserAccountDisabled; 389 Directory Server says nsAccountLock,
    eDirectory loginDisabled, and a password policy locks for good with pwdAccountLockedTime
    000001010000Z. A lock that ends by itself is none. Raises `RecordError`.
    """
    if _STATUS.isdisjoint(values):
        return True
    said = {name: _first(values, (name.lower(),), name).strip().lower() for name in STATUS}
    control = said["userAccountControl"]
    if control:
        if not re.fullmatch(r"-?[0-9]{1,10}", control):
            raise wrong("userAccountControl", "text", what="no number")
        if int(control) & _DISABLED_BIT:
            return False
    flags = ("msDS-UserAccountDisabled", "nsAccountLock", "loginDisabled")
    if any(said[flag] == "true" for flag in flags):
        return False
    return said["pwdAccountLockedTime"] != _LOCKED_FOR_GOOD


class GroupRecord(msgspec.Struct, frozen=True):
    """A group with its members' ids, as its raw record has them."""

    id: str
    name: str
    users: list[str]
    groups: list[str]
    complete: bool


_GROUP: Final = msgspec.json.Decoder(GroupRecord)


def decode_group(raw: bytes) -> ProviderGroup:
    """Return the group; raise `RecordError`."""
    try:
        record = _GROUP.decode(raw)
    except UNDECODABLE as error:
        raise unreadable(error) from error
    external_id, name = group_names(record.id, record.name, called="displayName")
    return ProviderGroup(
        external_id=external_id,
        display_name=name,
        member_users=frozenset(map(ExternalId, record.users)),
        member_groups=frozenset(map(ExternalId, record.groups)),
        complete=record.complete,
    )


def read_entry(raw: bytes) -> Entry:
    """Return an entry; raise `RecordError` if it is none."""
    try:
        return ENTRY.decode(raw)
    except UNDECODABLE as error:
        raise unreadable(error) from error


class _OnlyId(msgspec.Struct):
    id: str = ""


_ONLY_ID: Final = msgspec.json.Decoder(_OnlyId)


def record_id(raw: bytes) -> ExternalId | None:
    """Return the id in an unreadable record, or None if even that is lost."""
    try:
        return usable_id(_ONLY_ID.decode(raw).id)
    except UNDECODABLE:
        return None
