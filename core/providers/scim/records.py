"""Decoding one SCIM person or group; everything wrong with one is that record's `RecordError`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from core.errors import RecordError
from core.model.directory import ExternalId, ProviderGroup, ProviderUser
from core.providers.decoding import gather, group_names, revision
from core.providers.scim.attributes import (
    ENTERPRISE,
    AttributePlan,
    Valued,
    is_active,
    is_primary,
)
from core.providers.unreadable import (
    MAX_ID,
    UNDECODABLE,
    UnusableValueError,
    examine,
    missing,
    unreadable,
    wrong,
)

_REVISION: Final = "scim-1"


class UserDecoder:
    """Decodes people, looking only at the attributes that are wanted."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.plan = AttributePlan(wanted)
        self._decode = msgspec.json.Decoder(self.plan.struct).decode
        self.revision = revision(_REVISION, (path for path, _ in self.plan.getters))

    def decode(self, raw: bytes) -> ProviderUser:
        """Return the person; raise `RecordError` with the attribute and its value's kind."""
        try:
            record: Any = self._decode(raw)
        except UNDECODABLE as error:
            raise _unreadable(error) from error
        external_id, user_name = record.id, record.userName
        if not external_id or len(external_id) > MAX_ID:
            raise missing("id")
        if not user_name:
            raise missing("userName")
        user = ProviderUser(
            external_id=ExternalId(external_id),
            user_name=user_name,
            active=record.active is True or _is_active(record),
            emails=_addresses(record.emails),
            attributes=self._attributes(record),
        )
        examine(user, raw)
        return user

    def _attributes(self, record: Any) -> dict[str, object]:
        plan = self.plan
        attributes: dict[str, object] = {}
        getters = plan.others
        try:
            texts = plan.read_texts(record)
            attributes = dict(zip(plan.texts, texts, strict=True))
            if None in texts:
                attributes = {path: text for path, text in attributes.items() if text is not None}
        except AttributeError:
            getters = plan.getters
        return gather(attributes, record, getters)


def _is_active(record: Any) -> bool:
    try:
        return is_active(record)
    except UnusableValueError as error:
        raise wrong("active", error.kind) from error


def _addresses(values: list[Valued] | None) -> tuple[str, ...]:
    """Return the addresses, the primary one first, each once."""
    if not values:
        return ()
    if len(values) == 1:
        only = values[0].value
        return (only,) if only else ()
    ordered = sorted(values, key=is_primary, reverse=True)
    return tuple(dict.fromkeys(one.value for one in ordered if one.value))


class _Member(msgspec.Struct):
    value: str | None = None
    type: str | None = None
    ref: str | None = msgspec.field(default=None, name="$ref")


class _Group(msgspec.Struct):
    id: str | None = None
    displayName: str | None = None  # noqa: N815 - the name on the wire
    members: list[_Member] | msgspec.UnsetType | None = msgspec.UNSET


_GROUP: Final = msgspec.json.Decoder(_Group)


def decode_group(raw: bytes) -> ProviderGroup:
    """Return the group; raise `RecordError`.

    Its list of members is incomplete if there is none at all, or a member has no id.
    """
    try:
        record = _GROUP.decode(raw)
    except UNDECODABLE as error:
        raise _unreadable(error) from error
    external_id, name = group_names(record.id, record.displayName, called="displayName")
    return _with_members(external_id, name, record.members)


def _with_members(
    group_id: ExternalId, name: str, members: list[_Member] | msgspec.UnsetType | None
) -> ProviderGroup:
    kinds: dict[str, set[ExternalId]] = {"user": set(), "group": set(), "": set()}
    complete = members is not msgspec.UNSET
    for member in members if isinstance(members, list) else ():
        if member.value:
            kinds[_kind(member)].add(ExternalId(member.value))
        else:
            complete = False
    return ProviderGroup(
        external_id=group_id,
        display_name=name,
        member_users=frozenset(kinds["user"]),
        member_groups=frozenset(kinds["group"]),
        member_unknown=frozenset(kinds[""]),
        complete=complete,
    )


def _kind(member: _Member) -> str:
    """Return "user", "group" or nothing, by ``type`` or else by ``$ref`` (RFC 7643 §4.2)."""
    said = (member.type or "").lower()
    if said in {"user", "group"}:
        return said
    parts = (member.ref or "").lower().split("/")
    if "users" in parts:
        return "user"
    return "group" if "groups" in parts else ""


def _unreadable(error: Exception) -> RecordError:
    found = unreadable(error)
    path = found.attribute.replace(ENTERPRISE, "enterprise")
    return found if path == found.attribute else wrong(path, found.value_kind)
