"""Decoding one Okta person or group; everything wrong with one is that record's `RecordError`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from core.model.directory import ExternalId, ProviderGroup, ProviderUser
from core.providers.okta.attributes import AttributePlan
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
        paths = "\n".join(self.plan.paths)
        self.revision = f"{_REVISION}-{hashlib.sha256(paths.encode()).hexdigest()[:12]}"

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
        path = ""
        try:
            for path, get in plan.others:
                value = get(profile)
                if value is not None:
                    attributes[path] = value
        except UnusableValueError as error:
            raise wrong(path, error.kind) from error
        return attributes


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
    if not record.id or len(record.id) > MAX_ID or "\x00" in record.id:
        raise missing("id")
    name = record.profile.name if record.profile is not None else None
    if not name or len(name) > MAX_TEXT or "\x00" in name:
        raise missing("profile.name")
    members = record.members
    return ProviderGroup(
        external_id=ExternalId(record.id),
        display_name=name,
        member_users=frozenset(
            map(ExternalId, members if not isinstance(members, msgspec.UnsetType) else ())
        ),
        complete=not isinstance(members, msgspec.UnsetType),
    )


def with_members(record: bytes, members: Iterable[str]) -> bytes:
    """Return a listed group with its members in it, as `decode_group` reads it."""
    body = record.rstrip()
    if not body.endswith(b"}") or not body[1:-1].strip():
        return record
    return body[:-1] + b',"members":' + msgspec.json.encode(list(members)) + b"}"


class _Id(msgspec.Struct):
    id: str | None = None


_ID: Final = msgspec.json.Decoder(_Id)


def id_of(raw: bytes) -> ExternalId | None:
    """Return a record's id, whatever else is wrong with it, or None."""
    try:
        found = _ID.decode(raw).id
    except UNDECODABLE:
        return identify(raw)
    return ExternalId(found) if found and len(found) <= MAX_ID and "\x00" not in found else None


def identify(raw: bytes) -> ExternalId | None:
    """Return the id in an unreadable record, or None if even that is lost."""
    text = top_level_text(raw, "id")
    return ExternalId(text) if 0 < len(text) <= MAX_ID and "\x00" not in text else None
