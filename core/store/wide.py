"""Reading thousands of rows at once without holding the event loop up.

Python's SQLite driver lets go of the interpreter lock and takes it again for every row, and each
time waits for whatever else runs. One row that holds them all as JSON is one such wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from core.store.database import Transaction
from core.store.urls import Backend

_ROWS = msgspec.json.Decoder(list[list[Any]])


async def read_wide(
    tx: Transaction,
    columns: tuple[str, ...],
    source: str,
    *,
    blobs: frozenset[str] = frozenset(),
    **values: object,
) -> Sequence[Sequence[Any]]:
    """Return the rows of ``SELECT columns source``, in its order.

    The `columns` among `blobs` come as hexadecimal text. On SQLite truth values are 0 and 1.
    """
    sql = _select(tx.backend, columns, source, blobs)
    if tx.backend == "postgresql":
        return await tx.rows(sql, **values)
    return _ROWS.decode(await tx.value(sql, **values))


def hex_list(backend: Backend, column: str) -> str:
    """Return the aggregate of a binary column as one hexadecimal text, with commas between."""
    if backend == "postgresql":
        return f"string_agg(encode({column}, 'hex'), ',')"
    return f"group_concat(hex({column}))"


@lru_cache(maxsize=64)
def _select(backend: Backend, columns: tuple[str, ...], source: str, blobs: frozenset[str]) -> str:
    shown = [_hex(backend, column) if column in blobs else column for column in columns]
    named = ", ".join(f"{column} AS c{n}" for n, column in enumerate(shown))
    names = ", ".join(f"c{n}" for n in range(len(columns)))
    if backend == "postgresql":
        return f"SELECT {named} {source}"
    return f"SELECT json_group_array(json_array({names})) FROM (SELECT {named} {source})"  # noqa: S608 - fixed statements


def _hex(backend: Backend, column: str) -> str:
    if backend == "postgresql":
        return f"encode({column}, 'hex')"
    return f"CASE WHEN {column} IS NOT NULL THEN hex({column}) END"
