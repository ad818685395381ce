"""The tables of who is told: subscribed and lost channels, and open Home tabs."""

from __future__ import annotations

from sqlalchemy import Table

from core.store.columns import account, metadata, text, time

home_viewers = Table(
    "home_viewers",
    metadata,
    account(key=True),
    text("viewer", key=True),
    time("opened_at"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    account(key=True),
    text("channel", key=True),
    text("configuration_id", key=True),
    text("kinds"),
    text("by"),
    time("at"),
)

lost_channels = Table(
    "lost_channels",
    metadata,
    account(key=True),
    text("channel", key=True),
    text("code"),
    time("since"),
)
