"""Applications and the hashes of their tokens."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from core.errors import ConflictError, NotFoundError
from core.model.application import Application
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.bulk import reserve_ids
from core.store.codec import maybe_time, to_seconds, to_time
from core.store.database import Database, Row, Transaction

USE_NOTED_EVERY = timedelta(hours=1)
"""How exactly it is known when a token was last used."""

_COLUMNS = "id, name, created_at, created_by, last_used_at, revoked_at"
_ALL = f"""
SELECT {_COLUMNS} FROM app_tokens WHERE account_id = :account
ORDER BY revoked_at IS NOT NULL, name, id DESC LIMIT 1000
"""  # noqa: S608 - names are our own
_BY_TOKEN = f"""
SELECT {_COLUMNS} FROM app_tokens
WHERE account_id = :account AND token_hash = :hash AND revoked_at IS NULL
"""  # noqa: S608 - names are our own
_CREATE = """
INSERT INTO app_tokens (account_id, id, name, token_hash, created_at, created_by)
VALUES (:account, :id, :name, :hash, :now, :by) ON CONFLICT DO NOTHING
"""
_REVOKE = """
UPDATE app_tokens SET revoked_at = :now
WHERE account_id = :account AND name = :name AND revoked_at IS NULL
"""
_USED = """
UPDATE app_tokens SET last_used_at = :now
WHERE account_id = :account AND id = :id AND (last_used_at IS NULL OR last_used_at <= :before)
"""


class Applications:
    """Who may ask the login API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Application]:
        """Return the applications by name, those that were revoked last; at most 1,000."""

        async def work(tx: Transaction) -> list[Application]:
            return [_application(row) for row in await tx.rows(_ALL)]

        return await self._database.read(work)

    async def create(self, name: str, *, token: str, by: str, audit: AuditEntry) -> Application:
        """Store a token's hash under a name.

        Raises `ConflictError` (code ``application_exists``) if the name has a valid token.
        """

        async def work(tx: Transaction) -> Application:
            made = Application(
                id=await reserve_ids(tx, "app_tokens", 1),
                name=name,
                created_at=audit.at,
                created_by=by,
            )
            new = await tx.run(
                _CREATE,
                id=made.id,
                name=name,
                hash=_hash(token),
                now=to_seconds(audit.at),
                by=by,
            )
            if not new:
                raise ConflictError(
                    f"{name} has a token already.",
                    code="application_exists",
                    hint="Revoke it first, or choose another name.",
                )
            await add_audit(tx, audit)
            return made

        return await self._database.write(work)

    async def revoke(self, name: str, *, audit: AuditEntry) -> None:
        """Make a name's token invalid for good; raises `NotFoundError` if it has none."""

        async def work(tx: Transaction) -> None:
            if not await tx.run(_REVOKE, name=name, now=to_seconds(audit.at)):
                raise NotFoundError(
                    f"No application {name} has a token.",
                    code="application_not_found",
                    hint="`apps` lists those that have one.",
                )
            await add_audit(tx, audit)

        await self._database.write(work)

    async def by_token(self, token: str, *, now: datetime) -> Application | None:
        """Return whose token it is, and note the hour of its use; None unless it is valid."""

        async def find(tx: Transaction) -> Row | None:
            return await tx.first(_BY_TOKEN, hash=_hash(token))

        row = await self._database.read(find)
        if row is None:
            return None
        found = _application(row)
        if found.last_used_at is None or now - found.last_used_at >= USE_NOTED_EVERY:
            await self._used(found.id, now)
            found = replace(found, last_used_at=now)
        return found

    async def _used(self, application: int, now: datetime) -> None:
        async def work(tx: Transaction) -> None:
            before = to_seconds(now - USE_NOTED_EVERY)
            await tx.run(_USED, id=application, now=to_seconds(now), before=before)

        await self._database.write(work)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _application(row: Row) -> Application:
    return Application(
        id=row.id,
        name=row.name,
        created_at=to_time(row.created_at),
        created_by=row.created_by,
        last_used_at=maybe_time(row.last_used_at),
        revoked_at=maybe_time(row.revoked_at),
    )
