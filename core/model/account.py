"""What the account holds: people, groups, licenses, invitations, and who acts on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from core.model.configuration import ConfigurationId, LicensePolicy
from core.model.directory import ExternalId
from core.model.reserves import Reserve

UserId = NewType("UserId", int)
GroupId = NewType("GroupId", int)

ACCOUNT_FIELDS = frozenset(
    {
        "user_name",
        "display_name",
        "given_name",
        "family_name",
        "email",
        "title",
        "department",
        "organization",
        "phone",
        "locale",
        "timezone",
        "manager",
        "employee_number",
    }
)
"""The attributes that the account has a field for; mapping to another one is a warning."""


def shown_name(profile: Mapping[str, str]) -> str:
    """Return the name that a profile gives a person, or an empty text."""
    whole = profile.get("display_name", "")
    return whole or f"{profile.get('given_name', '')} {profile.get('family_name', '')}".strip()


class UserStatus(StrEnum):
    """Where a person stands in the account."""

    STAGED = "staged"
    INVITED = "invited"
    WAITING = "waiting"
    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class DisabledBy(StrEnum):
    """Who disabled a person: only what the sync disabled is enabled by it again."""

    SYNC = "sync"
    ADMIN = "admin"


class Role(StrEnum):
    """What an actor may do; each role includes the one before it. NONE sees help only."""

    NONE = "none"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who does something, for roles, attribution and audit.

    Attributes:
        id: ``slack:U123``, ``cli:ada`` or ``system:schedule``.
        name: how to show it; Slack actors as ``<@U123>`` are the door's business.
        role: what was established at this very click or command.
        door: ``slack``, ``cli``, ``schedule``, ``api``.
    """

    id: str
    name: str
    role: Role
    door: str


SYSTEM = Actor(id="system:schedule", name="the schedule", role=Role.OPERATOR, door="schedule")


@dataclass(frozen=True, kw_only=True, slots=True)
class Manager:
    """Whom the directory names as somebody's manager.

    Attributes:
        wanted: as the directory has it: an id, a user name or an address.
        id: the person of the account, or None if they are not in it; then so are the rest.
    """

    wanted: str
    id: UserId | None = None
    name: str = ""
    email: str = ""
    status: UserStatus | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person in the account.

    Attributes:
        profile: the mapped account attributes, present ones only.
        configuration_id: the owner, or None if dirsync did not provision this person.
        protected: never disabled or deleted by a cycle (admins, the owner, a list).
        licensed: holds a license of the pool.
        last_login_at: to the hour, as applications tell of it; None if none did.
    """

    id: UserId
    user_name: str
    display_name: str
    email: str
    status: UserStatus
    profile: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    configuration_id: ConfigurationId | None = None
    external_id: ExternalId | None = None
    disabled_by: DisabledBy | None = None
    disabled_at: datetime | None = None
    protected: bool = False
    licensed: bool = False
    last_login_at: datetime | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A group in the account.

    Attributes:
        members: number of members, nested ones included.
    """

    id: GroupId
    display_name: str
    external_id: ExternalId
    members: int


class PersonOutcome(StrEnum):
    """What became of one person whom a bulk act named."""

    ACTIVATED = "activated"
    INVITED = "invited"
    FREED = "freed"
    ALREADY_ACTIVE = "already_active"
    ALREADY_INVITED = "already_invited"
    WAITING = "waiting"
    NO_LICENSE = "no_license"
    KEPT_BACK = "kept_back"
    """Licenses are free, but kept for groups that the person is not in."""
    DISABLED = "disabled"
    DELETED = "deleted"
    NO_ADDRESS = "no_address"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonResult:
    """The outcome for one person.

    Attributes:
        asked: how whoever asked named the person: an address, or the address that is known.
        place: the place in the waiting line, 1 for the first, or None.
    """

    asked: str
    outcome: PersonOutcome
    user_id: UserId | None = None
    place: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Invited:
    """Whom a link of an invitation belongs to, and where they stand.

    Attributes:
        place: the place in the waiting line, 1 for the first, or None.
    """

    user_id: UserId
    display_name: str
    email: str
    status: UserStatus
    place: int | None = None


class InvitationState(StrEnum):
    """What became of an invitation."""

    STAGED = "staged"
    PENDING = "pending"
    SENT = "sent"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"
    FAILED = "failed"


class MailPurpose(StrEnum):
    """Why somebody gets a message."""

    INVITATION = "invitation"
    WELCOME = "welcome"
    """A license has become free for somebody who waited."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """An invitation that is due for delivery.

    Attributes:
        message_id: RFC 5322 Message-ID, the same at every attempt.
        token: what the link of this very attempt carries; the store keeps its hash only.
    """

    id: int
    user_id: UserId
    email: str
    display_name: str
    message_id: str
    attempts: int
    purpose: MailPurpose = MailPurpose.INVITATION
    token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class LicenseSummary:
    """The license pool at one moment, in people.

    Attributes:
        kept: licenses that nobody holds and that are kept back for groups.
        kept_for_expected: so many of those could go to the invited and waiting.
        kept_for_waiting: so many of those could go to people who wait.
        reserves: what is kept for which group.
    """

    total: int
    used: int
    invited: int
    waiting: int
    policy: LicensePolicy = LicensePolicy.ASK
    kept: int = 0
    kept_for_expected: int = 0
    kept_for_waiting: int = 0
    reserves: tuple[Reserve, ...] = ()

    @property
    def unused(self) -> int:
        """Licenses that nobody holds; never negative, also when the total was lowered."""
        return max(0, self.total - self.used)

    @property
    def free(self) -> int:
        """Licenses that anybody may take."""
        return self.unused - self.kept

    @property
    def shortfall(self) -> int:
        """How many of the invited and waiting would find no license that is free for them."""
        return max(0, self.invited + self.waiting - self.free - self.kept_for_expected)

    @property
    def ready(self) -> int:
        """How many of those who wait could be given a license now."""
        return min(self.waiting, self.free + self.kept_for_waiting)
