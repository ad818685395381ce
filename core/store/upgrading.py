"""Runs the migrations by Alembic."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def alembic_config(connection: sa.Connection) -> Config:
    """Return the configuration under which Alembic runs on this connection."""
    config = Config()
    config.set_main_option("script_location", "core.store:migrations")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema to the program's version, in the caller's transaction."""
    command.upgrade(alembic_config(connection), "head")
