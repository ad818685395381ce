"""What the command line answers: the JSON documents that others script against.

Times are RFC 3339 in UTC. Keys are only ever added.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from bot.control.invitations import InvitationDocument, QueueDocument
from bot.control.steps import PersonRunDocument
from core.model.account import PersonOutcome, Role, UserStatus
from core.model.configuration import LicensePolicy
from core.model.cycle import (
    Action,
    ChangeResult,
    Counts,
    CycleError,
    CycleResult,
    CycleState,
    HeldState,
    Postponed,
    Progress,
    Severity,
    Step,
    Trigger,
)
from core.model.directory import CheckStatus, ResourceKind
from core.model.freeze import Frozen
from core.model.roles import RoleSource, SubjectKind


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An answer."""


class ProofDocument(Document, frozen=True, kw_only=True):
    """The evidence that the snapshot was complete; `failed` has (code, sentence)."""

    proven: bool
    read: int
    announced: int | None
    pages: int
    failed: tuple[tuple[str, str], ...]


class CycleDocument(Document, frozen=True, kw_only=True):
    """One cycle. `step`, `done`, `total`, `pages` and `read` are of a running one.

    `postponed` is what a freeze keeps waiting.
    """

    id: str
    configuration: str
    state: CycleState
    result: CycleResult | None
    trigger: Trigger
    preview: bool
    requested_by: str
    requested_by_name: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    counts: Counts
    progress: Progress | None
    error: CycleError | None
    proof: ProofDocument | None
    held_set: str | None
    requests: int
    resumed: int
    cancel_requested: bool
    full: bool
    reading: str | None
    reading_note: str
    postponed: Postponed | None

    @property
    def step(self) -> Step | None:
        """The step under way, or None."""
        return None if self.progress is None else self.progress.step


class ProblemGroupDocument(Document, frozen=True, kw_only=True):
    """Problems with the same cause."""

    severity: Severity
    code: str
    attribute: str
    message: str
    hint: str
    people: int
    samples: tuple[str, ...]


class ChangeDocument(Document, frozen=True, kw_only=True):
    """One recorded change."""

    cycle: str
    at: datetime
    kind: ResourceKind
    action: Action
    result: ChangeResult
    name: str
    external_id: str
    reason: str
    before: Mapping[str, object]
    after: Mapping[str, object]


class PlanItemDocument(Document, frozen=True, kw_only=True):
    """One decision of a preview, or one action that is held."""

    action: Action
    kind: ResourceKind
    name: str
    external_id: str
    reason: str


class ConsequencesDocument(Document, frozen=True, kw_only=True):
    """A configuration's end in numbers; `revision` is what disabling or deleting is bound to.

    `next` is when it would start by itself next if it were enabled.
    """

    configuration: str
    revision: int
    enabled: bool
    disabled_at: datetime | None
    disabled_by: str
    reason: str
    provisioned: int
    people: Mapping[UserStatus, int]
    groups: int
    open_cycle: str | None
    held: int
    next: datetime | None


class ResultDocument(Document, frozen=True, kw_only=True):
    """What became of one person; `place` is in the waiting line."""

    who: str
    outcome: PersonOutcome
    place: int | None


class ResultsDocument(Document, frozen=True, kw_only=True):
    """What became of each person of a bulk act, in the order asked.

    `queue` is what is on its way after an act that invites.
    """

    results: tuple[ResultDocument, ...]
    queue: QueueDocument | None = None


class StagedDocument(Document, frozen=True, kw_only=True):
    """How many people are not invited yet; `nowhere` of them have no address."""

    ready: int
    nowhere: int
    queue: QueueDocument


class MailDocument(Document, frozen=True, kw_only=True):
    """A message as it would be sent."""

    subject: str
    text: str
    html: str


class HeldDocument(Document, frozen=True, kw_only=True):
    """A held set; `items` are its people, for those who may decide, `more` counts the rest."""

    id: str
    configuration: str
    cycle: str
    state: HeldState
    digest: str
    size: int
    limit: int
    provisioned: int
    reason: str
    created_at: datetime
    expires_at: datetime
    requested_by: str
    decided_by: str | None
    decided_at: datetime | None
    decided_reason: str = ""
    items: tuple[PlanItemDocument, ...] = ()
    more: int = 0


class HeldListDocument(Document, frozen=True, kw_only=True):
    """The held sets that wait for a decision."""

    held: tuple[HeldDocument, ...]


class ReserveDocument(Document, frozen=True, kw_only=True):
    """Licenses kept for a group; `left` are those that no member has taken.

    `present` says whether the group is in the account: without it nothing is kept.
    """

    group: str
    present: bool
    kept: int
    used: int
    left: int


class LicensesDocument(Document, frozen=True, kw_only=True):
    """The license pool, in people.

    `free` may go to anybody; `kept` are free and kept for groups, of which `kept_for_waiting`
    could go to people who wait, `kept_for_expected` to these and the invited.
    """

    total: int
    used: int
    free: int
    invited: int
    waiting: int
    shortfall: int
    policy: LicensePolicy
    kept: int = 0
    kept_for_expected: int = 0
    kept_for_waiting: int = 0
    kept_for: tuple[ReserveDocument, ...] = ()


class CycleReport(Document, frozen=True, kw_only=True):
    """One cycle with its causes and samples."""

    cycle: CycleDocument
    problems: tuple[ProblemGroupDocument, ...] = ()
    changes: tuple[ChangeDocument, ...] = ()
    plan: tuple[PlanItemDocument, ...] = ()
    held: HeldDocument | None = None
    licenses: LicensesDocument | None = None
    person: PersonRunDocument | None = None


class ConfigurationStatusDocument(Document, frozen=True, kw_only=True):
    """Where one configuration stands; in quarantine, `next_slot` is its next try."""

    name: str
    provider: str
    enabled: bool
    stopped_reason: str | None
    quarantined: bool
    failures: int
    failing_since: datetime | None
    open_cycle: CycleDocument | None
    last: CycleDocument | None
    next_slot: datetime | None
    held: HeldDocument | None


class LostChannelDocument(Document, frozen=True, kw_only=True):
    """A channel that takes no message; `code` is Slack's reason."""

    channel: str
    code: str
    since: datetime


class StatusDocument(Document, frozen=True, kw_only=True):
    """Where everything stands; `people` counts them by status, `lost` channels take no message."""

    configurations: tuple[ConfigurationStatusDocument, ...]
    licenses: LicensesDocument
    people: Mapping[UserStatus, int]
    notices: tuple[str, ...]
    invitations: QueueDocument
    lost: tuple[LostChannelDocument, ...] = ()


class HistoryDocument(Document, frozen=True, kw_only=True):
    """Cycles, newest first."""

    cycles: tuple[CycleDocument, ...]
    total: int
    offset: int
    limit: int


class UserDocument(Document, frozen=True, kw_only=True):
    """A person of the account."""

    id: int
    user_name: str
    display_name: str
    email: str
    status: UserStatus
    licensed: bool
    protected: bool
    configuration: str | None
    external_id: str | None
    disabled_by: str | None
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    last_login_at: datetime | None
    profile: Mapping[str, str]
    groups: tuple[str, ...]
    undelivered: bool


class UsersDocument(Document, frozen=True, kw_only=True):
    """People by name; `counts` is everybody by status."""

    users: tuple[UserDocument, ...]
    total: int
    offset: int
    limit: int
    counts: Mapping[UserStatus, int]


class PersonProblemDocument(Document, frozen=True, kw_only=True):
    """Something wrong with one person."""

    cycle: str
    severity: Severity
    code: str
    attribute: str
    message: str
    hint: str


class ManagerDocument(Document, frozen=True, kw_only=True):
    """Whom the directory names as the manager; without `id` nobody of the account is that."""

    wanted: str
    id: int | None
    name: str
    email: str


class PersonDocument(Document, frozen=True, kw_only=True):
    """One person's story, newest first."""

    user: UserDocument
    manager: ManagerDocument | None
    invitation: InvitationDocument | None
    changes: tuple[ChangeDocument, ...]
    problems: tuple[PersonProblemDocument, ...]


class ConfigurationDocument(Document, frozen=True, kw_only=True):
    """A stored configuration; `spec` has the keys of the configuration file."""

    name: str
    enabled: bool
    revision: int
    stopped_reason: str | None
    failures: int
    created_at: datetime
    created_by: str
    spec: Mapping[str, object]


class ConfigurationsDocument(Document, frozen=True, kw_only=True):
    """All configurations by name."""

    configurations: tuple[ConfigurationDocument, ...]


class AppliedDocument(Document, frozen=True, kw_only=True):
    """What became of each configuration of a file: created, updated or unchanged."""

    configurations: Mapping[str, str]


class TextDocument(Document, frozen=True, kw_only=True):
    """A file's name and its text."""

    name: str
    text: str


class CheckLineDocument(Document, frozen=True, kw_only=True):
    """One thing that was checked."""

    name: str
    status: CheckStatus
    detail: str = ""
    hint: str = ""
    code: str = ""


class CheckDocument(Document, frozen=True, kw_only=True):
    """What a check found; `sample` are up to five people."""

    lines: tuple[CheckLineDocument, ...]
    company: str = ""
    sample: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return all(line.status is not CheckStatus.FAILED for line in self.lines)


class DoneDocument(Document, frozen=True, kw_only=True):
    """That something was done."""

    done: str


class RoleDocument(Document, frozen=True, kw_only=True):
    """One reason for which somebody has a role; `id` is Slack's, `people` are of a user group."""

    kind: SubjectKind
    id: str
    name: str
    role: Role
    source: RoleSource
    granted_by: str
    granted_at: datetime | None
    people: int | None
    problem: str


class RolesDocument(Document, frozen=True, kw_only=True):
    """Who has which role, by source."""

    roles: tuple[RoleDocument, ...]
    notices: tuple[str, ...]


class RoleChangeDocument(Document, frozen=True, kw_only=True):
    """What a grant or a revocation did; `kept` is what no grant takes."""

    kind: SubjectKind
    id: str
    name: str
    before: Role
    after: Role
    kept: Role


class StartDocument(Document, frozen=True, kw_only=True):
    """When something starts by itself: in UTC, and as its zone's clocks show it."""

    at: datetime
    local: str


class FreezeDocument(Document, frozen=True, kw_only=True):
    """A freeze as it is typed, and when it is frozen now or next; null if that is over."""

    words: str
    of: tuple[Frozen, ...]
    begins: StartDocument | None
    ends: StartDocument | None


class ScheduleDocument(Document, frozen=True, kw_only=True):
    """A schedule as it is stored (`present`) and as it is shown, with its next starts.

    `remark` says what keeps them from happening, or how exact they are; `asked` are the words
    that propose what is shown, `new_freezes` says that they are about freezes.
    """

    configuration: str
    configuration_id: str
    revision: int
    present: str
    schedule: str
    timezone: str
    changed: bool
    starts: tuple[StartDocument, ...]
    remark: str
    asked: str
    freezes: tuple[FreezeDocument, ...]
    new_freezes: bool
