"""What happened, in the past tense: the payloads of the outbox.

A payload names the fact, not the message: whoever delivers it reads the present state and
renders that, so a late delivery never shows an old card.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """Kinds of outbox items; the value is stored."""

    CYCLE_CARD = "cycle_card"
    HELD_CARD = "held_card"
    ALERT = "alert"
    RECORD = "record"
    INVITATION = "invitation"
    HOME = "home"


class AlertKind(StrEnum):
    """Kinds of alerts."""

    SYNC_FAILED = "sync_failed"
    SIGN_IN_NEEDED = "sign_in_needed"
    RECOVERED = "recovered"
    CYCLE_RESUMED = "cycle_resumed"
    GIVEN_UP = "given_up"
    LICENSES = "licenses"
    MAIL = "mail"
    TEST = "test"


PRIMARY = "primary"
"""In a copy's payload: the channel of the item itself, or "" for the default one."""
ALERT_PREFIX = "alert:"
"""How the keys of alerts begin in the outbox."""


def mute_key(kind: AlertKind, about: str) -> str:
    """Return the key under which a kind of alert is muted, for a configuration id or ""."""
    return f"mute:{kind.value}:{about}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertMark:
    """What somebody said to an alert.

    Attributes:
        by: the actor's id.
        until: when a mute ends; None for "seen".
    """

    by: str
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxItem:
    """Something that must leave the machine, at least once.

    Attributes:
        key: stable name of the message; the same key edits the same card.
        stream: items of one stream are delivered in order (a cycle's id, a configuration's id).
        kind: what it is about.
        subject: id of the cycle, held set, alert or invitation.
        channel: Slack channel id, or None for the default channel.
        payload: small JSON object with what cannot be read again later.
        copy_of: the key of the item that this is a subscribed channel's copy of, or None.
        claim: names the claim under which it is delivered.
    """

    id: int
    key: str
    stream: str
    kind: EventKind
    subject: str
    channel: str | None
    payload: dict[str, object]
    attempts: int
    created_at: datetime
    copy_of: str | None = None
    claim: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewOutboxItem:
    """An item to store with its fact; a pending item of the same key is replaced."""

    key: str
    stream: str
    kind: EventKind
    subject: str
    channel: str | None = None
    payload: dict[str, object] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """Where a card stands.

    Attributes:
        key: the outbox key.
        channel: channel id.
        ts: the message's timestamp at Slack.
        shown: digest of what it shows, to spare an edit that changes nothing.
        undeliverable: error code if it could not be delivered, or None.
    """

    key: str
    channel: str
    ts: str
    shown: str
    undeliverable: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """Who did what, when, from which door, and why. It names people by ids only.

    Attributes:
        subject: what it was done to: a configuration's name, a cycle's or held set's id.
        allowed: False for a denial.
        detail: further facts.
        before: what was changed, as it was: key -> value.
        after: the same keys as they are now.
    """

    at: datetime
    actor: str
    door: str
    action: str
    subject: str
    allowed: bool
    detail: dict[str, object]
    reason: str = ""
    before: dict[str, object] = field(default_factory=dict)
    after: dict[str, object] = field(default_factory=dict)
