"""Who owns a person of the account where several configurations mean the same one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.model.account import UserId, UserStatus
from core.model.configuration import Configuration, ConfigurationId
from core.model.cycle import Problem, Severity
from core.model.directory import ExternalId

OWNED_ELSEWHERE = "owned_elsewhere"
"""Code of the problem that another configuration owns the person."""


class ConflictState(StrEnum):
    """Where a conflict of ownership stands."""

    OPEN = "open"
    KEPT = "kept"
    """Decided for the owner; not asked again while nothing changes."""


class Verdict(StrEnum):
    """What can be decided about a conflict of ownership."""

    KEEP = "keep"
    MOVE = "move"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A person of the account whom a second configuration, the claimant, provisions too.

    Attributes:
        revision: grows whenever the conflict becomes another one; a decision is bound to it.
        external_id: of the person at the claimant's provider.
        present: the attributes as the account has them; `claimed` as the claimant would.
        absent: the owner's provider does not have the person any more.
        decided_by: the actor id; None while it is open.
    """

    id: int
    revision: int
    user_id: UserId
    label: str
    status: UserStatus
    owner_id: ConfigurationId
    owner: str
    claimant_id: ConfigurationId
    claimant: str
    external_id: ExternalId
    state: ConflictState
    since: datetime
    present: Mapping[str, object]
    claimed: Mapping[str, object]
    absent: bool = False
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""

    @property
    def changes(self) -> dict[str, tuple[object, object]]:
        """What a move would change: attribute -> (as it is, as it would be)."""
        names = [*self.present, *(name for name in self.claimed if name not in self.present)]
        pairs = {name: (self.present.get(name), self.claimed.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True, kw_only=True, slots=True)
class ConflictCount:
    """How many open conflicts there are.

    Attributes:
        people: whom they are about; somebody may be claimed by several configurations.
        configurations: that own or claim one of them.
    """

    people: int = 0
    configurations: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruled:
    """How many open conflicts of an owner and a claimant their priority would decide, and how."""

    owner: str
    claimant: str
    verdict: Verdict
    people: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """How priority decides the open conflicts; `digest` names exactly them."""

    rows: tuple[Ruled, ...]
    digest: str

    @property
    def keeps(self) -> int:
        """How many are decided for the owner."""
        return sum(row.people for row in self.rows if row.verdict is Verdict.KEEP)

    @property
    def moves(self) -> int:
        """How many people go to the claimant."""
        return sum(row.people for row in self.rows if row.verdict is Verdict.MOVE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConflictPage:
    """Some of the conflicts, oldest first; `total` counts all that match.

    Attributes:
        order: all configurations by priority.
    """

    conflicts: tuple[Conflict, ...]
    order: tuple[ConfigurationId, ...]
    total: int
    offset: int
    limit: int

    def favoured(self, conflict: Conflict) -> Verdict:
        """Return what priority says of a conflict."""
        ranks = {each: place for place, each in enumerate(self.order)}
        behind = len(ranks)
        claims = ranks.get(conflict.claimant_id, behind) < ranks.get(conflict.owner_id, behind)
        return Verdict.MOVE if claims else Verdict.KEEP


def owned_elsewhere() -> Problem:
    """Return what is told of somebody whom another configuration owns."""
    return Problem(
        severity=Severity.CONFLICT,
        code=OWNED_ELSEWHERE,
        message="Another configuration owns this person, so nothing was changed.",
        hint="`conflicts` lists them, and an admin decides who has them.",
    )


def ranked(configurations: Iterable[Configuration]) -> Sequence[Configuration]:
    """Return configurations by priority: the named numbers first, then in order of creation."""
    return sorted(
        configurations,
        key=lambda each: (
            each.spec.priority is None,
            each.spec.priority or 0,
            each.created_at,
            each.id,
        ),
    )
