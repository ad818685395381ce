"""Small named values."""

from __future__ import annotations

from collections.abc import Callable

from core.store.database import Database, Transaction

_GET = "SELECT value FROM settings WHERE account_id = :account AND key = :key"
_SET = """
INSERT INTO settings (account_id, key, value) VALUES (:account, :key, :value)
ON CONFLICT (account_id, key) DO UPDATE SET value = excluded.value
"""
_DEFAULT = """
INSERT INTO settings (account_id, key, value) VALUES (:account, :key, :value)
ON CONFLICT DO NOTHING
"""


class SettingsTable:
    """The settings that live in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        """Return a value, or None."""

        async def work(tx: Transaction) -> str | None:
            found: str | None = await tx.value(_GET, key=key)
            return found

        return await self._database.read(work)

    async def set(self, key: str, value: str) -> None:
        """Store a value."""

        async def work(tx: Transaction) -> None:
            await tx.run(_SET, key=key, value=value)

        await self._database.write(work)

    async def change(self, key: str, change: Callable[[str | None], str]) -> None:
        """Store what `change` makes of the present value; two changes at once both count."""

        async def work(tx: Transaction) -> None:
            await tx.run(_DEFAULT, key=key, value="")
            lock = "FOR UPDATE" if tx.backend == "postgresql" else ""
            present: str = await tx.value(f"{_GET} {lock}", key=key)
            await tx.run(_SET, key=key, value=change(present or None))

        await self._database.write(work)

    async def set_default(self, key: str, value: str) -> str:
        """Store a value unless there is one; return what is stored now."""

        async def work(tx: Transaction) -> str:
            await tx.run(_DEFAULT, key=key, value=value)
            return str(await tx.value(_GET, key=key))

        return await self._database.write(work)
