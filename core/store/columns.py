"""What the tables are made of: the kinds of columns, and the one list of all tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Double, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

BIG = sa.BigInteger().with_variant(Integer, "sqlite")


def account(*, key: bool = False) -> Column[str]:
    """Return the column of the account that a row belongs to."""
    return Column("account_id", Text, nullable=False, primary_key=key)


def text(name: str, *, key: bool = False) -> Column[str]:
    """Return a column of text."""
    return Column(name, Text, nullable=False, primary_key=key)


def maybe(name: str) -> Column[str]:
    """Return a column of text that may be missing."""
    return Column(name, Text, nullable=True)


def time(name: str) -> Column[float]:
    """Return a column of seconds since 1970."""
    return Column(name, Double, nullable=False)


def maybe_time(name: str) -> Column[float]:
    """Return a column of seconds since 1970 that may be missing."""
    return Column(name, Double, nullable=True)


def count(name: str, default: str = "0") -> Column[int]:
    """Return a column of a number."""
    return Column(name, Integer, nullable=False, server_default=sa.text(default))


def flag(name: str) -> Column[bool]:
    """Return a column that is false unless it is said."""
    return Column(name, Boolean, nullable=False, server_default=sa.false())


def key_id(name: str = "id") -> Column[int]:
    """Return the column of an integer id that dirsync itself gives out."""
    return Column(name, BIG, primary_key=True, autoincrement=False)


def where(condition: str) -> dict[str, Any]:
    """Return what makes an index cover only some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
