"""What a cycle is made of: states, actions, changes, proof, guard and held sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from core.model.account import DisabledBy, UserId, UserStatus
from core.model.configuration import ConfigurationId
from core.model.directory import ExternalId, ResourceKind

CycleId = NewType("CycleId", str)
"""Short and typeable: ``c-`` and eight characters of Crockford's base 32."""

HeldSetId = NewType("HeldSetId", str)
"""``h-`` and eight characters of Crockford's base 32."""


class CycleState(StrEnum):
    """Where a cycle stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"


class CycleResult(StrEnum):
    """How a finished cycle ended."""

    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILURE = "failure"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """Why a cycle started."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    RESUMED = "resumed"
    RELEASE = "release"
    ON_DEMAND = "on_demand"
    """One person was asked for; nobody else is read."""


class Step(StrEnum):
    """The steps of the run card, in order."""

    CONNECT = "connect"
    READ = "read"
    COMPARE = "compare"
    APPLY = "apply"
    INVITE = "invite"
    REPORT = "report"


class Action(StrEnum):
    """What a cycle does to one person or group; NOTHING and KEEP are not recorded as changes."""

    NOTHING = "nothing"
    KEEP = "keep"
    CREATE = "create"
    LINK = "link"
    UPDATE = "update"
    DISABLE = "disable"
    ENABLE = "enable"
    RESTORE = "restore"
    DELETE = "delete"
    CONFLICT = "conflict"
    ERROR = "error"

    @property
    def removes(self) -> bool:
        """Counts for the guard."""
        return self in _REMOVALS


_REMOVALS = frozenset({Action.DISABLE, Action.DELETE})


class ChangeResult(StrEnum):
    """The outcome of one action."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


class Severity(StrEnum):
    """How much a problem of one person matters."""

    WARNING = "warning"
    ERROR = "error"
    CONFLICT = "conflict"


class SourceState(StrEnum):
    """What the provider says of a person: the rows of the state table in ``features.md``."""

    ACTIVE = "active"
    DISABLED = "disabled"
    OUT_BY_EDIT = "out_by_edit"
    OUT_BY_PROVIDER = "out_by_provider"
    ABSENT = "absent"
    UNREADABLE = "unreadable"


class AccountState(StrEnum):
    """What the account has of a person: the columns of the state table."""

    NOBODY = "nobody"
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED_BY_SYNC = "disabled_by_sync"
    DISABLED_BY_ADMIN = "disabled_by_admin"
    DELETED = "deleted"
    FOREIGN = "foreign"
    ELSEWHERE = "elsewhere"
    """Another configuration owns the person."""


class Elsewhere(StrEnum):
    """What was decided about somebody whom another configuration owns."""

    UNDECIDED = "undecided"
    KEPT = "kept"
    """An admin decided that the person stays there."""


class ScopeAnswer(StrEnum):
    """Whether a record is in scope now, and was under the previous scope."""

    IN = "in"
    OUT = "out"
    OUT_BY_EDIT = "out_by_edit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something wrong with one person, told in every cycle while it is true.

    Attributes:
        code: stable word, for example ``attribute_without_field``.
        attribute: the attribute at fault, or an empty string.
        value_kind: kind of the value ("text", "number", …), never the value itself.
        hint: what to do.
    """

    severity: Severity
    code: str
    message: str
    attribute: str = ""
    value_kind: str = ""
    hint: str = ""


class StagedUser(NamedTuple):
    """One record as it waits for the plan; a tuple because there are a million of them.

    `profile` and `problems` are JSON texts: an object of account attributes, and a list of
    `Problem` objects or an empty string. `match_key` is the normalised matching attribute,
    `group_scoped` whether a scope group holds the person. Unreadable: only ids and problems.
    """

    external_id: ExternalId
    digest: bytes
    mapped_digest: bytes
    match_key: str
    user_name: str
    display_name: str
    email: str
    active: bool
    readable: bool
    scope: ScopeAnswer
    group_scoped: bool
    profile: str
    problems: str


class Pair(NamedTuple):
    """A staged or absent person beside what the account knows; the store joins, the engine decides.

    `seq` is the staged row (0 for an absentee). `status` and the fields after it are of the
    linked person; None where there is no link. `holder` is the person who holds the match key
    and is not this one, `holder_foreign` that nobody provisioned them, `holder_moves` that the
    holder's own staged record gives the key up in this cycle. `twins` counts the staged records
    with the same match key, this one included. `elsewhere` is set where another configuration
    owns the holder. `was_in` says that they have been in scope since it was last edited.
    """

    seq: int
    external_id: ExternalId
    label: str
    present: bool
    readable: bool
    active: bool
    scope: ScopeAnswer
    mapped_digest: bytes
    problems: str
    user_id: UserId | None
    status: UserStatus | None
    disabled_by: DisabledBy | None
    disabled_at: float | None
    absent_since: float | None
    kept: bool
    protected: bool
    known_digest: bytes | None
    known_mapped_digest: bytes | None
    digest: bytes
    holder: UserId | None
    holder_foreign: bool
    holder_moves: bool
    twins: int
    elsewhere: Elsewhere | None = None
    was_in: bool = False

    @property
    def was_there(self) -> bool:
        """The provider had this person when it was read last."""
        linked = self.user_id is not None or self.known_mapped_digest is not None
        return linked and self.absent_since is None


class Decision(NamedTuple):
    """What the engine decided for one pair.

    `problem` is set for conflicts and errors. `keeps` marks somebody kept out of scope by an
    edit. `settles` says that the link may be known by its digest afterwards. `claims` says that
    another configuration owns the person, whether that was decided or not.
    """

    pair: Pair
    action: Action
    reason: str
    settles: bool
    keeps: bool = False
    problem: Problem | None = None
    claims: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedGroup:
    """A group of this snapshot with its effective members.

    Attributes:
        members: ids of all people in it, directly or through nested groups.
        proven: its list of members is known to be whole.
    """

    external_id: ExternalId
    display_name: str
    members: frozenset[ExternalId]
    proven: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupChange:
    """What becomes of one group; `added` and `removed` are people's ids at the provider."""

    external_id: ExternalId
    action: Action
    display_name: str
    previous_name: str | None = None
    added: frozenset[ExternalId] = frozenset()
    removed: frozenset[ExternalId] = frozenset()
    members: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The evidence that a snapshot is complete.

    Attributes:
        failed: for each rule that failed, its code and a sentence for people; empty if proven.
        read: distinct people that were read.
        announced: the total that the provider announced, or None.
        pages: pages that were read.
    """

    read: int
    announced: int | None
    pages: int
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def proven(self) -> bool:
        """The snapshot may justify removals."""
        return not self.failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where a running cycle is; a latest-wins row, not a history.

    Attributes:
        step: the step under way.
        done: units done in this step (pages, people).
        total: units in this step, or None if nobody knows.
        pages: pages read so far.
        read: people read so far.
    """

    step: Step
    done: int = 0
    total: int | None = None
    pages: int = 0
    read: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What a cycle did, in people unless a name says groups; derived from the stored changes."""

    read: int = 0
    created: int = 0
    updated: int = 0
    disabled: int = 0
    enabled: int = 0
    deleted: int = 0
    linked: int = 0
    unchanged: int = 0
    skipped: int = 0
    warnings: int = 0
    errors: int = 0
    conflicts: int = 0
    held: int = 0
    groups_created: int = 0
    groups_updated: int = 0
    groups_deleted: int = 0
    invited: int = 0
    postponed: int = 0

    @property
    def changed(self) -> int:
        """People and groups that were changed."""
        people = self.created + self.updated + self.disabled + self.enabled
        groups = self.groups_created + self.groups_updated + self.groups_deleted
        return people + self.deleted + self.linked + groups


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleError:
    """Why a cycle failed or was only partly successful."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Postponed:
    """What a freeze keeps waiting after a cycle.

    Attributes:
        removals: of people and groups; `read` of them are still in the directory.
        removals_until: when they are looked at again, or None if none wait.
        invitations_until: when this cycle's invitations are sent, or None if they do not wait.
    """

    removals: int = 0
    read: int = 0
    removals_until: datetime | None = None
    invitations_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cycle:
    """One run of one configuration.

    Attributes:
        requested_by: the actor's id and name.
        proof: set once reading ended.
        counts: up to date for finished cycles, otherwise as far as it got.
        held_set_id: the held set that this cycle left, or that it releases (trigger RELEASE).
        requests: requests that were sent to the provider.
        resumed: how many times another worker took it over.
        full: somebody wanted everything to be read.
        reading: "full" or "delta", once that is settled; None where there is no choice.
        reading_note: why everything was read where a delta would have done, or an empty string.
    """

    id: CycleId
    configuration_id: ConfigurationId
    configuration_name: str
    state: CycleState
    trigger: Trigger
    dry_run: bool
    requested_by: str
    requested_by_name: str
    requested_at: datetime
    channel: str | None = None
    result: CycleResult | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: CycleError | None = None
    proof: Proof | None = None
    progress: Progress | None = None
    counts: Counts = field(default_factory=Counts)
    held_set_id: HeldSetId | None = None
    cancel_requested_by: str | None = None
    plan_digest: str | None = None
    requests: int = 0
    resumed: int = 0
    postponed: Postponed | None = None
    full: bool = False
    reading: str | None = None
    reading_note: str = ""

    @property
    def whole(self) -> bool:
        """Everybody was to be carried through: no preview, and not for one person."""
        return not self.dry_run and self.trigger is not Trigger.ON_DEMAND


@dataclass(frozen=True, kw_only=True, slots=True)
class Fence:
    """What a worker must still be true about when it writes.

    Attributes:
        epoch: the lease's owner epoch at the claim.
        revision: the configuration's revision at the claim.
    """

    cycle_id: CycleId
    configuration_id: ConfigurationId
    owner: str
    epoch: int
    revision: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One recorded change, with the attributes before and after that differ."""

    id: int
    cycle_id: CycleId
    kind: ResourceKind
    action: Action
    result: ChangeResult
    label: str
    external_id: ExternalId
    reason: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonProblem:
    """A `Problem` with the person and cycle that it belongs to."""

    cycle_id: CycleId
    external_id: ExternalId
    label: str
    problem: Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemGroup:
    """Problems of one cycle with the same cause.

    Attributes:
        samples: up to three labels of people.
    """

    severity: Severity
    code: str
    attribute: str
    message: str
    hint: str
    people: int
    samples: tuple[str, ...]


class HeldState(StrEnum):
    """What became of a held set."""

    OPEN = "open"
    RELEASED = "released"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldItem:
    """One action that the guard keeps back."""

    kind: ResourceKind
    external_id: ExternalId
    label: str
    action: Action
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldSet:
    """What the guard kept back in one cycle.

    Attributes:
        digest: over the items; a release names it, so that it approves exactly this set.
        limit: removals that the guard would have let through.
        provisioned: provisioned people when it was held.
        expires_at: end of the 24 hours in which it can be released.
        decided_reason: why a person released or rejected it, in their own words, if they said.
    """

    id: HeldSetId
    configuration_id: ConfigurationId
    configuration_name: str
    cycle_id: CycleId
    state: HeldState
    digest: str
    size: int
    limit: int
    provisioned: int
    reason: str
    created_at: datetime
    expires_at: datetime
    requested_by: str
    decided_by: str | None = None
    decided_at: datetime | None = None
    decided_reason: str = ""
    channel: str | None = None
