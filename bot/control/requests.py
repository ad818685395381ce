"""What the command line asks for: one small type per verb."""

from __future__ import annotations

from typing import Literal

import msgspec

from core.model.configuration import InvitationWay, LeaveBehind


class _Request(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb"
):
    pass


class Sync(_Request, frozen=True, kw_only=True, tag="sync"):
    """Queue a cycle, with `user` for that person only; with `wait`, until it has finished."""

    configuration: str | None = None
    preview: bool = False
    full: bool = False
    user: str | None = None
    wait: bool = True


class Cancel(_Request, frozen=True, kw_only=True, tag="cancel"):
    """Ask a cycle to stop; None means the only open one."""

    cycle: str | None = None


class Status(_Request, frozen=True, kw_only=True, tag="status"):
    """Where everything stands."""


class History(_Request, frozen=True, kw_only=True, tag="history"):
    """Cycles, newest first; `since` in seconds."""

    configuration: str | None = None
    result: str | None = None
    since: float | None = None
    limit: int = 20
    offset: int = 0


class Show(_Request, frozen=True, kw_only=True, tag="show"):
    """One cycle; None means the latest."""

    cycle: str | None = None


class Download(_Request, frozen=True, kw_only=True, tag="download"):
    """A cycle's log, plan or held set as CSV."""

    cycle: str
    kind: Literal["log", "plan", "held"]


class Users(_Request, frozen=True, kw_only=True, tag="users"):
    """People by name."""

    text: str | None = None
    status: str | None = None
    limit: int = 50
    offset: int = 0


class Person(_Request, frozen=True, kw_only=True, tag="user"):
    """One person, by address or name."""

    who: str


class Why(_Request, frozen=True, kw_only=True, tag="why"):
    """One person's story, by address or name."""

    who: str


class Licenses(_Request, frozen=True, kw_only=True, tag="licenses"):
    """Set the license pool's total."""

    total: int


class LicenseKeep(_Request, frozen=True, kw_only=True, tag="license_keep"):
    """Keep so many licenses for a group; 0 releases them. Without `seen` it is only looked at.

    `seen` is the total and what was kept for the group when that was looked at.
    """

    group: str
    count: int
    seen: tuple[int, int] | None = None


class LicenseAsk(_Request, frozen=True, kw_only=True, tag="license_ask"):
    """Ask people without a login for so many seconds; without `seen` only how many they are."""

    unused: float | None = None
    seen: int | None = None


class LicenseDesk(_Request, frozen=True, kw_only=True, tag="license_desk"):
    """The license pool with its outlook; `unused` in seconds."""

    unused: float | None = None


class Activate(_Request, frozen=True, kw_only=True, tag="activate"):
    """Give licenses to people by address, or to the first `waiting` in line."""

    people: tuple[str, ...] = ()
    waiting: int | None = None


class Invite(_Request, frozen=True, kw_only=True, tag="invite"):
    """Send invitations to people by address; with `resend`, once more."""

    people: tuple[str, ...]
    resend: bool = False
    by: InvitationWay | None = None


class Staged(_Request, frozen=True, kw_only=True, tag="staged"):
    """How many people are not invited yet."""


class InviteAll(_Request, frozen=True, kw_only=True, tag="invite_all"):
    """Invite everybody who is not yet, if they are as many as was confirmed."""

    expected: int
    by: InvitationWay | None = None


class MailBounce(_Request, frozen=True, kw_only=True, tag="mail_bounce"):
    """Note that a message came back."""

    message_id: str
    status: str


class Free(_Request, frozen=True, kw_only=True, tag="free"):
    """Take the licenses of people by address."""

    people: tuple[str, ...]


class Apps(_Request, frozen=True, kw_only=True, tag="apps"):
    """The applications that may ask the login API."""


class AppCreate(_Request, frozen=True, kw_only=True, tag="app_create"):
    """Make an application's token."""

    name: str


class AppRevoke(_Request, frozen=True, kw_only=True, tag="app_revoke"):
    """Make an application's token invalid."""

    name: str


class Held(_Request, frozen=True, kw_only=True, tag="held"):
    """The open held sets."""


class HeldShow(_Request, frozen=True, kw_only=True, tag="held_show"):
    """One held set with its people."""

    held: str
    limit: int = 1000


class Release(_Request, frozen=True, kw_only=True, tag="release"):
    """Approve exactly the held set of this digest; with `wait`, until its cycle has finished."""

    held: str
    digest: str
    reason: str = ""
    wait: bool = True


class Reject(_Request, frozen=True, kw_only=True, tag="reject"):
    """Decide against exactly the held set of this digest."""

    held: str
    digest: str
    reason: str = ""


class Conflicts(_Request, frozen=True, kw_only=True, tag="conflicts"):
    """People whom several configurations mean; with `kept`, those that stay with their owner."""

    configuration: str | None = None
    kept: bool = False
    limit: int = 50
    offset: int = 0


class ConflictsOf(_Request, frozen=True, kw_only=True, tag="conflicts_of"):
    """The conflicts about one person, by address or name."""

    who: str
    configuration: str | None = None


class ConflictDecide(_Request, frozen=True, kw_only=True, tag="conflict_decide"):
    """Decide about a conflict as it was at this revision."""

    conflict: int
    revision: int
    verdict: Literal["keep", "move"]
    reason: str = ""


class ConflictsPriority(_Request, frozen=True, kw_only=True, tag="conflicts_priority"):
    """How priority would decide the open conflicts; with their `digest`, decide them."""

    configuration: str | None = None
    digest: str | None = None
    reason: str = ""


class ConfigList(_Request, frozen=True, kw_only=True, tag="config_list"):
    """All configurations."""


class ConfigShow(_Request, frozen=True, kw_only=True, tag="config_show"):
    """One configuration, by name or unique prefix."""

    name: str


class ConfigApply(_Request, frozen=True, kw_only=True, tag="config_apply"):
    """Store what a configuration file says."""

    text: str
    source: str


class ConfigExport(_Request, frozen=True, kw_only=True, tag="config_export"):
    """The configuration file that says what is stored."""


class ConfigConsequences(_Request, frozen=True, kw_only=True, tag="config_consequences"):
    """What disabling, enabling or deleting a configuration would mean."""

    name: str


class ConfigEnable(_Request, frozen=True, kw_only=True, tag="config_enable"):
    """Let a configuration work again."""

    name: str


class ConfigDisable(_Request, frozen=True, kw_only=True, tag="config_disable"):
    """Stop a configuration as it was at this revision."""

    name: str
    revision: int
    reason: str = ""


class ConfigDelete(_Request, frozen=True, kw_only=True, tag="config_delete"):
    """Delete a configuration as it was at this revision; `typed` confirms its name."""

    name: str
    revision: int
    typed: str
    people: LeaveBehind
    reason: str


class ConfigTest(_Request, frozen=True, kw_only=True, tag="config_test"):
    """Ask a configuration's provider; None means the only configuration."""

    name: str | None = None


class ScheduleLook(_Request, frozen=True, kw_only=True, tag="schedule_look"):
    """A schedule with its next starts; with `words`, the one that they propose."""

    configuration: str | None = None
    words: tuple[str, ...] = ()


class ScheduleSave(_Request, frozen=True, kw_only=True, tag="schedule_save"):
    """Save a schedule that was looked at, for the configuration as it was at this revision."""

    configuration_id: str
    revision: int
    words: tuple[str, ...]


class SecretsRotate(_Request, frozen=True, kw_only=True, tag="secrets_rotate"):
    """Seal every typed secret with the newest key."""


class NotifyTest(_Request, frozen=True, kw_only=True, tag="notify_test"):
    """Queue a labelled test message; None means the default channel."""

    channel: str | None = None


class NotifyList(_Request, frozen=True, kw_only=True, tag="notify_list"):
    """List where what goes."""


class NotifyAdd(_Request, frozen=True, kw_only=True, tag="notify_add"):
    """Subscribe a channel to kinds, all without any, of one configuration or of all."""

    channel: str
    kinds: tuple[str, ...] = ()
    configuration: str | None = None


class NotifyRemove(_Request, frozen=True, kw_only=True, tag="notify_remove"):
    """End a channel's subscription."""

    channel: str
    configuration: str | None = None


class NotifyMute(_Request, frozen=True, kw_only=True, tag="notify_mute"):
    """Mute kinds, all without any, until a time as people type it."""

    kinds: tuple[str, ...] = ()
    until: str = ""


class NotifyUnmute(_Request, frozen=True, kw_only=True, tag="notify_unmute"):
    """Let kinds be heard again, all without any."""

    kinds: tuple[str, ...] = ()


class Roles(_Request, frozen=True, kw_only=True, tag="roles"):
    """Who has which role, by source."""


class RolesGrant(_Request, frozen=True, kw_only=True, tag="roles_grant"):
    """Give a role to a person or user group: a Slack id, or a person's e-mail."""

    subject: str
    role: Literal["viewer", "operator", "admin"]


class RolesRevoke(_Request, frozen=True, kw_only=True, tag="roles_revoke"):
    """Take the granted role of a person or user group."""

    subject: str


class Audit(_Request, frozen=True, kw_only=True, tag="audit"):
    """Entries of the audit, newest first; `since` in seconds."""

    since: float | None = None
    limit: int = 20
    offset: int = 0


class AuditExport(_Request, frozen=True, kw_only=True, tag="audit_export"):
    """A part of the audit as a file, oldest first, from behind entry `after`."""

    form: Literal["csv", "jsonl"]
    since: float | None = None
    after: int = 0


class AuditVerify(_Request, frozen=True, kw_only=True, tag="audit_verify"):
    """Follow the audit's chain; `head` is a hash that must be in it."""

    head: str = ""


class Doctor(_Request, frozen=True, kw_only=True, tag="doctor"):
    """Look at the store, the background loops and the providers."""


class Backup(_Request, frozen=True, kw_only=True, tag="backup"):
    """Copy the database to a new file, given by its absolute path."""

    target: str


Request = (
    Sync
    | Cancel
    | Status
    | History
    | Show
    | Download
    | Users
    | Person
    | Why
    | Licenses
    | LicenseKeep
    | LicenseAsk
    | LicenseDesk
    | Activate
    | Invite
    | InviteAll
    | Staged
    | MailBounce
    | Free
    | Apps
    | AppCreate
    | AppRevoke
    | Held
    | HeldShow
    | Release
    | Reject
    | Conflicts
    | ConflictsOf
    | ConflictDecide
    | ConflictsPriority
    | ConfigList
    | ConfigShow
    | ConfigApply
    | ConfigExport
    | ConfigConsequences
    | ConfigEnable
    | ConfigDisable
    | ConfigDelete
    | ConfigTest
    | ScheduleLook
    | ScheduleSave
    | SecretsRotate
    | NotifyTest
    | NotifyList
    | NotifyAdd
    | NotifyRemove
    | NotifyMute
    | NotifyUnmute
    | Roles
    | RolesGrant
    | RolesRevoke
    | Audit
    | AuditExport
    | AuditVerify
    | Doctor
    | Backup
)
