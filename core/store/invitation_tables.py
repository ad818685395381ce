"""The tables of invitations that go out by chat."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Index, Table, Text

from core.store.columns import (
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

invitation_chats = Table(
    "invitation_chats",
    metadata,
    account(),
    key_id("invitation_id"),
    text("state"),
    count("version", "1"),
    maybe("person"),
    Column("channel", Text, nullable=False, server_default=sa.text("''")),
    Column("ts", Text, nullable=False, server_default=sa.text("''")),
    count("attempts"),
    time("next_at"),
    maybe("claimed_by"),
    maybe_time("claimed_until"),
    maybe_time("begun_at"),
    maybe_time("sent_at"),
    maybe("error"),
    time("created_at"),
    Index("ix_invitation_chats_due", "next_at", **where("state = 'pending'")),
    Index("ix_invitation_chats_begun_at", "begun_at", **where("begun_at IS NOT NULL")),
)
