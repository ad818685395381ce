"""Deliveries from Slack, parsed at the edge into one type."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Payload = Mapping[str, object]
Kind = Literal["command", "action", "event", "view"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """One delivery from Slack, parsed at the edge.

    Attributes:
        key: the same for every delivery of the same thing; empty if it cannot be told.
        public: the channel where it happened, if it is one that others see.
        ts: the message that was clicked on, or "".
        trigger: lets a modal be opened within three seconds.
        view_id: the modal it came from, if it came from one.
        form: the callback id of that modal, and `metadata` what it carries.
        values: what was entered, by block id and action id, as Slack sends it.
        at: when it arrived, on the monotonic clock.
    """

    kind: Kind
    user: str
    channel: str
    response_url: str
    key: str
    text: str = ""
    action_id: str = ""
    value: str = ""
    ephemeral: bool = False
    ts: str = ""
    trigger: str = ""
    view_id: str = ""
    form: str = ""
    metadata: str = ""
    values: Payload = field(default_factory=dict)
    at: float = field(default_factory=time.monotonic)

    @property
    def public(self) -> str | None:
        """The channel, unless it is a direct message."""
        return self.channel if self.channel.startswith(("C", "G")) else None


def received(kind: Kind, body: Payload) -> Received:
    """Parse a payload; what is missing or of another type is empty."""
    if kind == "command":
        return Received(
            kind=kind,
            user=_text(body, "user_id"),
            channel=_text(body, "channel_id"),
            response_url=_text(body, "response_url"),
            key=_key("slash", _text(body, "trigger_id")),
            text=_text(body, "text"),
            trigger=_text(body, "trigger_id"),
        )
    if kind == "event":
        event = _object(body, "event")
        return Received(
            kind=kind,
            user=_text(event, "user"),
            channel=_text(event, "channel"),
            response_url="",
            key=_key("event", _text(body, "event_id")),
            text=_text(event, "tab"),
        )
    return _interaction(kind, body)


def _interaction(kind: Kind, body: Payload) -> Received:
    user, view = _object(body, "user"), _object(body, "view")
    container, action = _object(body, "container"), _first(body, "actions")
    team = _text(_object(body, "team"), "id")
    if kind == "view":
        key = _key("view", _text(view, "id"), _text(view, "hash"))
    else:
        parts = (_text(action, "action_id"), _text(action, "action_ts"))
        key = _key("action", team, _text(user, "id"), *parts)
    chosen = _object(action, "selected_option")
    return Received(
        kind=kind,
        user=_text(user, "id"),
        channel=_text(_object(body, "channel"), "id") or _text(container, "channel_id"),
        response_url=_text(body, "response_url"),
        key=key,
        action_id=_text(action, "action_id"),
        value=_text(action, "value") or _text(chosen, "value"),
        ephemeral=container.get("is_ephemeral") is True,
        ts=_text(container, "message_ts"),
        trigger=_text(body, "trigger_id"),
        view_id=_text(view, "id") if view.get("type") == "modal" else "",
        form=_text(view, "callback_id"),
        metadata=_text(view, "private_metadata"),
        values=_object(_object(view, "state"), "values"),
    )


def _text(body: Payload, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _object(body: Payload, name: str) -> Payload:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def _first(body: Payload, name: str) -> Payload:
    value = body.get(name)
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, Mapping) else {}


def _key(*parts: str) -> str:
    return ":".join(parts)[:250] if all(parts) else ""
