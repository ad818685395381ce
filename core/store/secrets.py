"""Secrets that were typed in, as they are kept: sealed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime

import msgspec

from core.store.codec import short_id, to_seconds
from core.store.database import Database, Transaction

PREFIX = "stored:"
"""What a configuration says in a secret's place."""
_INSERT = """
INSERT INTO secrets (account_id, id, sealed, created_at, created_by)
VALUES (:account, :id, :sealed, :now, :by)
"""
_ALL = "SELECT id, sealed FROM secrets WHERE account_id = :account"
_UPDATE = "UPDATE secrets SET sealed = :sealed WHERE account_id = :account AND id = :id"
_DELETE = "DELETE FROM secrets WHERE account_id = :account AND id = :id"
_USERS = """
SELECT document FROM configurations WHERE account_id = :account AND deleted_at IS NULL
UNION ALL SELECT document FROM drafts WHERE account_id = :account
"""


class Secrets:
    """The sealed secrets of the account; nothing here can open one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, sealed: str, *, by: str, now: datetime) -> str:
        """Keep a sealed secret; return the reference to it."""
        name = short_id("s")

        async def work(tx: Transaction) -> None:
            await tx.run(_INSERT, id=name, sealed=sealed, now=to_seconds(now), by=by)

        await self._database.write(work)
        return PREFIX + name

    async def get(self, references: Collection[str]) -> dict[str, str]:
        """Return reference -> sealed secret, of those that exist."""
        if not references:
            return {}

        async def work(tx: Transaction) -> dict[str, str]:
            rows = {PREFIX + row.id: row.sealed for row in await tx.rows(_ALL)}
            return {name: rows[name] for name in references if name in rows}

        return await self._database.read(work)

    async def seal_again(self, seal: Callable[[str], str]) -> tuple[int, int]:
        """Seal all anew in one transaction, and drop those that nothing refers to any more.

        Returns (sealed anew, dropped). `seal` turns a sealed secret into a sealed one.
        """

        async def work(tx: Transaction) -> tuple[int, int]:
            used = _referred([row.document for row in await tx.rows(_USERS)])
            rows = await tx.rows(_ALL)
            kept: Mapping[str, str] = {
                row.id: row.sealed for row in rows if PREFIX + row.id in used
            }
            for row in rows:
                if row.id not in kept:
                    await tx.run(_DELETE, id=row.id)
            for name, sealed in kept.items():
                await tx.run(_UPDATE, id=name, sealed=seal(sealed))
            return len(kept), len(rows) - len(kept)

        return await self._database.write(work)


def _referred(documents: Collection[str]) -> set[str]:
    texts = [each for document in documents for each in _texts(msgspec.json.decode(document))]
    return {text for text in texts if text.startswith(PREFIX)}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
