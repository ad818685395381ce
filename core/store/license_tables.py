"""The tables that only the license desk reads and writes."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from core.store.columns import account, metadata, text, time

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
