"""Conflicts of ownership as documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.control.documents import Document
from core.model.account import UserStatus
from core.model.ownership import Conflict, ConflictPage, ConflictState, Ruled, Ruling, Verdict


class AttributeDocument(Document, frozen=True, kw_only=True):
    """An attribute as the account has it, and as the claimant would."""

    now: object
    then: object


class ConflictDocument(Document, frozen=True, kw_only=True):
    """A person whom a second configuration means; `priority` is what priority would decide.

    `absent` says that the owner's provider does not have the person any more.
    """

    id: int
    revision: int
    who: str
    status: UserStatus
    owner: str
    claimant: str
    external_id: str
    state: ConflictState
    since: datetime
    priority: Verdict
    changes: Mapping[str, AttributeDocument]
    absent: bool
    decided_by: str | None
    decided_at: datetime | None
    reason: str


class ConflictsDocument(Document, frozen=True, kw_only=True):
    """Conflicts, oldest first."""

    conflicts: tuple[ConflictDocument, ...]
    total: int
    offset: int
    limit: int


class RuledDocument(Document, frozen=True, kw_only=True):
    """How many conflicts of two configurations priority decides, and how."""

    owner: str
    claimant: str
    verdict: Verdict
    people: int


class RulingDocument(Document, frozen=True, kw_only=True):
    """How priority decides the open conflicts; `digest` is what deciding is bound to."""

    keep: int
    move: int
    digest: str
    rows: tuple[RuledDocument, ...]


def conflicts_document(page: ConflictPage) -> ConflictsDocument:
    """Describe a page of conflicts."""
    return ConflictsDocument(
        conflicts=tuple(conflict_document(each, page.favoured(each)) for each in page.conflicts),
        total=page.total,
        offset=page.offset,
        limit=page.limit,
    )


def conflict_document(conflict: Conflict, priority: Verdict) -> ConflictDocument:
    """Describe one conflict."""
    return ConflictDocument(
        id=conflict.id,
        revision=conflict.revision,
        who=conflict.label,
        status=conflict.status,
        owner=conflict.owner,
        claimant=conflict.claimant,
        external_id=conflict.external_id,
        state=conflict.state,
        since=conflict.since,
        priority=priority,
        changes={
            name: AttributeDocument(now=now, then=then)
            for name, (now, then) in conflict.changes.items()
        },
        absent=conflict.absent,
        decided_by=conflict.decided_by,
        decided_at=conflict.decided_at,
        reason=conflict.reason,
    )


def ruling_document(ruling: Ruling) -> RulingDocument:
    """Describe how priority decides."""
    return RulingDocument(
        keep=ruling.keeps,
        move=ruling.moves,
        digest=ruling.digest,
        rows=tuple(_ruled(row) for row in ruling.rows),
    )


def _ruled(row: Ruled) -> RuledDocument:
    return RuledDocument(
        owner=row.owner, claimant=row.claimant, verdict=row.verdict, people=row.people
    )
