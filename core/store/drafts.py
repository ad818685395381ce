"""Configurations that somebody is still writing: one draft a person and configuration."""

from __future__ import annotations

from datetime import datetime

from core.errors import NotFoundError
from core.model.configuration import ConfigurationId, Draft
from core.store.codec import from_json, short_id, to_json, to_seconds, to_time
from core.store.database import Database, Row, Transaction

_SELECT = "SELECT * FROM drafts WHERE account_id = :account AND owner = :owner"
_INSERT = """
INSERT INTO drafts (account_id, id, owner, about, revision, document, updated_at)
VALUES (:account, :id, :owner, :about, :revision, :document, :now)
ON CONFLICT (account_id, owner, about) DO UPDATE SET
    id = excluded.id, revision = excluded.revision, document = excluded.document,
    updated_at = excluded.updated_at
"""
_UPDATE = """
UPDATE drafts SET document = :document, updated_at = :now
WHERE account_id = :account AND owner = :owner AND id = :id
"""


class Drafts:
    """The drafts of the account; nobody sees another person's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def about(self, owner: str, configuration: ConfigurationId | None) -> Draft | None:
        """Return somebody's draft of a configuration, or of a new one, or None."""

        async def work(tx: Transaction) -> Draft | None:
            about = configuration or ""
            row = await tx.first(f"{_SELECT} AND about = :about", owner=owner, about=about)
            return _draft(row) if row is not None else None

        return await self._database.read(work)

    async def get(self, owner: str, id: str) -> Draft:  # noqa: A002 - the settled name
        """Return somebody's draft; raises `NotFoundError` for another person's too."""

        async def work(tx: Transaction) -> Draft:
            return await _load(tx, owner, id)

        return await self._database.read(work)

    async def begin(
        self,
        owner: str,
        configuration: ConfigurationId | None,
        *,
        revision: int,
        fields: dict[str, str],
        now: datetime,
    ) -> Draft:
        """Begin a draft, in place of an earlier one of the same person about the same."""
        name = short_id("d")

        async def work(tx: Transaction) -> Draft:
            await tx.run(
                _INSERT,
                id=name,
                owner=owner,
                about=configuration or "",
                revision=revision,
                document=to_json(fields),
                now=to_seconds(now),
            )
            return await _load(tx, owner, name)

        return await self._database.write(work)

    async def put(
        self,
        owner: str,
        id: str,  # noqa: A002 - the settled name
        fields: dict[str, str],
        *,
        now: datetime,
    ) -> Draft:
        """Change some of a draft's fields, and return all of it; raises `NotFoundError`."""

        async def work(tx: Transaction) -> Draft:
            draft = await _load(tx, owner, id)
            document = to_json({**draft.fields, **fields})
            await tx.run(_UPDATE, id=id, owner=owner, document=document, now=to_seconds(now))
            return await _load(tx, owner, id)

        return await self._database.write(work)

    async def drop(self, owner: str, id: str) -> None:  # noqa: A002 - the settled name
        """Forget a draft; safe to call twice."""

        async def work(tx: Transaction) -> None:
            await tx.run(
                "DELETE FROM drafts WHERE account_id = :account AND owner = :owner AND id = :id",
                owner=owner,
                id=id,
            )

        await self._database.write(work)


async def _load(tx: Transaction, owner: str, id_: str) -> Draft:
    row = await tx.first(f"{_SELECT} AND id = :id", owner=owner, id=id_)
    if row is None:
        raise NotFoundError(
            "That form is over: it was saved, or begun anew elsewhere.",
            code="draft_over",
            hint="Open it again with `/dirsync setup` or `/dirsync edit`.",
        )
    return _draft(row)


def _draft(row: Row) -> Draft:
    return Draft(
        id=row.id,
        owner=row.owner,
        configuration=ConfigurationId(row.about) if row.about else None,
        revision=row.revision,
        fields=from_json(row.document, dict[str, str]),
        updated_at=to_time(row.updated_at),
    )
