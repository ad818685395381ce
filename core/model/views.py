"""What the services answer: several model objects read together, for one screen or one card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from core.model.account import LicenseSummary, Manager, User, UserId, UserStatus
from core.model.configuration import Configuration, Schedule
from core.model.cycle import (
    Action,
    Change,
    Cycle,
    HeldItem,
    HeldSet,
    PersonProblem,
    ProblemGroup,
)
from core.model.directory import CheckReport, ExternalId, ResourceKind
from core.model.events import AlertKind, AlertMark
from core.model.freeze import Freeze
from core.model.inviting import InvitationQueue, InvitationStanding
from core.model.one_person import PersonRun
from core.model.ownership import ConflictCount
from core.model.subscriptions import LostChannel


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonFacts:
    """What a door knows of the one who acts, established at this very click.

    Attributes:
        id: the Slack user id, ``U…``.
        is_owner: an owner of the workspace (primary owner included).
        is_stranger: of another workspace (Slack Connect).
    """

    id: str
    team_id: str = ""
    name: str = ""
    is_owner: bool = False
    is_admin: bool = False
    is_guest: bool = False
    is_bot: bool = False
    is_stranger: bool = False
    deleted: bool = False

    @property
    def member(self) -> bool:
        """A full member of this workspace: sees help and a status without names."""
        return not (self.is_guest or self.is_bot or self.is_stranger or self.deleted)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigurationStatus:
    """Where one configuration stands.

    Attributes:
        open_cycle: queued or running, or None.
        last: the last finished cycle that was no dry run, or None.
        next_slot: when it starts by itself next, in UTC, or None.
        held: the open held set, or None.
    """

    configuration: Configuration
    open_cycle: Cycle | None = None
    last: Cycle | None = None
    next_slot: datetime | None = None
    held: HeldSet | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusView:
    """The answer to "how is it going?".

    Attributes:
        conflicts: people whom several configurations mean, undecided.
        notices: sentences about what needs somebody's attention.
        lost: channels in use that take no message.
        invitations: how many are on their way.
    """

    configurations: tuple[ConfigurationStatus, ...]
    licenses: LicenseSummary
    people: Mapping[UserStatus, int]
    notices: tuple[str, ...] = ()
    lost: tuple[LostChannel, ...] = ()
    invitations: InvitationQueue = field(default_factory=InvitationQueue)
    conflicts: ConflictCount = field(default_factory=ConflictCount)


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryPage:
    """Some of the cycles, newest first; `total` counts all that match."""

    cycles: tuple[Cycle, ...]
    total: int
    offset: int
    limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanItem:
    """One decision of a dry run."""

    action: Action
    kind: ResourceKind
    label: str
    external_id: ExternalId
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleView:
    """A cycle with its causes and samples.

    Attributes:
        changes_sample: the first changes; empty on a card, because it names people.
        plan_sample: the first decisions of a dry run; empty on a card.
        person: the one person whom the cycle was for, with its steps; None on a card.
        next_slot: when the configuration starts by itself next, in UTC, or None.
        configuration: as it stands now, or None if it is deleted.
        undelivered: how many of its invitations could not be delivered.
    """

    cycle: Cycle
    problem_groups: tuple[ProblemGroup, ...] = ()
    changes_sample: tuple[Change, ...] = ()
    plan_sample: tuple[PlanItem, ...] = ()
    held: HeldSet | None = None
    licenses: LicenseSummary | None = None
    next_slot: datetime | None = None
    configuration: Configuration | None = None
    person: PersonRun | None = None
    undelivered: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldView:
    """A held set with its people, for those who may decide; `more` counts those left out."""

    held: HeldSet
    items: tuple[HeldItem, ...]
    more: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PeoplePage:
    """Some of the people by name; `total` counts all that match, `counts` everybody by status."""

    users: tuple[User, ...]
    total: int
    offset: int
    limit: int
    counts: Mapping[UserStatus, int]
    undelivered: frozenset[UserId] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonView:
    """One person with what was done and what is wrong, newest first.

    Attributes:
        invitation: where the newest one stands, or None.
    """

    user: User
    manager: Manager | None = None
    invitation: InvitationStanding | None = None
    changes: tuple[Change, ...] = ()
    problems: tuple[PersonProblem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertView:
    """What an alert shows now.

    Attributes:
        key: the alert's, for what people say to it.
        resolved: the cause is gone; the card says so in place.
        seen: who acknowledged it, or None.
        muted: who muted its kind and until when, or None; a mute that is over is none.
    """

    kind: AlertKind
    title: str
    text: str
    key: str = ""
    hint: str = ""
    resolved: bool = False
    configuration: Configuration | None = None
    cycle: Cycle | None = None
    licenses: LicenseSummary | None = None
    seen: AlertMark | None = None
    muted: AlertMark | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Belongings:
    """What a configuration has: its people by status, and how many groups."""

    people: Mapping[UserStatus, int]
    groups: int

    @property
    def provisioned(self) -> int:
        """People who are neither disabled nor deleted."""
        gone = (UserStatus.DISABLED, UserStatus.DELETED)
        return sum(n for status, n in self.people.items() if status not in gone)


@dataclass(frozen=True, kw_only=True, slots=True)
class Consequences:
    """What ending a configuration, or enabling it again, would mean.

    Attributes:
        status: where it stands; its revision is what an act is bound to.
        next_slot: when it would start by itself next if it were enabled, or None.
    """

    status: ConfigurationStatus
    belongings: Belongings
    next_slot: datetime | None = None

    @property
    def configuration(self) -> Configuration:
        """Which one."""
        return self.status.configuration


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezeView:
    """A freeze in words, and when it is frozen now or next, in UTC; None if that is over."""

    freeze: Freeze
    words: str
    window: tuple[datetime, datetime] | None

    @property
    def local(self) -> tuple[str, str] | None:
        """The window as its zone's clocks show it."""
        if self.window is None:
            return None
        zone = ZoneInfo(self.freeze.timezone)
        begin, end = (f"{each.astimezone(zone):%a %Y-%m-%d %H:%M %Z}" for each in self.window)
        return begin, end


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleView:
    """A schedule with its next slots, as it is or as it would be.

    Attributes:
        configuration: as it is stored; its revision is what saving is bound to.
        schedule: the one that is shown, or None for "by hand only".
        present: the stored schedule in words; `proposed` the shown one in the same words.
        slots: the next few, in UTC.
        asked: the words that propose what is shown.
        freezes: the windows that are shown; `new_freezes` says that they were asked for.
    """

    configuration: Configuration
    schedule: Schedule | None
    present: str
    proposed: str
    slots: tuple[datetime, ...]
    asked: str = ""
    freezes: tuple[FreezeView, ...] = ()
    new_freezes: bool = False

    @property
    def changed(self) -> bool:
        """What is shown is not what is stored."""
        spec = self.configuration.spec
        frozen = tuple(each.freeze for each in self.freezes)
        return self.schedule != spec.schedule or frozen != spec.freeze

    @property
    def zone(self) -> str:
        """The time zone that the schedule speaks of."""
        return "UTC" if self.schedule is None else self.schedule.timezone

    @property
    def starts(self) -> tuple[tuple[str, datetime], ...]:
        """The next slots, each as its zone's clocks show it and in UTC."""
        zone = ZoneInfo(self.zone)
        return tuple((f"{slot.astimezone(zone):%a %Y-%m-%d %H:%M %Z}", slot) for slot in self.slots)

    @property
    def remark(self) -> str:
        """What keeps the starts from happening, or how exact they are."""
        if self.schedule is None:
            return "Give it a time to have it start by itself: every 1h, daily 02:00 Europe/Berlin."
        if not self.configuration.enabled:
            return "It is disabled: nothing starts until it is enabled."
        if self.configuration.stopped_reason is not None:
            return "Its schedule is stopped until it is signed in again."
        if self.configuration.quarantined:
            return "It is in quarantine: tries take the place of these until one succeeds."
        return "Each starts within a minute of that time."


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What an edit would mean for the people of a directory, by one reading of it.

    Attributes:
        read: people that were looked at; `whole` is False where that was not everybody.
        joins, leaves: of the scope.
        changes: people in scope whose attributes would differ.
        lost: account attribute -> people who would lose a value that they have now.
        joining, leaving: the first few names.
    """

    read: int
    in_scope: int
    joins: int
    leaves: int
    changes: int
    lost: Mapping[str, int]
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    whole: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class MappedPerson:
    """One person side by side.

    Attributes:
        values: (account attribute, provider path, provider's value as text, account's value).
        warnings: what could not be applied.
    """

    name: str
    active: bool
    values: tuple[tuple[str, str, str, str], ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftCheck:
    """What asking a draft's provider brought.

    Attributes:
        other_company: the company that the stored configuration reached before, if another one.
    """

    report: CheckReport
    people: tuple[MappedPerson, ...] = ()
    other_company: str = ""
