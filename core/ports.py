"""The Protocols between the engine and the world.

Implementations live in `core.providers`, `core.store`, `core.mail` and `bot.slack`. Every
implementation of a port passes that port's contract suite in ``tests/contract``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from core.model.account import Actor, Invitation
from core.model.asking import Question
from core.model.configuration import InvitationWay
from core.model.cycle import (
    CycleError,
    CycleId,
    CycleResult,
    Decision,
    Fence,
    GroupChange,
    HeldItem,
    HeldSetId,
    Pair,
    Postponed,
    Progress,
    Proof,
    StagedUser,
)
from core.model.directory import (
    Capabilities,
    ChangePage,
    CheckReport,
    Digest,
    ExternalId,
    Memberships,
    Page,
    Presence,
    ProviderGroup,
    ProviderUser,
    UnitPath,
    Watermark,
)
from core.model.events import Delivery, OutboxItem
from core.model.inviting import ChatInvitation, ChatMatch, MessagePlace
from core.model.newcomers import Newcomers
from core.model.one_person import StepNote
from core.model.reading import LastReading, NextReading, ReadingNote, Repeats
from core.model.verdict import Judge
from core.model.views import PersonFacts


class IdentityProvider(Protocol):
    """A company's directory, read side.

    Listings raise `SignInError`, `PermissionMissingError`, `TransientRemoteError` (after the
    client's own retries) or `TerminalRemoteError`; pages yielded before that stay valid. An
    implementation never swallows a fault and never yields ``last=True`` on a guess.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this provider can do."""
        ...

    @property
    def decoder_revision(self) -> str:
        """Changes whenever the same raw bytes would be decoded differently."""
        ...

    @property
    def requests(self) -> int:
        """How many requests went out so far, those for tokens not counted."""
        ...

    def read_users(self) -> AsyncIterator[Page]:
        """Yield all people, page by page, requesting the next page ahead."""
        ...

    def read_groups(self) -> AsyncIterator[Page]:
        """Yield all groups with their members; nothing if groups are not a capability."""
        ...

    async def watermark(self) -> Watermark | None:
        """Return where a delta begins that starts now; None without the `delta` capability.

        Asked before a full read, so that what changes meanwhile is in the next delta.
        """
        ...

    def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:
        """Yield what changed since then; nothing at all without the `delta` capability.

        Something that did not change may be in it, too. Raises as listings do, and
        `WatermarkExpiredError` when the provider does not know the watermark any more.
        """
        ...

    def decode_user(self, raw: bytes) -> ProviderUser:
        """Decode one person's raw bytes, or raise `RecordError`. Pure and fast."""
        ...

    def decode_group(self, raw: bytes) -> ProviderGroup:
        """Decode one group's raw bytes, or raise `RecordError`. Pure and fast."""
        ...

    def identify(self, raw: bytes) -> ExternalId | None:
        """Return the id in a record that `decode_user` refused, or None if even that is lost.

        Somebody whose record is unreadable is kept; a record that belongs to nobody knows whom
        makes the snapshot unproven.
        """
        ...

    async def read_user(self, external_id: ExternalId) -> Presence:
        """Ask for one person; needs the `read_one` capability. Raises as listings do."""
        ...

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Say whether one group is there (active) or gone; needs `read_one`, raises likewise."""
        ...

    async def find_user(self, name: str) -> bytes | None:
        """Return the raw record of the one person with this id, user name or primary e-mail.

        User names and addresses are compared without regard to case. None if there is nobody;
        raises as listings do, and `ConflictError` (code ``several_people``) if there are several.
        """
        ...

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest; raises nothing that a person can mend."""
        ...

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""
        ...


@runtime_checkable
class OrgUnitFinder(Protocol):
    """What an identity provider can do beside, if its directory is a tree of units."""

    async def find_org_unit(self, name: str) -> UnitPath | None:
        """Return where the organizational unit of this path or id is, or None if there is none.

        Where a provider names units in further ways, it takes these too. What is returned compares
        with each person's `org_unit`. Raises as listings do, and `ConfigurationError` for a name
        that means no single unit of which people are read.
        """
        ...


@runtime_checkable
class MembershipFinder(Protocol):
    """What an identity provider can do beside, if it can be asked whose groups somebody is in."""

    def list_groups(self) -> AsyncIterator[Page]:
        """Yield all groups as `read_groups` does, without asking for their members.

        `decode_group` tells their ids and names; who is in them is not known.
        """
        ...

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Say which of these listed groups have the person in them, nested ones included.

        That is what following the members that `read_groups` shows would come to. What cannot be
        told for certain is told to be so, and a fault is raised, as listings do: neither is ever
        "not in it".
        """
        ...


@runtime_checkable
class MemberReader(Protocol):
    """What it can do beside, if the members of single groups can be read."""

    async def with_members(self, groups: Sequence[bytes]) -> Sequence[bytes]:
        """Return groups of `list_groups` with their direct members, as `read_groups` has them.

        Raises as listings do.
        """
        ...


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the time in UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps; counts while the process is stopped."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SyncStore(Protocol):
    """What the engine needs of the store during one cycle.

    Every method that writes does so in one transaction, which first checks the fence: the lease
    is still this owner's at this epoch and has not run out, the configuration is enabled at
    `Fence.revision`, and nobody asked to cancel. Otherwise it raises `FencedError` (code
    ``fenced``, ``configuration_changed`` or ``cancel_requested``) and has written nothing. All
    may raise `StoreUnavailableError`.
    """

    async def begin(self, fence: Fence, *, decoder_revision: str) -> LastReading:
        """Drop what an earlier claim of this cycle staged; return where a delta would begin.

        The configuration's known digests go too if another decoder revision made them.
        """
        ...

    def known(self, fence: Fence) -> AsyncIterator[Sequence[Digest]]:
        """Yield the digests of the settled people of this configuration in chunks."""
        ...

    async def known_of(self, fence: Fence, people: Sequence[ExternalId]) -> frozenset[Digest]:
        """Return the digests of those of these people who are settled."""
        ...

    async def scoped_ids(self, fence: Fence) -> frozenset[ExternalId]:
        """Return the people whom a scope group held when last seen."""
        ...

    async def stage(self, fence: Fence, rows: Sequence[StagedUser], *, last: bool = False) -> None:
        """Stage records. Where somebody may come twice, `drop_repeats` follows.

        With the `last` of them, what the first call of `pairs` has to do is done at once.
        """
        ...

    async def stage_unmet(self, fence: Fence, digests: Sequence[bytes]) -> None:
        """Note the known digests that the finished read did not meet."""
        ...

    async def drop_repeats(self, fence: Fence) -> Repeats:
        """Leave the first staged record of everybody, and return who came more than once."""
        ...

    async def holds_canary(self, fence: Fence, name: str) -> bool:
        """Whether the snapshot has a person of this e-mail, user name or external id.

        True for a staged record, and for a settled person who was met.
        """
        ...

    def pairs(
        self, fence: Fence, *, chunk: int = 5000, newcomers: bool = True
    ) -> AsyncIterator[Sequence[Pair]]:
        """Yield every staged record beside what is known, by `seq`; or all but the newcomers.

        Those whose match key is held by somebody who moves away in this cycle come last and in
        one chunk, so that two people can swap addresses in one transaction.
        """
        ...

    def newcomers(self, fence: Fence, *, chunk: int = 10_000) -> AsyncIterator[Newcomers]:
        """Yield the staged people whom nobody in the account resembles, `chunk` at a time.

        Who they are is settled at the first call of this or of `pairs`, until more is staged.
        """
        ...

    def absentees(self, fence: Fence, *, chunk: int = 5000) -> AsyncIterator[Sequence[Pair]]:
        """Yield every linked person whom the read met neither by digest nor by id."""
        ...

    async def provisioned(self, fence: Fence) -> int:
        """Count this configuration's people who are neither disabled nor deleted."""
        ...

    async def removals_since(self, fence: Fence, since: datetime) -> int:
        """Count the removals that this configuration's cycles applied since then."""
        ...

    async def released_items(self, fence: Fence) -> frozenset[tuple[str, ExternalId, str]]:
        """Return (kind, external id, action) of the held set that this cycle releases, or none."""
        ...

    async def rejected_items(self, fence: Fence) -> frozenset[tuple[str, ExternalId]]:
        """Return (kind, external id) of whose held removal was rejected and who was not seen since.

        People are seen again when a cycle that read them ends; of groups, see `groups_are_back`.
        """
        ...

    async def groups_are_back(self, fence: Fence, groups: Sequence[ExternalId]) -> None:
        """Forget that the removal of these groups was rejected: they were seen again."""
        ...

    async def hold(
        self,
        fence: Fence,
        items: Sequence[HeldItem],
        *,
        limit: int,
        provisioned: int,
        reason: str,
        digest: str,
    ) -> HeldSetId:
        """Store a held set (open for 24 hours) and its card.

        An open set of the same digest is kept and returned; another open set of this
        configuration is superseded.
        """
        ...

    async def settle_held(self, fence: Fence) -> None:
        """Supersede an open held set of this configuration: nothing is held any more."""
        ...

    async def apply(
        self,
        fence: Fence,
        decisions: Sequence[Decision],
        *,
        now: datetime,
        send: InvitationWay,
        invite_at: datetime | None = None,
        keep: frozenset[str] = frozenset(),
    ) -> None:
        """Carry out decisions about people: state, change records, problems, invitations, links.

        Invitations are sent at once, or not before `invite_at`. The attributes in `keep` are
        written to people who are created, and stay as they are with everybody else.
        One transaction of set-based statements. Decisions carried out by an earlier claim of this
        cycle are not recorded twice.
        """
        ...

    async def resolve_managers(self, fence: Fence) -> None:
        """Look up the managers of the people staged in this cycle, and who waits for them.

        Call it once decisions are carried out. Whose manager arrived is told as a change.
        """
        ...

    async def create_newcomers(
        self,
        fence: Fence,
        found: Newcomers,
        decision: Decision,
        *,
        now: datetime,
        send: InvitationWay,
        invite_at: datetime | None = None,
    ) -> None:
        """Carry out for all of them the creation that was decided for the one that they resemble.

        As `apply` does, in one transaction. Somebody who resembles somebody in the account by now
        is left out, and is one of the pairs from then on.
        """
        ...

    async def groups(self, fence: Fence) -> Sequence[tuple[ExternalId, str, bytes]]:
        """Return (external id, display name, digest of the member ids) of the known groups."""
        ...

    async def group_members(self, fence: Fence, group: ExternalId) -> frozenset[ExternalId]:
        """Return the ids of a known group's members."""
        ...

    async def apply_groups(
        self, fence: Fence, changes: Sequence[tuple[GroupChange, bytes]], *, now: datetime
    ) -> None:
        """Carry out changes of groups and memberships, each with its new member digest."""
        ...

    async def record_plan(self, fence: Fence, decisions: Sequence[Decision]) -> None:
        """Keep those decisions of a dry run that would change or tell something."""
        ...

    async def record_group_plan(self, fence: Fence, changes: Sequence[GroupChange]) -> None:
        """Keep a dry run's decisions about groups."""
        ...

    async def linked(self, fence: Fence, people: Sequence[ExternalId]) -> int:
        """Count those of these ids who belong to people of the account that are not deleted."""
        ...

    async def carry_problems(self, fence: Fence, since: CycleId) -> int:
        """Tell again what was wrong in that cycle with people who were not staged in this one.

        Returns how many people that are.
        """
        ...

    async def known_person(self, fence: Fence, name: str, *, key: str) -> ExternalId | None:
        """Return the id of this configuration's person of this id, name or address, or None.

        `key` is the match key of `name`.
        """
        ...

    async def note_person(
        self, fence: Fence, person: ExternalId | None, steps: Sequence[StepNote]
    ) -> None:
        """Store what each step of a cycle for one person found."""
        ...

    async def progress(
        self, fence: Fence, progress: Progress, *, reading: ReadingNote | None = None
    ) -> None:
        """Store where the cycle is (latest wins), what it reads, and mark its card for an edit."""
        ...

    async def finish(
        self,
        fence: Fence,
        *,
        result: CycleResult,
        error: CycleError | None,
        proof: Proof | None,
        held_set_id: HeldSetId | None,
        plan_digest: str | None,
        requests: int,
        canaries: Sequence[ExternalId] | None,
        judge: Judge,
        now: datetime,
        postponed: Postponed | None = None,
        progress: Progress | None = None,
        next_reading: NextReading | None = None,
    ) -> None:
        """End the cycle in one transaction: row, card, staging area, lease.

        What `judge` says of it is noted in the same one, on the configuration and as alerts.
        `canaries` are stored on the configuration if given, and `progress`, where it is not
        stored already. Of the fence only the lease is checked, so that a cancelled cycle can end;
        but with `next_reading`, where the next delta begins, the whole of it.
        """
        ...

    async def pick_canaries(self, fence: Fence, count: int) -> Sequence[ExternalId]:
        """Choose provisioned, enabled people by longest standing, for later proofs."""
        ...


class Notifier(Protocol):
    """Delivers outbox items to people."""

    async def deliver(self, item: OutboxItem, shown: Delivery | None) -> Delivery | None:
        """Bring the present state of `item.subject` to its channel.

        `shown` is where this card stands already. Returns where it stands now, or None for
        something that leaves no card. Raises `TransientRemoteError` (with `retry_after`) to be
        called again, `TerminalRemoteError` if it cannot be delivered.
        """
        ...


class Mailer(Protocol):
    """Delivers invitations by mail."""

    async def send(self, invitation: Invitation, *, subject: str, text: str, html: str) -> None:
        """Hand over one message with the invitation's Message-ID; raises as `Notifier.deliver`."""
        ...


class ChatInviter(Protocol):
    """Delivers invitations by chat, to people whose confirmed address is the account's.

    Both methods raise as `Notifier.deliver`; what is terminal makes the invitation go by mail, as
    it does where nobody is found.
    """

    async def find(self, email: str) -> ChatMatch:
        """Return the full member who has this confirmed address, or why there is none."""
        ...

    async def invite(self, invitation: ChatInvitation) -> MessagePlace:
        """Write to `invitation.person`; return where the message stands."""
        ...

    async def ask(self, question: Question) -> MessagePlace:
        """Ask `question.person` whether they still need their license."""
        ...


class Workspace(Protocol):
    """The chat workspace, as far as roles depend on it.

    All raise `TransientRemoteError` and `TerminalRemoteError`. Without `fresh`, what was asked
    within the last seconds may be the answer.
    """

    async def facts(self, user: str, *, fresh: bool) -> PersonFacts:
        """Return what is known of somebody; raises `NotFoundError` where there is nobody."""
        ...

    async def find(self, email: str) -> PersonFacts:
        """Return what is known of the member with this address; raises `NotFoundError`."""
        ...

    async def members(self, group: str, *, fresh: bool) -> frozenset[str]:
        """Return the ids of a user group's people.

        Raises `PermissionMissingError` where the app may not ask, and `NotFoundError` where there
        is no such group (any more).
        """
        ...

    async def greet(self, channel: str, *, by: Actor, text: str) -> None:
        """Tell a channel what somebody did to it; `text` follows their name.

        Raises `ConflictError` (``cannot_post``) where the channel takes no message.
        """
        ...
