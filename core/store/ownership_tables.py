"""The tables of conflicts of ownership, and of the moves that ended some."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from core.store.columns import BIG, account, count, key_id, maybe, maybe_time, metadata, text, time

conflicts = Table(
    "conflicts",
    metadata,
    account(),
    key_id(),
    text("configuration_id"),
    text("external_id"),
    Column("user_id", BIG, nullable=False),
    text("owner_id"),
    text("label"),
    text("user_name"),
    text("display_name"),
    text("email"),
    text("profile"),
    text("state"),
    count("revision", "1"),
    text("cycle_id"),
    time("since"),
    maybe("decided_by"),
    maybe_time("decided_at"),
    maybe("reason"),
    Index("uq_conflicts_external_id", "configuration_id", "external_id", unique=True),
    Index("ix_conflicts_user_id", "user_id"),
)

moves = Table(
    "moves",
    metadata,
    account(),
    key_id(),
    Column("user_id", BIG, nullable=False),
    text("from_id"),
    maybe("external_id"),
    text("to_id"),
    time("at"),
    text("by"),
    text("by_name"),
    text("reason"),
    Index("ix_moves_user_id", "user_id"),
    Index("ix_moves_to_id", "to_id", "at"),
)
