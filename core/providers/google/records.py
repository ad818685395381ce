"""Decoding one Google user or group; everything wrong with one is that record's `RecordError`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from core.model.directory import ExternalId, ProviderGroup, ProviderUser, UnitPath
from core.providers.google.attributes import AttributePlan
from core.providers.salvage import top_level_text
from core.providers.unreadable import (
    MAX_ID,
    MAX_TEXT,
    UNDECODABLE,
    UnusableValueError,
    examine,
    missing,
    unreadable,
    wrong,
)

USER, GROUP, CUSTOMER, EXTERNAL = "USER", "GROUP", "CUSTOMER", "EXTERNAL"
"""Types of a member ("REST Resource: members"); `CUSTOMER` is everybody in the company."""

_REVISION: Final = "google-1"


class UserDecoder:
    """Decodes people, looking only at the attributes that are wanted."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.plan = AttributePlan(wanted)
        self._decode = msgspec.json.Decoder(self.plan.struct).decode
        paths = "\n".join(self.plan.paths)
        self.revision = f"{_REVISION}-{hashlib.sha256(paths.encode()).hexdigest()[:12]}"

    def decode(self, raw: bytes) -> ProviderUser:
        """Return the person; raise `RecordError` with the attribute and its value's kind."""
        try:
            record: Any = self._decode(raw)
        except UNDECODABLE as error:
            raise unreadable(error) from error
        key, address, suspended, archived = self.plan.core(record)
        if not key or len(key) > MAX_ID:
            raise missing("id")
        if not address:
            raise missing("primaryEmail")
        if suspended is None:
            raise missing("suspended")
        user = ProviderUser(
            external_id=ExternalId(key),
            user_name=address,
            active=not (suspended or archived),
            emails=(address,),
            attributes=self._attributes(record),
            org_unit=unit_path(self.plan.unit(record)),
        )
        examine(user, raw)
        return user

    def _attributes(self, record: Any) -> dict[str, object]:
        attributes: dict[str, object] = {}
        path = ""
        try:
            for path, get in self.plan.getters:
                value = get(record)
                if value is not None:
                    attributes[path] = value
        except UnusableValueError as error:
            raise wrong(path, error.kind) from error
        return attributes


def unit_path(path: str | None) -> UnitPath | None:
    """Return the names on the way that ``orgUnitPath`` is; the topmost unit is ``/``."""
    return None if path is None else tuple(name for name in path.split("/") if name)


class Member(msgspec.Struct):
    """One entry of a group's list of members."""

    id: str = ""
    type: str = ""


class _Group(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    email: str | None = None
    members: list[Member] | msgspec.UnsetType = msgspec.UNSET


_GROUP: Final = msgspec.json.Decoder(_Group)
_MEMBER: Final = msgspec.json.Decoder(Member)


def decode_group(raw: bytes) -> ProviderGroup:
    """Return the group; raise `RecordError`. Without its ``members`` it is incomplete.

    A group without a name is called by its address.
    """
    try:
        record = _GROUP.decode(raw)
    except UNDECODABLE as error:
        raise unreadable(error) from error
    if not record.id or len(record.id) > MAX_ID or "\x00" in record.id:
        raise missing("id")
    name = record.name or record.email
    if not name or len(name) > MAX_TEXT or "\x00" in name:
        raise missing("name")
    whole = not isinstance(record.members, msgspec.UnsetType)
    members = [] if isinstance(record.members, msgspec.UnsetType) else record.members
    return ProviderGroup(
        external_id=ExternalId(record.id),
        display_name=name,
        member_users=_ids(members, USER),
        member_groups=_ids(members, GROUP),
        complete=whole,
    )


def _ids(members: Iterable[Member], kind: str) -> frozenset[ExternalId]:
    return frozenset(ExternalId(one.id) for one in members if one.type == kind)


def members_in(records: Iterable[bytes]) -> list[Member] | None:
    """Return a page's members, or None if one of them cannot be told."""
    found = []
    for raw in records:
        try:
            member = _MEMBER.decode(raw)
        except UNDECODABLE:
            return None
        if member.type == EXTERNAL:
            continue
        if member.type not in {USER, GROUP, CUSTOMER} or not 0 < len(member.id) <= MAX_ID:
            return None
        found.append(member)
    return found


def with_members(record: bytes, members: Iterable[Member]) -> bytes:
    """Return a listed group with its members in it, in one order, as `decode_group` reads it."""
    body = record.rstrip()
    if not body.endswith(b"}") or not body[1:-1].strip():
        return record
    ordered = sorted(members, key=lambda one: (one.type, one.id))
    return body[:-1] + b',"members":' + msgspec.json.encode(ordered) + b"}"


class _Id(msgspec.Struct):
    id: str | None = None


_ID: Final = msgspec.json.Decoder(_Id)


def id_of(raw: bytes) -> ExternalId | None:
    """Return a record's id, whatever else is wrong with it, or None."""
    try:
        found = _ID.decode(raw).id
    except UNDECODABLE:
        found = top_level_text(raw, "id")
    return ExternalId(found) if found and len(found) <= MAX_ID and "\x00" not in found else None
