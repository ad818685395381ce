"""Who did what: appended to a chain of hashes, read and verified. Nothing is ever taken out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from core.errors import StoreError
from core.model.audit import AuditFault, AuditRecord, AuditVerdict, FaultKind
from core.model.events import AuditEntry
from core.store.audit_chain import GENESIS, Link, diagnose, line, link_of, seal
from core.store.bulk import insert_rows
from core.store.codec import to_json, to_object, to_seconds, to_time
from core.store.database import Database, Row, Transaction

PAGE = 1_000
LONGEST = 300
_COLUMNS = (
    "account_id, seq, at, actor, door, action, subject, allowed, detail, reason, before, after,"
    " previous, hash"
)
_NEXT = """
INSERT INTO audit_heads (account_id, seq, hash)
VALUES (:account, CAST(:count AS bigint), :genesis)
ON CONFLICT (account_id) DO UPDATE SET seq = audit_heads.seq + CAST(:count AS bigint)
RETURNING seq, hash
"""
"""Locks the head until the end of the transaction, so that replicas append one after the other."""
_INSERTED = (
    ("at", "double precision"),
    ("actor", "text"),
    ("door", "text"),
    ("action", "text"),
    ("subject", "text"),
    ("allowed", "boolean"),
    ("detail", "text"),
    ("reason", "text"),
    ("before", "text"),
    ("after", "text"),
    ("previous", "text"),
    ("hash", "text"),
    ("seq", "bigint"),
)
_AT_ONCE = f"""
WITH head AS (UPDATE audit_heads SET hash = $2 WHERE account_id = $1)
INSERT INTO audit (account_id, {", ".join(name for name, _ in _INSERTED)})
SELECT $1, t.* FROM unnest({
    ", ".join(f"CAST(${n} AS {kind}[])" for n, (_, kind) in enumerate(_INSERTED, 3))
}) AS t
ON CONFLICT DO NOTHING
"""  # noqa: S608 - fixed fragments
_SINCE = "WHERE account_id = :account AND at >= :since"
_ENDS = """
SELECT (SELECT seq FROM audit_heads WHERE account_id = :account) AS seq,
    (SELECT hash FROM audit_heads WHERE account_id = :account) AS hash,
    (SELECT count(*) FROM audit WHERE account_id = :account) AS entries
"""
_AFTER = f"""
SELECT {_COLUMNS} FROM audit WHERE account_id = :account AND seq > :after AND at >= :since
ORDER BY seq LIMIT :limit
"""  # noqa: S608 - fixed fragments
_BEYOND = f"""
SELECT {_COLUMNS} FROM audit a WHERE account_id = :account
  AND NOT EXISTS (SELECT 1 FROM audit_heads h WHERE h.account_id = :account AND a.seq <= h.seq)
ORDER BY seq
"""  # noqa: S608 - fixed fragments
_FIRST = -(2**63) + 1
_ADDRESS = re.compile(r"[^\s@\"'<>(),;:=\[\]]+@[^\s@\"'<>(),;:=\[\]]*[^\s@\"'<>(),;:=\[\].]")
_SOMEBODY = "(an address)"


class Audit:
    """The audit of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        """Store one entry that belongs to no other change, such as a denial."""

        async def work(tx: Transaction) -> None:
            await add_audit(tx, entry)

        await self._database.write(work)

    async def count(self, *, since: datetime | None = None) -> int:
        """Return how many entries `list` would give without its limit."""

        async def work(tx: Transaction) -> int:
            sql = f"SELECT count(*) FROM audit {_SINCE}"  # noqa: S608 - fixed fragments
            return int(await tx.value(sql, since=_seconds(since)))

        return await self._database.read(work)

    async def records(
        self, *, after: int = 0, since: datetime | None = None, limit: int = PAGE
    ) -> Sequence[tuple[AuditRecord, bytes]]:
        """Return entries whose number is greater than `after`, each with its line of JSON."""
        rows = await self._rows(after, since=since, limit=limit)
        return [(_record(row), line(row._asdict())) for row in rows]

    async def verify(self, noted: str = "") -> AuditVerdict:
        """Follow the chain from its beginning to its end.

        `noted` is the beginning of a hash that was once the head: it must still be in the chain.
        Entries that are appended meanwhile are left out.
        """
        ends = await self._ends()
        seq, head = ends.seq or 0, ends.hash or GENESIS
        place, before, whole, found = 0, GENESIS, True, not noted
        async for link in self._links(seq):
            place += 1
            whole = whole and link.sound and (link.seq, link.previous) == (place, before)
            before = link.hash
            found = found or link.hash.startswith(noted)
        beyond = await self._beyond()
        faults: list[AuditFault] = []
        if not whole or beyond or (place, before) != (seq, head):
            links = [link async for link in self._links(seq)]
            faults = _judged([*links, *beyond], ends, seq, head)
        if not found:
            faults.append(AuditFault(kind=FaultKind.NOTED, first=seq, last=seq))
        return AuditVerdict(entries=seq, head=head if seq else "", faults=tuple(faults))

    async def _ends(self) -> Row:
        async def work(tx: Transaction) -> Row:
            row = await tx.first(_ENDS)
            assert row is not None  # noqa: S101 - a SELECT of scalars has one row
            return row

        return await self._database.read(work)

    async def _links(self, last: int) -> AsyncIterator[Link]:
        after = _FIRST
        while rows := await self._rows(after):
            for row in rows:
                if not isinstance(row.seq, int | float) or row.seq > last:
                    return
                yield link_of(row._asdict())
            after = rows[-1].seq

    async def _rows(
        self, after: float, *, since: datetime | None = None, limit: int = PAGE
    ) -> Sequence[Row]:
        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(_AFTER, after=after, since=_seconds(since), limit=limit)

        return await self._database.read(work)

    async def _beyond(self) -> list[Link]:
        """Return the rows that stand behind the end of the chain."""

        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(_BEYOND)

        return [link_of(row._asdict()) for row in await self._database.read(work)]

    async def list(
        self, *, since: datetime | None = None, limit: int = 50, offset: int = 0
    ) -> list[AuditRecord]:
        """Return entries, newest first."""

        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(
                f"SELECT {_COLUMNS} FROM audit {_SINCE} ORDER BY seq DESC"  # noqa: S608 - fixed fragments
                " LIMIT :limit OFFSET :offset",
                since=_seconds(since),
                limit=limit,
                offset=offset,
            )

        return [_record(row) for row in await self._database.read(work)]


async def add_audit(tx: Transaction, entry: AuditEntry) -> None:
    """Append an entry in the transaction of the fact, as the last that it does.

    Addresses in it are made unreadable: the audit is kept for ever, people are not.
    """
    tx.before_commit(_append, _nameless(entry))


async def _append(tx: Transaction, entries: Sequence[AuditEntry]) -> None:
    end = await tx.first(_NEXT, genesis=GENESIS, count=len(entries))
    assert end is not None  # noqa: S101 - it returns what it wrote
    rows, head = [], end.hash
    for seq, entry in enumerate(entries, start=end.seq - len(entries) + 1):
        row = _row(entry, head)
        head = seal({**row, "account_id": tx.account})
        rows.append((*row.values(), head, seq))
    if await _store(tx, rows, head) != len(rows):
        raise StoreError(
            "A row stands in the audit where the next entry belongs, so nothing was done.",
            code="audit_touched",
            hint="Somebody wrote to the database: dirsync audit verify says where.",
        )


async def _store(tx: Transaction, rows: Sequence[Sequence[object]], head: str) -> int:
    """Insert the rows and set the head; return how many rows were new.

    One round trip on PostgreSQL, where every replica waits for it.
    """
    if tx.backend == "postgresql":
        columns = [list(column) for column in zip(*rows, strict=True)]
        return (await tx.driver(_AT_ONCE, (tx.account, head, *columns))).rowcount
    await tx.run("UPDATE audit_heads SET hash = :hash WHERE account_id = :account", hash=head)
    return await insert_rows(tx, "audit", _INSERTED, rows)


def _row(entry: AuditEntry, previous: str) -> dict[str, object]:
    """Return an entry's columns as far as they are covered by its hash, in their order."""
    return {
        "at": to_seconds(entry.at),
        "actor": entry.actor,
        "door": entry.door,
        "action": entry.action,
        "subject": entry.subject,
        "allowed": entry.allowed,
        "detail": to_json(entry.detail),
        "reason": entry.reason,
        "before": to_json(entry.before),
        "after": to_json(entry.after),
        "previous": previous,
    }


def _nameless(entry: AuditEntry) -> AuditEntry:
    return replace(
        entry,
        subject=_cleaned(entry.subject),
        reason=_cleaned(entry.reason),
        detail=_without_addresses(entry.detail),
        before=_without_addresses(entry.before),
        after=_without_addresses(entry.after),
    )


def _cleaned(text: str) -> str:
    readable = text.encode("utf-8", "replace").decode().replace("\x00", "")
    return _ADDRESS.sub(_SOMEBODY, readable)[:LONGEST]


def _without_addresses(values: dict[str, object]) -> dict[str, object]:
    return {name: _shown(value) for name, value in values.items()}


def _shown(value: object) -> object:
    if isinstance(value, str):
        return _cleaned(value)
    if isinstance(value, dict):
        return _without_addresses(value)
    if isinstance(value, (list, tuple)):
        return [_shown(each) for each in value]
    return value


def _judged(links: Sequence[Link], ends: Row, seq: int, head: str) -> list[AuditFault]:
    """Return the faults of a chain that is not whole; without its head, by its last row."""
    if ends.seq is None:
        last = max(links, key=lambda link: link.seq)
        lost = AuditFault(kind=FaultKind.HEAD, first=last.seq, last=last.seq)
        return [lost, *diagnose(links, last.seq, last.hash)]
    return diagnose(links, seq, head)


def _seconds(since: datetime | None) -> float:
    return to_seconds(since) if since else float("-inf")


def _record(row: Row) -> AuditRecord:
    """Read a row, whatever somebody may have made of it."""
    return AuditRecord(
        seq=row.seq,
        at=_time(row.at),
        actor=row.actor,
        door=row.door,
        action=row.action,
        subject=row.subject,
        allowed=bool(row.allowed),
        detail=_values(row.detail),
        reason=row.reason,
        before=_values(row.before),
        after=_values(row.after),
        previous=row.previous,
        hash=row.hash,
    )


def _time(seconds: object) -> datetime:
    try:
        return to_time(float(str(seconds)))
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _values(text: str) -> dict[str, object]:
    try:
        return to_object(text)
    except (msgspec.DecodeError, TypeError):
        return {"unreadable": str(text)}
