"""The engine's port of the store over dictionaries: a model to hold the databases against."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.errors import FencedError
from core.model.account import DisabledBy, UserId, UserStatus
from core.model.configuration import InvitationWay
from core.model.cycle import (
    Action,
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
    ScopeAnswer,
    StagedUser,
)
from core.model.directory import Digest, ExternalId
from core.model.newcomers import Newcomers
from core.model.reading import (
    LastReading,
    NextReading,
    ReadingNote,
    ReadKind,
    Repeats,
    SavedWatermark,
)
from core.model.verdict import Judge

PROVISIONED = {UserStatus.STAGED, UserStatus.INVITED, UserStatus.WAITING, UserStatus.ACTIVE}


@dataclass(kw_only=True)
class Row:
    """A person of the account."""

    id: int
    key: str
    name: str = ""
    status: UserStatus = UserStatus.INVITED
    before: UserStatus = UserStatus.INVITED
    disabled_by: DisabledBy | None = None
    disabled_at: float | None = None
    protected: bool = False
    ours: bool = True
    profile: str = "{}"


@dataclass(kw_only=True)
class Link:
    """What is known of an external id."""

    user: int | None
    label: str
    digest: bytes | None = None
    mapped: bytes | None = None
    group_scoped: bool = False
    kept: bool = False
    in_scope: bool = False
    absent_since: float | None = None


@dataclass(kw_only=True)
class Finished:
    """How a cycle ended."""

    result: CycleResult
    error: CycleError | None
    proof: Proof | None
    held: HeldSetId | None
    plan: str | None
    requests: int


@dataclass
class MemoryStore:
    """See `core.ports.SyncStore`."""

    users: dict[int, Row] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    teams: dict[str, tuple[str, bytes, frozenset[str]]] = field(default_factory=dict)
    changes: list[tuple[datetime, str, str, Action]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    planned: list[tuple[str, Action]] = field(default_factory=list)
    planned_groups: list[tuple[str, Action]] = field(default_factory=list)
    held: tuple[HeldItem, ...] = ()
    releases: frozenset[tuple[str, ExternalId, str]] = frozenset()
    rejected: frozenset[ExternalId] = frozenset()
    finished: Finished | None = None
    canaries: tuple[ExternalId, ...] = ()
    steps: list[str] = field(default_factory=list)
    saved: SavedWatermark | None = None
    readings: list[tuple[ReadKind, str]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    fence_code: str | None = None
    staged: list[StagedUser] = field(default_factory=list)
    new: set[int] | None = None
    unmet: set[bytes] = field(default_factory=set)
    decoder: str = ""

    def _check(self) -> None:
        if self.fence_code is not None:
            raise FencedError("not any more", code=self.fence_code)

    async def begin(self, fence: Fence, *, decoder_revision: str) -> LastReading:
        self._check()
        self.staged, self.unmet, self.new = [], set(), None
        self.told, self.planned, self.planned_groups = [], [], []
        if decoder_revision != self.decoder:
            self.forget()
            self.decoder = decoder_revision
        return LastReading(saved=self.saved)

    def forget(self) -> None:
        """Forget all digests, as after an edit of scope or mapping."""
        for link in self.links.values():
            link.digest, link.in_scope = None, False

    async def known(self, fence: Fence) -> AsyncIterator[Sequence[Digest]]:
        yield [Digest(link.digest) for link in self.links.values() if link.digest is not None]

    async def known_of(self, fence: Fence, people: Sequence[ExternalId]) -> frozenset[Digest]:
        found = [self.links[person] for person in people if person in self.links]
        return frozenset(Digest(link.digest) for link in found if link.digest is not None)

    async def scoped_ids(self, fence: Fence) -> frozenset[ExternalId]:
        return frozenset(ExternalId(i) for i, link in self.links.items() if link.group_scoped)

    async def stage(self, fence: Fence, rows: Sequence[StagedUser], *, last: bool = False) -> None:
        self._check()
        self.new = None
        self.staged += rows

    async def stage_unmet(self, fence: Fence, digests: Sequence[bytes]) -> None:
        self._check()
        self.unmet.update(digests)

    def _met(self, link: Link) -> bool:
        return link.digest is not None and link.digest not in self.unmet

    async def drop_repeats(self, fence: Fence) -> Repeats:
        first = {row.external_id: row for row in reversed(self.staged)}
        again = len(self.staged) - len(first)
        self.staged = [row for row in self.staged if first[row.external_id] is row]
        twice = [r for r in self.staged if (k := self.links.get(r.external_id)) and self._met(k)]
        return Repeats(staged=again, settled=len(twice))

    async def holds_canary(self, fence: Fence, name: str) -> bool:
        if any(name in (r.external_id, r.email, r.user_name) for r in self.staged):
            return True
        return any(
            self._met(link) and (name == id_ or name == self.users[link.user].key)
            for id_, link in self.links.items()
            if link.user is not None
        )

    def _pairs(self) -> list[Pair]:
        twins = Counter(row.match_key for row in self.staged if row.match_key)
        pairs = [self._pair(n, row, twins) for n, row in enumerate(self.staged, start=1)]
        if self.new is None:
            self.new = {pair.seq for pair in pairs if self._is_new(pair)}
        return pairs

    def _is_new(self, pair: Pair) -> bool:
        row = self.staged[pair.seq - 1]
        usable = pair.readable and pair.active and pair.scope is ScopeAnswer.IN
        alone = pair.external_id not in self.links and pair.holder is None and pair.twins == 1
        return usable and alone and not pair.problems and bool(row.match_key)

    async def newcomers(self, fence: Fence, *, chunk: int = 10_000) -> AsyncIterator[Newcomers]:
        new = [pair for pair in self._pairs() if pair.seq in (self.new or ())]
        for start in range(0, len(new), chunk):
            some = new[start : start + chunk]
            mark = sum(int.from_bytes(pair.mapped_digest, "big") for pair in some)
            yield Newcomers(some[0], some[0].seq, some[-1].seq, len(some), mark)

    async def create_newcomers(
        self, fence: Fence, found: Newcomers, decision: Decision, **more: object
    ) -> None:
        new = [pair for pair in self._pairs() if pair.seq in (self.new or ())]
        some = [pair for pair in new if found.first <= pair.seq <= found.last]
        await self.apply(fence, [decision._replace(pair=pair) for pair in some], **more)

    async def pairs(
        self, fence: Fence, *, chunk: int = 5000, newcomers: bool = True
    ) -> AsyncIterator[Sequence[Pair]]:
        pairs = [pair for pair in self._pairs() if newcomers or pair.seq not in (self.new or ())]
        early = [pair for pair in pairs if not pair.holder_moves]
        for start in range(0, len(early), chunk):
            yield early[start : start + chunk]
        late = [pair for pair in pairs if pair.holder_moves]
        if late:
            yield late

    def _pair(self, seq: int, row: StagedUser, twins: Counter[str]) -> Pair:
        link = self.links.get(row.external_id)
        user = self.users.get(link.user) if link and link.user is not None else None
        holder = next((u for u in self.users.values() if self._holds(u, row, user)), None)
        return Pair(
            seq=seq,
            external_id=row.external_id,
            label=row.display_name or row.external_id,
            present=True,
            readable=row.readable,
            active=row.active,
            scope=row.scope,
            mapped_digest=row.mapped_digest,
            problems=row.problems,
            digest=row.digest,
            holder=UserId(holder.id) if holder else None,
            holder_foreign=bool(holder and not holder.ours),
            holder_moves=bool(holder and self._moves(holder)),
            twins=max(1, twins[row.match_key]),
            **self._side(link, user),
        )

    def _side(self, link: Link | None, user: Row | None) -> dict[str, object]:
        return {
            "user_id": UserId(user.id) if user else None,
            "status": user.status if user else None,
            "disabled_by": user.disabled_by if user else None,
            "disabled_at": user.disabled_at if user else None,
            "absent_since": link.absent_since if link else None,
            "kept": bool(link and link.kept),
            "protected": bool(user and user.protected),
            "known_digest": link.digest if link else None,
            "known_mapped_digest": link.mapped if link else None,
            "was_in": bool(link and link.in_scope),
        }

    def _holds(self, user: Row, row: StagedUser, mine: Row | None) -> bool:
        alive = user.status is not UserStatus.DELETED
        return alive and user is not mine and bool(row.match_key) and user.key == row.match_key

    def _moves(self, holder: Row) -> bool:
        for row in self.staged:
            link = self.links.get(row.external_id)
            if link and link.user == holder.id:
                return row.readable and row.active and row.match_key not in ("", holder.key)
        return False

    async def absentees(self, fence: Fence, *, chunk: int = 5000) -> AsyncIterator[Sequence[Pair]]:
        seen = {row.external_id for row in self.staged}
        gone = [i for i, k in self.links.items() if i not in seen and not self._met(k)]
        pairs = [self._absent(ExternalId(id_), self.links[id_]) for id_ in sorted(gone)]
        for start in range(0, len(pairs), chunk):
            yield pairs[start : start + chunk]

    def _absent(self, id_: ExternalId, link: Link) -> Pair:
        return Pair(
            seq=0,
            external_id=id_,
            label=link.label,
            present=False,
            readable=True,
            active=False,
            scope="in",
            mapped_digest=b"",
            problems="",
            digest=b"",
            holder=None,
            holder_foreign=False,
            holder_moves=False,
            twins=1,
            **self._side(link, self.users.get(link.user) if link.user is not None else None),
        )

    async def provisioned(self, fence: Fence) -> int:
        mine = {link.user for link in self.links.values()}
        return sum(u.id in mine and u.status in PROVISIONED for u in self.users.values())

    async def removals_since(self, fence: Fence, since: datetime) -> int:
        return sum(at >= since and action.removes for at, _, _, action in self.changes)

    async def released_items(self, fence: Fence) -> frozenset[tuple[str, ExternalId, str]]:
        return self.releases

    async def rejected_items(self, fence: Fence) -> frozenset[tuple[str, ExternalId]]:
        return frozenset(("user", name) for name in self.rejected)

    async def hold(self, fence: Fence, items: Sequence[HeldItem], **more: object) -> HeldSetId:
        self._check()
        self.held = tuple(items)
        return HeldSetId("h-1")

    async def settle_held(self, fence: Fence) -> None:
        self._check()
        self.held = ()

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
        self._check()
        for decision in decisions:
            self._apply_one(decision, now)
        keys = [u.key for u in self.users.values() if u.status is not UserStatus.DELETED and u.key]
        assert len(keys) == len(set(keys)), "two people hold one address"

    def _apply_one(self, decision: Decision, now: datetime) -> None:
        pair, action = decision.pair, decision.action
        row = next((r for r in self.staged if r.external_id == pair.external_id), None)
        user = self.users.get(pair.user_id) if pair.user_id is not None else None
        if decision.problem is not None:
            self.told.append((pair.external_id, decision.problem.code))
        elif pair.problems:
            self.told.append((pair.external_id, "record"))
        if action not in (Action.NOTHING, Action.KEEP, Action.CONFLICT, Action.ERROR):
            user = self._change(action, row, user, pair, now)
        self._settle(decision, row, user, now)

    def _change(
        self, action: Action, row: StagedUser | None, user: Row | None, pair: Pair, now: datetime
    ) -> Row:
        self.changes.append((now, "user", pair.external_id, action))
        self.writes.append(pair.external_id)
        if action is Action.CREATE:
            user = Row(id=len(self.users) + 1, key="")
            self.users[user.id] = user
        elif action is Action.LINK:
            assert pair.holder is not None
            user = self.users[pair.holder]
            user.ours = True
        assert user is not None
        if action in (Action.DISABLE, Action.DELETE):
            self._remove(action, user, now)
            return user
        if action in (Action.ENABLE, Action.RESTORE):
            user.status, user.disabled_by, user.disabled_at = user.before, None, None
        assert row is not None
        user.key, user.name, user.profile = row.match_key, row.display_name, row.profile
        return user

    def _remove(self, action: Action, user: Row, now: datetime) -> None:
        if action is Action.DELETE:
            user.status = UserStatus.DELETED
            return
        user.before, user.status = user.status, UserStatus.DISABLED
        user.disabled_by, user.disabled_at = DisabledBy.SYNC, now.timestamp()

    def _settle(
        self, decision: Decision, row: StagedUser | None, user: Row | None, now: datetime
    ) -> None:
        pair = decision.pair
        link = self.links.get(pair.external_id)
        if link is None:
            if user is None and not decision.settles:
                return
            link = self.links[pair.external_id] = Link(user=None, label=pair.label)
        link.user = user.id if user else link.user
        link.kept = decision.keeps
        if row is None:
            link.digest = None
            link.absent_since = link.absent_since or now.timestamp()
            return
        link.absent_since = None
        link.group_scoped = row.group_scoped
        link.in_scope = link.in_scope or (row.readable and row.scope == "in")
        link.digest = row.digest if decision.settles else None
        if decision.action not in (Action.CONFLICT, Action.ERROR, Action.KEEP, Action.DISABLE):
            link.mapped = row.mapped_digest

    async def groups(self, fence: Fence) -> Sequence[tuple[ExternalId, str, bytes]]:
        return [(ExternalId(id_), name, digest) for id_, (name, digest, _) in self.teams.items()]

    async def resolve_managers(self, fence: Fence) -> None:
        self._check()

    async def group_members(self, fence: Fence, group: ExternalId) -> frozenset[ExternalId]:
        return frozenset(map(ExternalId, self.teams[group][2]))

    async def apply_groups(
        self, fence: Fence, changes: Sequence[tuple[GroupChange, bytes]], *, now: datetime
    ) -> None:
        self._check()
        for change, digest in changes:
            self.changes.append((now, "group", change.external_id, change.action))
            self.writes.append(change.external_id)
            if change.action is Action.DELETE:
                del self.teams[change.external_id]
                continue
            before = self.teams.get(change.external_id, ("", b"", frozenset()))[2]
            members = frozenset((before | change.added) - change.removed)
            self.teams[change.external_id] = (change.display_name, digest, members)

    async def record_plan(self, fence: Fence, decisions: Sequence[Decision]) -> None:
        self._check()
        self.planned += [(d.pair.external_id, d.action) for d in decisions]

    async def record_group_plan(self, fence: Fence, changes: Sequence[GroupChange]) -> None:
        self._check()
        self.planned_groups += [(c.external_id, c.action) for c in changes]

    async def linked(self, fence: Fence, people: Sequence[ExternalId]) -> int:
        return sum(id_ in self.links for id_ in people)

    async def carry_problems(self, fence: Fence, since: CycleId) -> int:
        return 0

    async def known_person(self, fence: Fence, name: str, *, key: str) -> ExternalId | None:
        return next(
            (ExternalId(id_) for id_, link in self.links.items() if link.label == key), None
        )

    async def note_person(self, fence: Fence, person: ExternalId | None, steps: object) -> None:
        self._check()
        self.writes.append("note_person")

    async def progress(
        self, fence: Fence, progress: Progress, *, reading: ReadingNote | None = None
    ) -> None:
        self._check()
        if reading is not None:
            self.readings.append((reading.kind, reading.why))
        self.steps.append(str(progress.step))

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
        if next_reading is not None or self.fence_code not in (None, "cancel_requested"):
            self._check()
        if next_reading is not None:
            saved = next_reading.saved
            self.saved = None if saved is None else replace(saved, cycle_id=CycleId("c-0"))
        if canaries is not None:
            self.canaries = tuple(canaries)
        self.finished = Finished(
            result=result,
            error=error,
            proof=proof,
            held=held_set_id,
            plan=plan_digest,
            requests=requests,
        )

    async def pick_canaries(self, fence: Fence, count: int) -> Sequence[ExternalId]:
        alive = [
            ExternalId(id_)
            for id_, link in self.links.items()
            if link.user is not None and self.users[link.user].status in PROVISIONED
        ]
        return alive[:count]

    def status(self, id_: str) -> UserStatus | None:
        """Return somebody's status by external id, or None for nobody."""
        link = self.links.get(id_)
        return self.users[link.user].status if link and link.user is not None else None

    def removed(self) -> set[str]:
        """Return the external ids of all people that were ever disabled or deleted."""
        return {id_ for _, kind, id_, action in self.changes if kind == "user" and action.removes}

    def copy(self) -> MemoryStore:
        """Return a store with the same contents, as a twin to compare with."""
        twin = replace(self)
        twin.users = {k: replace(v) for k, v in self.users.items()}
        twin.links = {k: replace(v) for k, v in self.links.items()}
        twin.teams = dict(self.teams)
        twin.changes = list(self.changes)
        return twin
