"""Decoding one Google user or group; everything wrong with one is that record's `RecordError`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from core.model.directory import ExternalId, ProviderGroup, ProviderUser, UnitPath
from core.providers.decoding import gather, group_names, revision, with_list
from core.providers.google.attributes import AttributePlan
from core.providers.unreadable import (
    MAX_ID,
    UNDECODABLE,
    examine,
    missing,
    unreadable,
)

USER, GROUP, CUSTOMER, EXTERNAL = "USER", "GROUP", "CUSTOMER", "EXTERNAL"
"""Types of a member ("REST Resource: members"); `CUSTOMER` is everybody in the company."""

_REVISION: Final = "google-1"


class UserDecoder:
    """Decodes people, looking only at the attributes that are wanted."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.plan = AttributePlan(wanted)
        self._decode = msgspec.json.Decoder(self.plan.struct).decode
        self.revision = revision(_REVISION, self.plan.paths)

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
        return gather({}, record, self.plan.getters)


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
_MEMBERS: Final = msgspec.json.Decoder(list[Member])
_TYPES: Final = frozenset({USER, GROUP, CUSTOMER})


def decode_group(raw: bytes) -> ProviderGroup:
    """Return the group; raise `RecordError`. Without its ``members`` it is incomplete.

    A group without a name is called by its address.
    """
    try:
        record = _GROUP.decode(raw)
    except UNDECODABLE as error:
        raise unreadable(error) from error
    external_id, name = group_names(record.id, record.name or record.email, called="name")
    whole = not isinstance(record.members, msgspec.UnsetType)
    members = [] if isinstance(record.members, msgspec.UnsetType) else record.members
    return ProviderGroup(
        external_id=external_id,
        display_name=name,
        member_users=_ids(members, USER),
        member_groups=_ids(members, GROUP),
        complete=whole,
    )


def _ids(members: Iterable[Member], kind: str) -> frozenset[ExternalId]:
    return frozenset(ExternalId(one.id) for one in members if one.type == kind)


def members_in(records: Sequence[bytes]) -> list[Member] | None:
    """Return a page's members, or None if one of them cannot be told."""
    try:
        members = _MEMBERS.decode(b"[%b]" % b",".join(records))
    except UNDECODABLE:
        return None
    found = [member for member in members if member.type != EXTERNAL]
    known = all(one.type in _TYPES and 0 < len(one.id) <= MAX_ID for one in found)
    return found if known and len(members) == len(records) else None


def with_members(record: bytes, members: Iterable[Member]) -> bytes:
    """Return a listed group with its members in it, in one order, as `decode_group` reads it."""
    ordered = sorted(members, key=lambda one: (one.type, one.id))
    return with_list(record, "members", ordered)
