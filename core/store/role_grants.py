"""Roles that admins gave to people and user groups."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import ConflictError
from core.model.account import Role
from core.model.events import AuditEntry
from core.model.roles import RoleGrant, Subject, SubjectKind
from core.store.audit import add_audit
from core.store.codec import to_seconds, to_time
from core.store.database import Database, Row, Transaction

_SELECT = """
SELECT subject_kind, subject_id, role, name, granted_by, granted_at FROM role_grants
WHERE account_id = :account ORDER BY granted_at, subject_kind, subject_id
"""
_PUT = """
INSERT INTO role_grants
    (account_id, subject_kind, subject_id, role, name, granted_by, granted_at)
VALUES (:account, :kind, :id, :role, :name, :by, :at)
ON CONFLICT (account_id, subject_kind, subject_id) DO UPDATE SET
    role = excluded.role, name = excluded.name, granted_by = excluded.granted_by,
    granted_at = excluded.granted_at
"""
_DELETE = """
DELETE FROM role_grants
WHERE account_id = :account AND subject_kind = :kind AND subject_id = :id
"""


class RoleGrants:
    """The grants of the account, in the order in which they were given.

    `put` and `remove` take the grant as it was seen, and `kept_by`, the grant of another subject
    through which an admin is left. They raise `ConflictError` (code ``roles_changed``) and store
    nothing if either is no longer so: two admins who take each other's role at once leave one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[RoleGrant]:
        """Return every grant."""

        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(_SELECT)

        return [_grant(row) for row in await self._database.read(work)]

    async def put(
        self,
        grant: RoleGrant,
        *,
        seen: RoleGrant | None,
        kept_by: Subject | None,
        audit: AuditEntry,
    ) -> None:
        """Store a grant in place of the subject's former one."""

        async def work(tx: Transaction) -> None:
            await _require_same(tx, grant.subject, seen=seen, kept_by=kept_by)
            await tx.run(
                _PUT,
                kind=grant.subject.kind.value,
                id=grant.subject.id,
                role=grant.role.value,
                name=grant.name,
                by=grant.granted_by,
                at=to_seconds(grant.granted_at),
            )
            await add_audit(tx, audit)

        await self._database.write(work)

    async def remove(self, seen: RoleGrant, *, kept_by: Subject | None, audit: AuditEntry) -> None:
        """Take a grant away."""

        async def work(tx: Transaction) -> None:
            await _require_same(tx, seen.subject, seen=seen, kept_by=kept_by)
            await tx.run(_DELETE, kind=seen.subject.kind.value, id=seen.subject.id)
            await add_audit(tx, audit)

        await self._database.write(work)


async def _require_same(
    tx: Transaction, subject: Subject, *, seen: RoleGrant | None, kept_by: Subject | None
) -> None:
    lock = "FOR UPDATE" if tx.backend == "postgresql" else ""
    found = {each.subject: each for each in map(_grant, await tx.rows(f"{_SELECT} {lock}"))}
    role_now = found[subject].role if subject in found else Role.NONE
    role_seen = seen.role if seen is not None else Role.NONE
    gone = kept_by is not None and (kept_by not in found or found[kept_by].role is not Role.ADMIN)
    if role_now is not role_seen or gone:
        raise ConflictError(
            "The roles were changed at this very moment.",
            code="roles_changed",
            hint="Look at `roles`, and try again if it is still wanted.",
        )


def _grant(row: Row) -> RoleGrant:
    return RoleGrant(
        subject=Subject(kind=SubjectKind(row.subject_kind), id=row.subject_id),
        role=Role(row.role),
        name=row.name,
        granted_by=row.granted_by,
        granted_at=to_time(row.granted_at),
    )
