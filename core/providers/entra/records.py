"""Decoding one person or group; everything wrong with one is that record's `RecordError`.

A person's states, as the "user resource type" names them: ``accountEnabled`` true is active,
false is disabled. Soft-deleted people are in no listing and answer 404, which is gone. A record
that does not say whether it is enabled is unreadable, because then the app may not see it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from core.model.directory import ExternalId, ProviderGroup, ProviderUser
from core.providers.decoding import gather, group_names, revision
from core.providers.entra.attributes import AttributePlan
from core.providers.unreadable import (
    MAX_ID,
    UNDECODABLE,
    examine,
    missing,
    unreadable,
)

_REVISION: Final = "entra-1"


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
        external_id, user_name, enabled, mail = self.plan.core(record)
        if not external_id or len(external_id) > MAX_ID:
            raise missing("id")
        if not user_name:
            raise missing("userPrincipalName")
        if enabled is None:
            raise missing("accountEnabled")
        user = ProviderUser(
            external_id=ExternalId(external_id),
            user_name=user_name,
            active=enabled,
            emails=(mail,) if mail else (),
            attributes=self._attributes(record),
        )
        examine(user, raw)
        return user

    def _attributes(self, record: Any) -> dict[str, object]:
        texts = zip(self.plan.texts, self.plan.read_texts(record), strict=True)
        attributes: dict[str, object] = {path: text for path, text in texts if text is not None}
        return gather(attributes, record, self.plan.others)


class Member(msgspec.Struct):
    """A member of a group; Graph says what it is, also where the app may not read it."""

    id: str | None = None
    type: str | None = msgspec.field(default=None, name="@odata.type")


class ListedGroup(msgspec.Struct):
    """A group as listings have it."""

    id: str
    displayName: str | None = None  # noqa: N815 - the name on the wire
    visibility: str | None = None


class _Whole(msgspec.Struct, omit_defaults=True):
    id: str
    displayName: str | None = None  # noqa: N815 - likewise
    users: list[str] | msgspec.UnsetType = msgspec.UNSET
    groups: list[str] = []
    others: list[str] = []
    incomplete: bool = False


_WHOLE: Final = msgspec.json.Decoder(_Whole)


def group_record(group: ListedGroup, members: Iterable[Member], *, complete: bool) -> bytes:
    """Return a group with its members as one record, the same for the same members.

    Devices, contacts and service principals are no people and no groups, and left out.
    """
    kinds: dict[str, set[str]] = {"user": set(), "group": set(), "": set()}
    for member in members:
        kind = (member.type or "").rpartition(".")[2].lower()
        if not member.id:
            complete = False
        elif kind in kinds:
            kinds[kind].add(member.id)
    return msgspec.json.encode(
        _Whole(
            id=group.id,
            displayName=group.displayName,
            users=sorted(kinds["user"]),
            groups=sorted(kinds["group"]),
            others=sorted(kinds[""]),
            incomplete=not complete,
        )
    )


def decode_group(raw: bytes) -> ProviderGroup:
    """Return the group that `group_record` made; raise `RecordError`."""
    try:
        record = _WHOLE.decode(raw)
    except UNDECODABLE as error:
        raise unreadable(error) from error
    external_id, name = group_names(record.id, record.displayName, called="displayName")
    users = record.users if isinstance(record.users, list) else None
    return ProviderGroup(
        external_id=external_id,
        display_name=name,
        member_users=frozenset(map(ExternalId, users or ())),
        member_groups=frozenset(map(ExternalId, record.groups)),
        member_unknown=frozenset(map(ExternalId, record.others)),
        complete=users is not None and not record.incomplete,
    )
