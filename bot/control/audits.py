"""The audit as the documents of `dirsync audit`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.control.documents import Document
from core.model.audit import AuditPage, AuditPart, AuditRecord, AuditVerdict, FaultKind


class AuditEntryDocument(Document, frozen=True, kw_only=True):
    """One entry. `who` is an actor's id; `name` is empty where it is not known any more."""

    number: int
    at: datetime
    who: str
    name: str
    door: str
    action: str
    subject: str
    allowed: bool
    reason: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    detail: Mapping[str, object]
    previous: str
    hash: str


class AuditDocument(Document, frozen=True, kw_only=True):
    """Some of the audit, newest first."""

    entries: tuple[AuditEntryDocument, ...]
    total: int
    offset: int
    limit: int


class AuditPartDocument(Document, frozen=True, kw_only=True):
    """A part of an exported audit; the next one comes after entry `last`, if there is one."""

    name: str
    text: str
    rows: int
    last: int | None


class AuditFaultDocument(Document, frozen=True, kw_only=True):
    """Something wrong with entries `first` to `last`; `place` is where a moved one stands."""

    kind: FaultKind
    first: int
    last: int
    place: int | None
    message: str


class AuditVerdictDocument(Document, frozen=True, kw_only=True):
    """What verifying found; `head` is the hash of the last entry, to be noted elsewhere."""

    whole: bool
    entries: int
    head: str
    faults: tuple[AuditFaultDocument, ...]


def audit_document(page: AuditPage) -> AuditDocument:
    """Describe a page of the audit."""
    return AuditDocument(
        entries=tuple(_entry(each, page.names.get(each.actor, "")) for each in page.entries),
        total=page.total,
        offset=page.offset,
        limit=page.limit,
    )


def audit_part(part: AuditPart) -> AuditPartDocument:
    """Describe a part of an export."""
    return AuditPartDocument(name=part.name, text=part.text, rows=part.rows, last=part.last)


def audit_verdict(verdict: AuditVerdict) -> AuditVerdictDocument:
    """Describe what verifying found."""
    return AuditVerdictDocument(
        whole=verdict.whole,
        entries=verdict.entries,
        head=verdict.head,
        faults=tuple(
            AuditFaultDocument(
                kind=each.kind,
                first=each.first,
                last=each.last,
                place=each.place,
                message=each.sentence,
            )
            for each in verdict.faults
        ),
    )


def _entry(record: AuditRecord, name: str) -> AuditEntryDocument:
    return AuditEntryDocument(
        number=record.seq,
        at=record.at,
        who=record.actor,
        name=name,
        door=record.door,
        action=record.action,
        subject=record.subject,
        allowed=record.allowed,
        reason=record.reason,
        before=record.before,
        after=record.after,
        detail=record.detail,
        previous=record.previous,
        hash=record.hash,
    )
