"""Decoding one Okta person or group; everything wrong with one is that record's `RecordError`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from core.model.directory import ExternalId, ProviderGroup, ProviderUser
from core.providers.decoding import gather, group_names, revision, with_list
from core.providers.okta.attributes import AttributePlan
from core.providers.unreadable import (
    MAX_ID,
    UNDECODABLE,
    examine,
    missing,
    unreadable,
    wrong,
)

MAY_SIGN_IN: Final = frozenset(
    {"ACTIVE", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT"}
)
"""Statuses of people whom an admin has activated: a password to set, to renew or to unlock is
between them and Okta, and no reason to take anything away."""

MAY_NOT: Final = frozenset({"STAGED", "ACTIVATING", "SUSPENDED", "DEPROVISIONED"})
"""Statuses of people who are not activated yet, suspended or deactivated."""

_REVISION: Final = "okta-1"


class UserDecoder:
    """Decodes people, looking only at the attributes that are wanted."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.plan = AttributePlan(wanted)
        struct = msgspec.defstruct(
            "OktaUser",
            [
                ("id", str | None, None),
                ("status", str | None, None),
                ("profile", self.plan.struct | None, None),
            ],
            gc=False,
        )
        self._decode = msgspec.json.Decoder(struct).decode
        self.revision = revision(_REVISION, self.plan.paths)

    def decode(self, raw: bytes) -> ProviderUser:
        """Return the person; raise `RecordError` with the attribute and its value's kind."""
        try:
            record: Any = self._decode(raw)
        except UNDECODABLE as error:
            raise unreadable(error) from error
        if not record.id or len(record.id) > MAX_ID:
            raise missing("id")
        profile = record.profile
        if profile is None or not profile.login:
            raise missing("profile.login")
        user = ProviderUser(
            external_id=ExternalId(record.id),
            user_name=profile.login,
            active=_active(record.status),
            emails=(profile.email,) if profile.email else (),
            attributes=self._attributes(profile),
        )
        examine(user, raw)
        return user

    def _attributes(self, profile: Any) -> dict[str, object]:
        plan = self.plan
        texts = zip(plan.texts, plan.read_texts(profile), strict=True)
        attributes: dict[str, object] = {path: text for path, text in texts if text is not None}
        return gather(attributes, profile, plan.others)


def _active(status: str | None) -> bool:
    """Return whether a status lets people sign in; an unknown one is nobody's guess."""
    if status in MAY_SIGN_IN:
        return True
    if status in MAY_NOT:
        return False
    raise wrong("status", "text", what="one that dirsync does not know")


class _GroupProfile(msgspec.Struct):
    name: str | None = None


class _Group(msgspec.Struct):
    id: str | None = None
    profile: _GroupProfile | None = None
    members: list[str] | msgspec.UnsetType = msgspec.UNSET


_GROUP: Final = msgspec.json.Decoder(_Group)


def decode_group(raw: bytes) -> ProviderGroup:
    """Return the group; raise `RecordError`. Without its ``members`` it is incomplete.

    Okta's groups hold people only.
    """
    try:
        record = _GROUP.decode(raw)
    except UNDECODABLE as error:
        raise unreadable(error) from error
    profile = record.profile or _GroupProfile()
    external_id, name = group_names(record.id, profile.name, called="profile.name")
    members = record.members
    return ProviderGroup(
        external_id=external_id,
        display_name=name,
        member_users=frozenset(
            map(ExternalId, members if not isinstance(members, msgspec.UnsetType) else ())
        ),
        complete=not isinstance(members, msgspec.UnsetType),
    )


def with_members(record: bytes, members: Iterable[str]) -> bytes:
    """Return a listed group with its members in it, as `decode_group` reads it."""
    return with_list(record, "members", list(members))
