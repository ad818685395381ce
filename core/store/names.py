"""Small SQL fragments that differ between the databases."""

from __future__ import annotations

from collections.abc import Iterable

from core.store.codec import to_json
from core.store.urls import Backend


def among(backend: Backend, parameter: str) -> str:
    """Return a subquery of the texts in a JSON list, for ``IN``."""
    if backend == "sqlite":
        return f"(SELECT value FROM json_each(:{parameter}))"  # noqa: S608 - names are our own
    return f"(SELECT json_array_elements_text(CAST(CAST(:{parameter} AS text) AS json)))"


def one_of(backend: Backend, parameter: str) -> str:
    """Return the condition to be one of few texts, the value of which `few` makes.

    PostgreSQL sees them when it plans, and so knows that a new cycle has hardly any rows.
    """
    if backend == "sqlite":
        return f"IN (SELECT value FROM json_each(:{parameter}))"  # noqa: S608 - names are our own
    return f"= ANY(CAST(:{parameter} AS text[]))"


def few(backend: Backend, texts: Iterable[str]) -> object:
    """Return texts as the value of a parameter of `one_of`."""
    return to_json(list(texts)) if backend == "sqlite" else list(texts)


def share(backend: Backend, table: str) -> str:
    """Return the clause that keeps a row as it is until the transaction ends."""
    return f" FOR UPDATE OF {table}" if backend == "postgresql" else ""


def not_staged(backend: Backend, external_id: str) -> str:
    """Return the condition that nobody of this id was staged in ``:cycle``.

    No index has the staged ids, as that would cost as much as all else of staging: each database is
    asked in the way in which it gathers them once.
    """
    staged = "FROM staged_users o WHERE o.cycle_id = :cycle"
    if backend == "postgresql":
        return f"NOT EXISTS (SELECT 1 {staged} AND o.external_id = {external_id})"
    return f"{external_id} NOT IN (SELECT o.external_id {staged})"
