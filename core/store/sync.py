"""The store as the engine sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from core.errors import StoreError
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
from core.model.directory import Digest, ExternalId
from core.model.newcomers import Newcomers
from core.model.one_person import StepNote
from core.model.reading import LastReading, NextReading, ReadingNote, Repeats
from core.model.verdict import Judge
from core.store import (
    applying,
    finishing,
    grouping,
    managers,
    newcomers,
    one_person,
    pairing,
    reading,
    staging,
)
from core.store.applying import Sending
from core.store.database import Database, Transaction
from core.store.fencing import check_fence
from core.store.pairing import Prepared, Which
from core.store.staging import Settled

T = TypeVar("T")
_TRIES = 3
_PART = 20_000
_MANY = 1_000
"""People created by one cycle who make a difference to PostgreSQL's plans."""
_FEW = 5_000
"""Pairs that are looked up with the last that is staged."""


@dataclass(kw_only=True, slots=True)
class _Staged:
    """What a cycle staged, so that nothing is looked for where nothing is.

    Attributes:
        rows: records, at most.
        unmet: settled people who were not met under the digest that they had, at most.
        came: how many of those are among the records, if that was counted since. A digest covers
            the id, so that it is one person's.
    """

    rows: int = 0
    unmet: int = 0
    came: int | None = None


class SyncStoreSql:
    """`core.ports.SyncStore` over SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._staged: dict[Fence, _Staged] = {}
        self._prepared: dict[Fence, Prepared] = {}
        self._few: dict[Fence, list[Pair]] = {}

    async def _read(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return await self._database.read(work)

    def _ahead(
        self, query: Callable[..., Awaitable[T]], fence: Fence, *values: object
    ) -> asyncio.Task[T]:
        """Read while the caller works on what it has."""

        async def read() -> T:
            return await self._read(_bind(query, fence, *values))

        return asyncio.create_task(read())

    async def _write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return await self._database.write(work)

    async def begin(self, fence: Fence, *, decoder_revision: str) -> LastReading:
        """See `SyncStore.begin`."""
        new = fence.epoch == 1 and fence not in self._staged

        async def work(tx: Transaction) -> LastReading:
            await staging.begin(tx, fence, decoder_revision=decoder_revision, new=new)
            return await reading.last(tx, fence)

        self._prepared.pop(fence, None)
        self._few.pop(fence, None)
        found = await self._write(work)
        self._staged[fence] = _Staged()
        return found

    async def known(self, fence: Fence) -> AsyncIterator[Sequence[Digest]]:
        """See `SyncStore.known`; the next chunk is read while one is worked on."""
        ahead = self._ahead(staging.known, fence, 0)
        try:
            while True:
                found, after = await ahead
                if not found:
                    return
                ahead = self._ahead(staging.known, fence, after)
                yield found
        finally:
            await _dismiss(ahead)

    async def known_of(self, fence: Fence, people: Sequence[ExternalId]) -> frozenset[Digest]:
        """See `SyncStore.known_of`."""
        return await self._read(lambda tx: staging.known_of(tx, fence, people))

    async def scoped_ids(self, fence: Fence) -> frozenset[ExternalId]:
        """See `SyncStore.scoped_ids`."""
        return await self._read(lambda tx: staging.scoped_ids(tx, fence))

    async def stage(self, fence: Fence, rows: Sequence[StagedUser], *, last: bool = False) -> None:
        """See `SyncStore.stage`."""
        self._prepared.pop(fence, None)
        self._few.pop(fence, None)
        if fence in self._staged:
            self._staged[fence].rows += len(rows)
            self._staged[fence].came = None
        if not last:
            await self._write(lambda tx: staging.stage(tx, fence, rows))
            return

        async def work(tx: Transaction) -> tuple[Prepared, list[Pair]]:
            await staging.stage(tx, fence, rows)
            prepared = await pairing.prepare(tx, fence)
            return prepared, await pairing.staying(tx, fence, 0, _FEW)

        self._prepared[fence], found = await self._write(work)
        if len(found) < _FEW:
            self._few[fence] = found

    async def stage_unmet(self, fence: Fence, digests: Sequence[bytes]) -> None:
        """See `SyncStore.stage_unmet`; may be called several times."""
        if fence in self._staged:
            self._staged[fence].unmet += len(digests)
            self._staged[fence].came = None
        await self._write(lambda tx: staging.stage_unmet(tx, fence, digests))

    async def drop_repeats(self, fence: Fence) -> Repeats:
        """See `SyncStore.drop_repeats`; call it after `stage_unmet`."""
        if self._is_empty(fence):
            return Repeats(staged=0, settled=0)

        async def work(tx: Transaction) -> tuple[int, Settled]:
            return await staging.repeats(tx, fence), await staging.settled(tx, fence)

        staged, settled = await self._read(work)
        if staged:
            await self._write(lambda tx: staging.drop_repeats(tx, fence))
            settled = await self._read(lambda tx: staging.settled(tx, fence))
        if fence in self._staged:
            self._staged[fence].came = settled.unmet
        return Repeats(staged=staged, settled=settled.met)

    def _is_empty(self, fence: Fence) -> bool:
        """Whether nobody was staged; False also if this process does not know."""
        staged = self._staged.get(fence)
        return staged is not None and not staged.rows

    async def holds_canary(self, fence: Fence, name: str) -> bool:
        """See `SyncStore.holds_canary`; call it after `stage_unmet`."""
        staged = not self._is_empty(fence)
        return await self._read(lambda tx: staging.holds_canary(tx, fence, name, staged=staged))

    async def _prepare(self, fence: Fence) -> Prepared:
        async def work(tx: Transaction) -> Prepared:
            await check_fence(tx, fence)
            return await pairing.prepare(tx, fence)

        if fence not in self._prepared:
            self._prepared[fence] = await self._write(work)
        return self._prepared[fence]

    async def pairs(
        self, fence: Fence, *, chunk: int = 5000, newcomers: bool = True
    ) -> AsyncIterator[Sequence[Pair]]:
        """See `SyncStore.pairs`."""
        if self._is_empty(fence):
            return
        prepared, few = await self._prepare(fence), self._few.pop(fence, None)
        if newcomers and few is not None and len(few) <= chunk:
            if few:
                yield few
        else:
            which: Which = "everybody" if newcomers else "no newcomers"
            async with aclosing(self._staying(fence, chunk, which)) as chunks:
                async for found in chunks:
                    yield found
        if prepared.moving:
            yield await self._read(lambda tx: pairing.moving(tx, fence))

    async def _staying(self, fence: Fence, chunk: int, which: Which) -> AsyncGenerator[list[Pair]]:
        """Yield those whose match key nobody gives up; the next are read while these are used."""
        ahead = self._ahead(pairing.staying, fence, 0, chunk, which)
        try:
            while len(found := await ahead) == chunk:
                ahead = self._ahead(pairing.staying, fence, found[-1].seq, chunk, which)
                yield found
        finally:
            await _dismiss(ahead)
        if found:
            yield found

    async def newcomers(self, fence: Fence, *, chunk: int = 10_000) -> AsyncIterator[Newcomers]:
        """See `SyncStore.newcomers`; the next are read while these are worked on."""
        if self._is_empty(fence) or not (await self._prepare(fence)).newcomers:
            return
        ahead = self._ahead(newcomers.following, fence, 0, chunk)
        try:
            while found := await ahead:
                ahead = self._ahead(newcomers.following, fence, found.last, chunk)
                yield found
        finally:
            await _dismiss(ahead)

    async def absentees(self, fence: Fence, *, chunk: int = 5000) -> AsyncIterator[Sequence[Pair]]:
        """See `SyncStore.absentees`."""
        query = partial(pairing.absentees, settled=await self._misses_settled(fence))
        after, more = 0, True
        while more:
            found, after = await self._read(_bind(query, fence, after, chunk))
            more = len(found) == chunk
            if found:
                yield found

    async def _misses_settled(self, fence: Fence) -> bool:
        """Whether a settled person may be missing; True also if this process does not know."""
        staged = self._staged.get(fence)
        if staged is None or not staged.unmet:
            return staged is None
        if staged.came is None:
            staged.came = (await self._read(lambda tx: staging.settled(tx, fence))).unmet
        return staged.came != staged.unmet

    async def provisioned(self, fence: Fence) -> int:
        """See `SyncStore.provisioned`."""
        return await self._read(lambda tx: finishing.provisioned(tx, fence))

    async def removals_since(self, fence: Fence, since: datetime) -> int:
        """See `SyncStore.removals_since`."""
        return await self._read(lambda tx: finishing.removals_since(tx, fence, since))

    async def released_items(self, fence: Fence) -> frozenset[tuple[str, ExternalId, str]]:
        """See `SyncStore.released_items`."""
        return await self._read(lambda tx: finishing.released_items(tx, fence))

    async def rejected_items(self, fence: Fence) -> frozenset[tuple[str, ExternalId]]:
        """See `SyncStore.rejected_items`."""
        return await self._read(lambda tx: finishing.rejected_items(tx, fence))

    async def groups_are_back(self, fence: Fence, groups: Sequence[ExternalId]) -> None:
        """See `SyncStore.groups_are_back`."""
        await self._write(lambda tx: finishing.groups_are_back(tx, fence, groups))

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
        """See `SyncStore.hold`."""
        return await self._write(
            lambda tx: finishing.hold(
                tx,
                fence,
                items,
                limit=limit,
                provisioned=provisioned,
                reason=reason,
                digest=digest,
            )
        )

    async def settle_held(self, fence: Fence) -> None:
        """See `SyncStore.settle_held`."""
        await self._write(lambda tx: finishing.settle_held(tx, fence))

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
        """See `SyncStore.apply`.

        Somebody whose match key was taken since the decision becomes a conflict of their own;
        everybody else's decision is carried out.
        """
        if not decisions:
            return
        sending = Sending(way=send, at=invite_at or now)
        await self._carefully(
            lambda careful: (
                lambda tx: applying.apply(
                    tx, fence, decisions, now=now, send=sending, keep=keep, careful=careful
                )
            )
        )

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
        """See `SyncStore.create_newcomers`."""
        sending = Sending(way=send, at=invite_at or now)
        await self._carefully(
            lambda careful: (
                lambda tx: newcomers.create(
                    tx, fence, found, decision, now=now, send=sending, careful=careful
                )
            )
        )

    async def _carefully(
        self, work: Callable[[bool], Callable[[Transaction], Awaitable[None]]]
    ) -> None:
        """Write; if others took a matching attribute meanwhile, again with an eye on that."""
        for attempt in range(_TRIES):
            try:
                await self._write(work(attempt > 0))
            except sa.exc.IntegrityError:
                continue
            return
        raise StoreError("Others kept taking the same matching attributes.", code="store_conflict")

    async def resolve_managers(self, fence: Fence) -> None:
        """See `SyncStore.resolve_managers`; one transaction for some thousand people.

        Nobody staged is nobody to look up, unless an earlier claim of the cycle had not come to
        telling what it found.
        """
        if self._is_empty(fence) and fence.epoch == 1:
            return
        after: int | None = 0
        while after is not None:
            after = await self._write(_bind(managers.resolve_part, fence, after, _PART))

    async def groups(self, fence: Fence) -> Sequence[tuple[ExternalId, str, bytes]]:
        """See `SyncStore.groups`."""
        return await self._read(lambda tx: grouping.groups(tx, fence))

    async def group_members(self, fence: Fence, group: ExternalId) -> frozenset[ExternalId]:
        """See `SyncStore.group_members`."""
        return await self._read(lambda tx: grouping.members(tx, fence, group))

    async def apply_groups(
        self, fence: Fence, changes: Sequence[tuple[GroupChange, bytes]], *, now: datetime
    ) -> None:
        """See `SyncStore.apply_groups`."""
        await self._write(lambda tx: grouping.apply(tx, fence, changes, now=now))

    async def record_plan(self, fence: Fence, decisions: Sequence[Decision]) -> None:
        """See `SyncStore.record_plan`; the people's problems are kept too."""
        await self._write(lambda tx: applying.record_plan(tx, fence, decisions))

    async def record_group_plan(self, fence: Fence, changes: Sequence[GroupChange]) -> None:
        """See `SyncStore.record_group_plan`."""
        await self._write(lambda tx: grouping.record_plan(tx, fence, changes))

    async def linked(self, fence: Fence, people: Sequence[ExternalId]) -> int:
        """See `SyncStore.linked`."""
        if not people:
            return 0
        return await self._read(lambda tx: reading.linked(tx, fence, people))

    async def carry_problems(self, fence: Fence, since: CycleId) -> int:
        """See `SyncStore.carry_problems`."""
        return await self._write(lambda tx: reading.carry_problems(tx, fence, since))

    async def known_person(self, fence: Fence, name: str, *, key: str) -> ExternalId | None:
        """See `SyncStore.known_person`."""
        return await self._read(lambda tx: one_person.known(tx, fence, name, key))

    async def note_person(
        self, fence: Fence, person: ExternalId | None, steps: Sequence[StepNote]
    ) -> None:
        """See `SyncStore.note_person`."""
        await self._write(lambda tx: one_person.note(tx, fence, person, steps))

    async def progress(
        self, fence: Fence, progress: Progress, *, reading: ReadingNote | None = None
    ) -> None:
        """See `SyncStore.progress`."""
        await self._write(lambda tx: finishing.progress(tx, fence, progress, reading))

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
        """See `SyncStore.finish`."""
        ending = finishing.Ending(
            result=result,
            error=error,
            proof=proof,
            held_set_id=held_set_id,
            plan_digest=plan_digest,
            requests=requests,
            canaries=canaries,
            judge=judge,
            postponed=postponed,
            progress=progress,
            next_reading=next_reading,
            now=now,
        )
        for known in (self._prepared, self._few, self._staged):
            known.pop(fence, None)
        counts = await self._write(lambda tx: finishing.finish(tx, fence, ending))
        if self._database.backend == "postgresql" and counts.created >= _MANY:
            with suppress(StoreError):  # the cycle has ended, and PostgreSQL looks by itself soon
                await self._write(finishing.look_over)

    async def pick_canaries(self, fence: Fence, count: int) -> Sequence[ExternalId]:
        """See `SyncStore.pick_canaries`."""
        return await self._read(lambda tx: finishing.pick_canaries(tx, fence, count))


async def _dismiss(task: asyncio.Task[T]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _bind(
    query: Callable[..., Awaitable[T]], fence: Fence, *values: object
) -> Callable[[Transaction], Awaitable[T]]:
    """Bind a query's arguments now, so that a loop's next turn cannot change them."""

    async def work(tx: Transaction) -> T:
        return await query(tx, fence, *values)

    return work
