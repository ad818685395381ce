"""JSON in the database, and back into the model."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from core.model.configuration import (
    ConfigurationSpec,
    CsvSettings,
    EntraSettings,
    GoogleSettings,
    Guard,
    InvitationWay,
    LdapSettings,
    MissingPolicy,
    OktaSettings,
    ProviderSettings,
    Schedule,
    ScimSettings,
    Scope,
)
from core.model.freeze import Freeze

T = TypeVar("T")
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PROVIDERS: Mapping[str, type[ProviderSettings]] = {
    "scim": ScimSettings,
    "csv": CsvSettings,
    "entra": EntraSettings,
    "okta": OktaSettings,
    "ldap": LdapSettings,
    "google": GoogleSettings,
}


def to_json(value: object) -> str:
    """Encode dataclasses, mappings, sets and plain values; mappings by sorted key."""
    return msgspec.json.encode(value, order="deterministic").decode()


def from_json(text: str, kind: type[T]) -> T:
    """Decode what `to_json` made of a `kind`."""
    return msgspec.json.decode(text, type=kind)


def to_object(text: str | None) -> dict[str, Any]:
    """Decode a JSON object; nothing is an empty one."""
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def decode_spec(text: str) -> ConfigurationSpec:
    """Decode a stored configuration document."""
    raw = to_object(text)
    provider: ProviderSettings = msgspec.convert(
        raw["provider"], _PROVIDERS[raw["provider"]["type"]]
    )
    schedule = raw.get("schedule")
    return ConfigurationSpec(
        name=raw["name"],
        provider=provider,
        scope=msgspec.convert(raw["scope"], Scope),
        mapping=msgspec.convert(raw["mapping"], dict[str, str]),
        schedule=msgspec.convert(schedule, Schedule) if schedule is not None else None,
        channel=raw.get("channel"),
        guard=msgspec.convert(raw["guard"], Guard),
        invitations=InvitationWay(raw["invitations"]),
        on_missing=MissingPolicy(raw["on_missing"]),
        grace=msgspec.convert(raw["grace"], timedelta),
        freeze=msgspec.convert(raw.get("freeze", ()), tuple[Freeze, ...]),
        only_on_create=msgspec.convert(raw.get("only_on_create", ()), tuple[str, ...]),
        priority=raw.get("priority"),
    )


def to_seconds(moment: datetime) -> float:
    """Return the stored form of an aware time."""
    return moment.timestamp()


def to_time(seconds: float) -> datetime:
    """Return a stored time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def maybe_time(seconds: float | None) -> datetime | None:
    """Return a stored time in UTC, or None."""
    return None if seconds is None else to_time(seconds)


def short_id(prefix: str) -> str:
    """Make an id that people can type: the prefix, a dash and 40 random bits."""
    return f"{prefix}-{''.join(secrets.choice(_CROCKFORD) for _ in range(8))}"
