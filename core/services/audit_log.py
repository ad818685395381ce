"""Reading, exporting and verifying the audit. Admins only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from core.errors import UsageError
from core.model.account import Actor, Role
from core.model.audit import AuditPage, AuditPart, AuditRecord, AuditVerdict
from core.services.csv_text import csv_bytes
from core.services.ground import Ground

AuditForm = Literal["csv", "jsonl"]
MOST = 50_000
"""Entries of a CSV that is sent as one message."""
PART = 5_000
_HASH = re.compile(r"[0-9a-f]{16,64}")
_HEAD = (
    "number",
    "at",
    "who",
    "door",
    "action",
    "subject",
    "allowed",
    "reason",
    "before",
    "after",
    "detail",
    "hash",
)


class AuditLogService:
    """What was done, by whom, when and why."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit

    async def page(
        self, actor: Actor, *, since: timedelta | None = None, limit: int = 10, offset: int = 0
    ) -> AuditPage:
        """Return entries, newest first."""
        await self._access.require(actor, Role.ADMIN, "audit")
        start = self._start(since)
        entries = await self._store.audit.list(since=start, limit=limit, offset=offset)
        return AuditPage(
            entries=tuple(entries),
            total=await self._store.audit.count(since=start),
            offset=offset,
            limit=limit,
            names=await self._access.names(),
        )

    async def export(
        self,
        actor: Actor,
        form: AuditForm,
        *,
        since: timedelta | None = None,
        after: int = 0,
        limit: int = PART,
    ) -> AuditPart:
        """Return the entries after number `after`, oldest first, as a part of a file.

        CSV has its cells neutralised. Each line of JSONL has all that its hash covers: it is the
        SHA-256 of that line without ``hash`` and ``seq``. The first part is in the audit.
        """
        await self._access.require(actor, Role.ADMIN, "audit.export")
        start = self._start(since)
        found = await self._store.audit.records(after=after, since=start, limit=limit)
        if not after:
            await self._audit.add(self._audit.entry(actor, "audit.export", form))
        records = [record for record, _ in found]
        text = _csv(records, first=not after)
        if form == "jsonl":
            text = "".join(f"{line.decode()}\n" for _, line in found)
        return AuditPart(
            name=f"dirsync-audit-{self._clock.now():%Y-%m-%d}.{form}",
            text=text,
            rows=len(found),
            last=records[-1].seq if len(found) == limit else None,
        )

    async def csv(self, actor: Actor, *, since: timedelta | None = None) -> tuple[str, bytes, bool]:
        """Return (file name, UTF-8 CSV, whether it is all); of a long audit, the newest entries."""
        await self._access.require(actor, Role.ADMIN, "audit.export")
        start = self._start(since)
        total = await self._store.audit.count(since=start)
        records = await self._store.audit.list(since=start, limit=MOST)
        await self._audit.add(self._audit.entry(actor, "audit.export", "csv"))
        name = f"dirsync-audit-{self._clock.now():%Y-%m-%d}.csv"
        return name, _csv(records[::-1], first=True).encode(), total <= MOST

    async def verify(self, actor: Actor, noted: str = "") -> AuditVerdict:
        """Follow the chain from its beginning to its end, and say what is wrong with it.

        `noted` is a hash, or its first 16 characters or more, that was once told as the head.
        Raises `UsageError` for anything else.
        """
        await self._access.require(actor, Role.ADMIN, "audit.verify")
        wanted = noted.strip().lower()
        if wanted and not _HASH.fullmatch(wanted):
            raise UsageError(
                "A head is a hash as `audit verify` printed it: 16 to 64 characters 0-9 and a-f."
            )
        return await self._store.audit.verify(wanted)

    def _start(self, since: timedelta | None) -> datetime | None:
        return None if since is None else self._clock.now() - since


def _csv(records: Sequence[AuditRecord], *, first: bool) -> str:
    rows = [_HEAD, *_rows(records)] if first else [*_rows(records)]
    text = csv_bytes(rows).decode()
    return text if first else text.removeprefix("\ufeff")


def _rows(records: Sequence[AuditRecord]) -> Iterator[Sequence[object]]:
    for record in records:
        yield (
            record.seq,
            record.at.isoformat(),
            record.actor,
            record.door,
            record.action,
            record.subject,
            "yes" if record.allowed else "no",
            record.reason,
            _pairs(record.before),
            _pairs(record.after),
            _pairs(record.detail),
            record.hash,
        )


def _pairs(values: Mapping[str, object]) -> str:
    return "; ".join(f"{key}={value}" for key, value in values.items())
