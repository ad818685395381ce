"""The tables that only the license desk reads and writes."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from core.store.columns import (
    BIG,
    account,
    count,
    key_id,
    maybe,
    maybe_time,
    metadata,
    text,
    time,
    where,
)

license_reserves = Table(
    "license_reserves",
    metadata,
    account(key=True),
    text("configuration_id", key=True),
    text("external_id", key=True),
    text("name"),
    Column("kept", Integer, nullable=False),
    time("since"),
)

license_questions = Table(
    "license_questions",
    metadata,
    account(),
    key_id(),
    Column("user_id", BIG, nullable=False),
    text("answer"),
    maybe("person"),
    count("attempts"),
    time("next_at"),
    maybe("claimed_by"),
    maybe_time("claimed_until"),
    maybe("error"),
    time("created_at"),
    maybe_time("answered_at"),
    Index("ix_license_questions_user_id", "user_id"),
    Index("ix_license_questions_due", "next_at", **where("answer = 'pending'")),
)
