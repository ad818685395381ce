"""Conflicts of ownership as people see and decide them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.errors import ConflictError, NotFoundError
from core.model.account import Actor, UserId, UserStatus
from core.model.configuration import ConfigurationId
from core.model.directory import ExternalId
from core.model.events import AuditEntry
from core.model.ownership import Conflict, ConflictCount, ConflictState, Verdict
from core.store.audit import add_audit
from core.store.bulk import Columns, json_rows, reserve_ids
from core.store.codec import maybe_time, to_json, to_object, to_seconds, to_time
from core.store.database import Database, Row, Transaction
from core.store.ownership_moves import MOVE

Chosen = Sequence[tuple[int, int]]
"""(id, revision) of conflicts as somebody saw them."""

_STANDING = """
FROM conflicts c JOIN users u ON u.id = c.user_id AND u.configuration_id = c.owner_id
JOIN configurations o ON o.id = c.owner_id AND o.deleted_at IS NULL
JOIN configurations f ON f.id = c.configuration_id AND f.deleted_at IS NULL
WHERE c.account_id = :account
"""
"""Those that are still true of the account."""
_SELECT = f"""
SELECT c.*, o.name AS owner, f.name AS claimant, u.status, u.user_name AS its_user_name,
    u.display_name AS its_display_name, u.email AS its_email, u.profile AS its_profile,
    EXISTS (SELECT 1 FROM links l WHERE l.user_id = c.user_id
        AND l.configuration_id = c.owner_id AND l.absent_since IS NOT NULL) AS absent
{_STANDING}
"""  # noqa: S608 - fixed fragments
_OPEN = "AND c.state = 'open'"
_OF = "AND :configuration IN (c.owner_id, c.configuration_id)"
_COUNT = f"""
SELECT count(DISTINCT c.user_id) AS people,
    (SELECT count(*) FROM (SELECT c.owner_id AS id {_STANDING} {_OPEN}
        UNION SELECT c.configuration_id {_STANDING} {_OPEN}) AS named) AS configurations
{_STANDING} {_OPEN}
"""  # noqa: S608 - fixed fragments
_RULED = """
SELECT d.id, d.revision, d.owner, d.claimant,
    CASE WHEN d.claimant_rank < d.owner_rank AND d.place = 1 THEN 'move' ELSE 'keep' END AS verdict
FROM (SELECT c.id, c.revision, o.name AS owner, f.name AS claimant, ro.rank AS owner_rank,
        rc.rank AS claimant_rank,
        row_number() OVER (PARTITION BY c.user_id ORDER BY rc.rank, c.id) AS place
    {standing}) AS d
ORDER BY d.id
"""
_RANK: Columns = (("id", "text"), ("rank", "integer"))
_CHOSEN: Columns = (("id", "bigint"), ("revision", "integer"))
_LOCK = """
SELECT id FROM configurations WHERE id IN (SELECT c.owner_id FROM conflicts c
        JOIN {chosen} AS p ON p.id = c.id)
    OR id IN (SELECT c.configuration_id FROM conflicts c JOIN {chosen} AS p ON p.id = c.id)
ORDER BY id FOR UPDATE
"""
_VALID = f"""
SELECT c.id, c.user_id {_STANDING.replace("WHERE", "JOIN {chosen} AS p ON p.id = c.id WHERE")}
  AND p.revision = c.revision AND NOT EXISTS (SELECT 1 FROM links l
      WHERE l.configuration_id = c.configuration_id AND l.external_id = c.external_id
        AND l.user_id IS NOT NULL)
"""  # noqa: S608 - fixed fragments
_KEEP = """
UPDATE conflicts SET state = 'kept', revision = revision + 1, decided_by = :by,
    decided_at = :now, reason = :reason
WHERE id IN (SELECT p.id FROM {chosen} AS p)
"""


_FEW = 100
"""Above this, PostgreSQL's planner has to know how long the tables are."""


class Conflicts:
    """The conflicts of ownership of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        *,
        configuration: ConfigurationId | None = None,
        state: ConflictState = ConflictState.OPEN,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[Conflict], int]:
        """Return a page of the conflicts, oldest first, and how many there are."""
        where = f"AND c.state = :state {_OF if configuration else ''}"
        values: dict[str, object] = {"state": state.value}
        values |= {"configuration": configuration} if configuration else {}

        async def work(tx: Transaction) -> tuple[list[Conflict], int]:
            rows = await tx.rows(
                f"{_SELECT} {where} ORDER BY c.since, c.label, c.id LIMIT :limit OFFSET :offset",
                limit=limit,
                offset=offset,
                **values,
            )
            total = await tx.value(f"SELECT count(*) {_STANDING} {where}", **values)
            return [_conflict(row) for row in rows], int(total)

        return await self._database.read(work)

    async def get(self, id: int) -> Conflict:  # noqa: A002 - the settled name
        """Return one conflict; raises `NotFoundError` if there is none any more."""
        row = await self._database.read(lambda tx: tx.first(f"{_SELECT} AND c.id = :id", id=id))
        if row is None:
            raise NotFoundError(
                "That conflict is over.",
                code="conflict_not_found",
                hint="`conflicts` lists those that there are.",
            )
        return _conflict(row)

    async def of_person(self, user: UserId) -> list[Conflict]:
        """Return the conflicts about one person, decided ones included."""

        async def work(tx: Transaction) -> list[Conflict]:
            rows = await tx.rows(f"{_SELECT} AND c.user_id = :user ORDER BY f.name_key", user=user)
            return [_conflict(row) for row in rows]

        return await self._database.read(work)

    async def count(self) -> ConflictCount:
        """Count what is open."""
        row = await self._database.read(lambda tx: tx.first(_COUNT))
        if row is None or not row.people:
            return ConflictCount()
        return ConflictCount(people=row.people, configurations=row.configurations)

    async def ruled(
        self, order: Sequence[ConfigurationId], *, configuration: ConfigurationId | None = None
    ) -> list[tuple[int, int, Verdict, str, str]]:
        """Return how the open conflicts are decided if the first of `order` goes before the rest.

        (id, revision, verdict, owner's name, claimant's name) of each; with `configuration`, only
        of those that it takes part in. Of several claimants of a person one at most gets them.
        """
        ranks = to_json([[each, place] for place, each in enumerate(order)])

        async def work(tx: Transaction) -> list[tuple[int, int, Verdict, str, str]]:
            source = json_rows(tx.backend, "ranks", _RANK)
            joined = (
                f"JOIN {source} AS ro ON ro.id = o.id JOIN {source} AS rc ON rc.id = f.id WHERE"
            )
            standing = f"{_STANDING.replace('WHERE', joined)} {_OPEN}"
            values = {"configuration": configuration} if configuration else {}
            sql = _RULED.format(standing=f"{standing} {_OF if configuration else ''}")
            rows = await tx.rows(sql, ranks=ranks, **values)
            return [(r.id, r.revision, Verdict(r.verdict), r.owner, r.claimant) for r in rows]

        return await self._database.read(work)

    async def decide(
        self,
        *,
        keep: Chosen = (),
        move: Chosen = (),
        others: ConflictState = ConflictState.OPEN,
        by: Actor,
        reason: str,
        audit: AuditEntry,
        now: datetime,
    ) -> None:
        """Leave the people of `keep` with their owners, and give those of `move` to the claimants.

        Nobody is changed or disabled by this: the claimant's next cycle brings the person up to
        date, and the former owner's leaves them alone. What else is claimed of somebody who moved
        is `others` afterwards. All of it or, if any of it is not as it was seen, nothing:
        `ConflictError` (code ``conflict_changed``).
        """
        values = {
            "now": to_seconds(now),
            "by": by.id,
            "by_name": by.name,
            "reason": reason,
            "others": others.value,
        }

        async def work(tx: Transaction) -> None:
            people = await _checked(tx, [*keep, *move])
            chosen = json_rows(tx.backend, "chosen", _CHOSEN)
            if keep:
                await tx.run(_KEEP.format(chosen=chosen), chosen=_listed(keep), **values)
            if move:
                first = await reserve_ids(tx, "moves", len(move))
                record = await reserve_ids(tx, "conflicts", len(move))
                more = {"first": first, "record": record, "chosen": _listed(move)}
                for statement in MOVE:
                    await tx.run(statement.format(chosen=chosen), **values, **more)
            await add_audit(tx, replace(audit, detail={**audit.detail, "people": people}))

        await self._database.write(work)


async def _checked(tx: Transaction, chosen: Chosen) -> Sequence[int]:
    """Return whom the conflicts are about; no cycle of theirs writes until the transaction ends."""
    source, listed = json_rows(tx.backend, "chosen", _CHOSEN), _listed(chosen)
    if tx.backend == "postgresql":
        for table in ("conflicts", "links", "users") if len(chosen) > _FEW else ():
            await tx.run(f"ANALYZE {table}")
        await tx.rows(_LOCK.format(chosen=source), chosen=listed)
    rows = await tx.rows(_VALID.format(chosen=source), chosen=listed)
    if len({row.id for row in rows}) != len(chosen):
        raise ConflictError(
            "Meanwhile this has changed, so nothing was decided.",
            code="conflict_changed",
            hint="Look at it again, then decide.",
        )
    return sorted({row.user_id for row in rows})


def _listed(chosen: Chosen) -> str:
    return to_json([list(each) for each in chosen])


def _conflict(row: Row) -> Conflict:
    return Conflict(
        id=row.id,
        revision=row.revision,
        user_id=UserId(row.user_id),
        label=row.its_email or row.its_user_name or row.label,
        status=UserStatus(row.status),
        owner_id=ConfigurationId(row.owner_id),
        owner=row.owner,
        claimant_id=ConfigurationId(row.configuration_id),
        claimant=row.claimant,
        external_id=ExternalId(row.external_id),
        state=ConflictState(row.state),
        since=to_time(row.since),
        present=_attributes(
            row.its_user_name, row.its_display_name, row.its_email, row.its_profile
        ),
        claimed=_attributes(row.user_name, row.display_name, row.email, row.profile),
        absent=bool(row.absent),
        decided_by=row.decided_by,
        decided_at=maybe_time(row.decided_at),
        reason=row.reason or "",
    )


def _attributes(
    user_name: str, display_name: str, email: str, profile: str
) -> Mapping[str, object]:
    named = {"user_name": user_name, "display_name": display_name, "email": email}
    return {**named, **to_object(profile)}
