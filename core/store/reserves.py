"""Keeping licenses back for groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import ConflictError
from core.model.account import LicenseSummary
from core.model.desk import ReserveChange
from core.model.events import AuditEntry
from core.model.reserves import Reserve
from core.store.audit import add_audit
from core.store.codec import to_seconds
from core.store.database import Database, Row, Transaction
from core.store.licenses import load_summary, lock_pool, settle_pool, with_reserves

_GROUPS = """
SELECT g.id AS group_id, g.configuration_id, g.external_id, g.display_name AS name, g.members,
    c.name AS configuration
FROM groups g JOIN configurations c ON c.id = g.configuration_id
WHERE g.account_id = :account ORDER BY g.display_name, g.id
"""
_GONE = """
SELECT NULL AS group_id, r.configuration_id, r.external_id, r.name, 0 AS members,
    c.name AS configuration
FROM license_reserves r JOIN configurations c ON c.id = r.configuration_id
WHERE r.account_id = :account AND NOT EXISTS (SELECT 1 FROM groups g
    WHERE g.configuration_id = r.configuration_id AND g.external_id = r.external_id)
ORDER BY r.since
"""
_PUT = """
INSERT INTO license_reserves (account_id, configuration_id, external_id, name, kept, since)
VALUES (:account, :configuration, :external, :name, :kept, :now)
ON CONFLICT (account_id, configuration_id, external_id) DO UPDATE SET
    name = excluded.name, kept = excluded.kept
"""
_DROP = """
DELETE FROM license_reserves
WHERE account_id = :account AND configuration_id = :configuration AND external_id = :external
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedGroup:
    """A group of the account, and whose it is; one that is there no more has no id."""

    group_id: int | None
    configuration_id: str
    configuration: str
    external_id: str
    name: str
    members: int = 0

    @property
    def label(self) -> str:
        """What names the group and no other."""
        return f"{self.configuration}/{self.name}"

    @property
    def names(self) -> tuple[str, str]:
        """What somebody may call it, in small letters."""
        return self.name.casefold(), self.label.casefold()


class Reserves:
    """What is kept back for whom."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def groups(self) -> list[NamedGroup]:
        """Return the groups of the account by name."""
        return await self._groups(_GROUPS)

    async def gone(self) -> list[NamedGroup]:
        """Return the groups that licenses were kept for and that are not in the account."""
        return await self._groups(_GONE)

    async def _groups(self, statement: str) -> list[NamedGroup]:
        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(statement)

        return [
            NamedGroup(
                group_id=row.group_id,
                configuration_id=row.configuration_id,
                configuration=row.configuration,
                external_id=row.external_id,
                name=row.name,
                members=row.members,
            )
            for row in await self._database.read(work)
        ]

    async def look(self, wanted: Reserve) -> ReserveChange:
        """Return how the pool stands, and how it would with so many kept for that group."""

        async def work(tx: Transaction) -> ReserveChange:
            return await _change(tx, wanted)

        return await self._database.read(work)

    async def keep(
        self, wanted: Reserve, *, seen: tuple[int, int], audit: AuditEntry
    ) -> ReserveChange:
        """Keep so many for that group, or with 0 none any more; return what that changed.

        `seen` is the total and what was kept for the group when this was decided. Raises
        `ConflictError` (code ``licenses_changed``) if either has changed since.
        """

        async def work(tx: Transaction) -> ReserveChange:
            await lock_pool(tx)
            change = await _change(tx, wanted)
            if (change.before.total, change.kept_before) != seen:
                raise ConflictError(
                    "The licenses were changed meanwhile, so nothing was done.",
                    code="licenses_changed",
                    hint="Look at them again, then decide.",
                )
            await tx.run(
                _PUT if wanted.kept else _DROP,
                configuration=wanted.configuration_id,
                external=wanted.external_id,
                **(_put_values(wanted, audit) if wanted.kept else {}),
            )
            entry = replace(audit, before={"kept": change.kept_before}, after={"kept": wanted.kept})
            await add_audit(tx, entry)
            await settle_pool(tx, now=audit.at)
            return replace(change, after=await load_summary(tx))

        return await self._database.write(work)


def _put_values(wanted: Reserve, audit: AuditEntry) -> dict[str, object]:
    return {"name": wanted.group, "kept": wanted.kept, "now": to_seconds(audit.at)}


async def _change(tx: Transaction, wanted: Reserve) -> ReserveChange:
    before: LicenseSummary = await load_summary(tx)
    others = [each for each in before.reserves if each.key != wanted.key]
    mine = next((each for each in before.reserves if each.key == wanted.key), None)
    reserves = [*others, wanted] if wanted.kept else others
    after = await with_reserves(tx, before, reserves)
    return ReserveChange(
        wanted=wanted,
        kept_before=mine.kept if mine else 0,
        before=before,
        after=after,
        holding=sum(each.used for each in after.reserves if each.key == wanted.key),
    )
