"""Small SQL fragments that differ between the databases."""

from __future__ import annotations

from core.store.urls import Backend


def among(backend: Backend, parameter: str) -> str:
    """Return a subquery of the texts in a JSON list, for ``IN``."""
    if backend == "sqlite":
        return f"(SELECT value FROM json_each(:{parameter}))"  # noqa: S608 - names are our own
    return f"(SELECT json_array_elements_text(CAST(CAST(:{parameter} AS text) AS json)))"


def share(backend: Backend, table: str) -> str:
    """Return the clause that keeps a row as it is until the transaction ends."""
    return f" FOR UPDATE OF {table}" if backend == "postgresql" else ""
