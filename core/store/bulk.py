"""Many rows in one statement, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, compress
from operator import not_

from core.store.database import Transaction
from core.store.urls import Backend

Columns = tuple[tuple[str, str], ...]
"""(name, PostgreSQL type) of each column."""

_VALUES = 16_000
"""Parameters in one SQLite statement; its compiled limit is 32,766."""


async def insert_rows(
    tx: Transaction, table: str, columns: Columns, rows: Sequence[Sequence[object]]
) -> int:
    """Insert rows with the account's id; return how many were new. Rows that are there stay."""
    account = str(tx.account)
    return await _insert(tx, table, columns, rows, account)


async def insert_plain(
    tx: Transaction, table: str, columns: Columns, rows: Sequence[Sequence[object]]
) -> None:
    """Insert rows into a temporary table, which has no account."""
    await _insert(tx, table, columns, rows, None)


async def _insert(
    tx: Transaction,
    table: str,
    columns: Columns,
    rows: Sequence[Sequence[object]],
    account: str | None,
) -> int:
    if tx.backend == "postgresql":
        return await _unnest(tx, table, columns, rows, account)
    size = max(1, _VALUES // len(columns))
    new = 0
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        by_column = list(zip(*part, strict=True))
        same = tuple([_all_same(values) for values in by_column])
        once = [values[0] for values in compress(by_column, same)]
        others = zip(*compress(by_column, map(not_, same)), strict=True)
        values = (*once, *chain.from_iterable(others))
        result = await tx.driver(_values(table, columns, len(part), account, same), values)
        new += result.rowcount
    return new


def _all_same(values: tuple[object, ...]) -> bool:
    return values[0] == values[-1] and values.count(values[0]) == len(values)


async def _unnest(
    tx: Transaction,
    table: str,
    columns: Columns,
    rows: Sequence[Sequence[object]],
    account: str | None,
) -> int:
    if not rows:
        return 0
    arrays = tuple(list(array) for array in zip(*rows, strict=True))
    before = () if account is None else (account,)
    result = await tx.driver(_arrays(table, columns, with_account=bool(before)), (*before, *arrays))
    return result.rowcount


@lru_cache(maxsize=64)
def _values(
    table: str, columns: Columns, size: int, account: str | None, same: tuple[bool, ...]
) -> str:
    """Return the statement; columns that are the `same` in all rows come first, and once."""
    given = [name for name, _ in columns]
    once = list(compress(given, same))
    names = ", ".join([*once, *compress(given, map(not_, same))])
    marks = ", ".join([f"?{n}" for n in range(1, len(once) + 1)] + ["?"] * (len(given) - len(once)))
    if account is not None:
        quoted = account.replace("'", "''")
        names, marks = f"account_id, {names}", f"'{quoted}', {marks}"
    values = ", ".join([f"({marks})"] * size)
    return f"INSERT INTO {table} ({names}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608 - names are our own


@lru_cache(maxsize=64)
def _arrays(table: str, columns: Columns, *, with_account: bool) -> str:
    names = ", ".join(name for name, _ in columns)
    first = 2 if with_account else 1
    arrays = ", ".join(f"CAST(${n} AS {kind}[])" for n, (_, kind) in enumerate(columns, first))
    if with_account:
        return (
            f"INSERT INTO {table} (account_id, {names})"  # noqa: S608 - names are our own
            f" SELECT CAST($1 AS text), t.* FROM unnest({arrays}) AS t ON CONFLICT DO NOTHING"
        )
    return f"INSERT INTO {table} ({names}) SELECT t.* FROM unnest({arrays}) AS t"  # noqa: S608 - names are our own


def json_rows(backend: Backend, parameter: str, columns: Columns) -> str:
    """Return a subquery over a JSON list of lists, which is the parameter's value."""
    if backend == "sqlite":
        fields = ", ".join(
            f"json_extract(value, '$[{n}]') AS {name}" for n, (name, _) in enumerate(columns)
        )
        return f"(SELECT {fields} FROM json_each(:{parameter}))"  # noqa: S608 - names are our own
    fields = ", ".join(
        f"CAST(value->>{n} AS {kind}) AS {name}" for n, (name, kind) in enumerate(columns)
    )
    source = f"json_array_elements(CAST(CAST(:{parameter} AS text) AS json))"
    return f"(SELECT {fields} FROM {source})"  # noqa: S608 - names are our own


async def reserve_ids(tx: Transaction, name: str, count: int) -> int:
    """Take `count` ids of a kind and return the first; gone with the transaction if it fails."""
    first = await tx.value(
        "INSERT INTO id_blocks (account_id, name, next_id)"
        " VALUES (:account, :name, CAST(:count AS bigint) + 1)"
        " ON CONFLICT (name) DO UPDATE SET next_id = id_blocks.next_id + :count"
        " RETURNING next_id - CAST(:count AS bigint)",
        name=name,
        count=count,
    )
    return int(first)
