"""The store as the engine sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
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
from core.model.reading import LastReading, ReadKind, SavedWatermark
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
from core.store.pairing import Which

T = TypeVar("T")
_TRIES = 3
_PART = 20_000


class SyncStoreSql:
    """`core.ports.SyncStore` over SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prepared: set[Fence] = set()

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

    async def begin(self, fence: Fence, *, decoder_revision: str) -> None:
        """See `SyncStore.begin`."""
        await self._write(lambda tx: staging.begin(tx, fence, decoder_revision=decoder_revision))

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

    async def stage(self, fence: Fence, rows: Sequence[StagedUser]) -> int:
        """See `SyncStore.stage`; of a repeated id the first record stays."""
        self._prepared.discard(fence)
        return await self._write(lambda tx: staging.stage(tx, fence, rows))

    async def stage_unmet(self, fence: Fence, digests: Sequence[bytes]) -> None:
        """See `SyncStore.stage_unmet`; may be called several times."""
        await self._write(lambda tx: staging.stage_unmet(tx, fence, digests))

    async def repeats(self, fence: Fence) -> int:
        """See `SyncStore.repeats`; call it after `stage_unmet`."""
        return await self._read(lambda tx: staging.repeats(tx, fence))

    async def holds_canary(self, fence: Fence, name: str) -> bool:
        """See `SyncStore.holds_canary`; call it after `stage_unmet`."""
        return await self._read(lambda tx: staging.holds_canary(tx, fence, name))

    async def _prepare(self, fence: Fence) -> None:
        if fence not in self._prepared:
            await self._write(lambda tx: pairing.prepare(tx, fence))
            self._prepared.add(fence)

    async def pairs(
        self, fence: Fence, *, chunk: int = 5000, newcomers: bool = True
    ) -> AsyncIterator[Sequence[Pair]]:
        """See `SyncStore.pairs`."""
        await self._prepare(fence)
        which: Which = "everybody" if newcomers else "no newcomers"
        ahead = self._ahead(pairing.staying, fence, 0, chunk, which)
        try:
            while found := await ahead:
                ahead = self._ahead(pairing.staying, fence, found[-1].seq, chunk, which)
                yield found
        finally:
            await _dismiss(ahead)
        if moving := await self._read(lambda tx: pairing.moving(tx, fence)):
            yield moving

    async def newcomers(self, fence: Fence, *, chunk: int = 10_000) -> AsyncIterator[Newcomers]:
        """See `SyncStore.newcomers`; the next are read while these are worked on."""
        await self._prepare(fence)
        ahead = self._ahead(newcomers.following, fence, 0, chunk)
        try:
            while found := await ahead:
                ahead = self._ahead(newcomers.following, fence, found.last, chunk)
                yield found
        finally:
            await _dismiss(ahead)

    async def absentees(self, fence: Fence, *, chunk: int = 5000) -> AsyncIterator[Sequence[Pair]]:
        """See `SyncStore.absentees`."""
        after = 0
        while True:
            found, after = await self._read(_bind(pairing.absentees, fence, after, chunk))
            if not found:
                return
            yield found

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
        """See `SyncStore.resolve_managers`; one transaction for some thousand people."""
        after: int | None = 0
        while after is not None:
            after = await self._write(_bind(managers.resolve_part, fence, after, _PART))
        await self._write(lambda tx: managers.tell(tx, fence))

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

    async def last_reading(self, fence: Fence) -> LastReading:
        """See `SyncStore.last_reading`."""
        return await self._read(lambda tx: reading.last(tx, fence))

    async def note_reading(self, fence: Fence, kind: ReadKind, note: str) -> None:
        """See `SyncStore.note_reading`."""
        await self._write(lambda tx: reading.note(tx, fence, kind, note))

    async def keep_watermark(self, fence: Fence, saved: SavedWatermark | None) -> None:
        """See `SyncStore.keep_watermark`."""
        await self._write(lambda tx: reading.keep(tx, fence, saved))

    async def linked(self, fence: Fence, people: Sequence[ExternalId]) -> int:
        """See `SyncStore.linked`."""
        return await self._read(lambda tx: reading.linked(tx, fence, people))

    async def met(self, fence: Fence, people: Sequence[ExternalId]) -> int:
        """See `SyncStore.met`."""
        return await self._read(lambda tx: reading.met(tx, fence, people))

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

    async def progress(self, fence: Fence, progress: Progress) -> None:
        """See `SyncStore.progress`."""
        await self._write(lambda tx: finishing.progress(tx, fence, progress))

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
        now: datetime,
        postponed: Postponed | None = None,
    ) -> None:
        """See `SyncStore.finish`; only the lease is checked."""
        ending = finishing.Ending(
            result=result,
            error=error,
            proof=proof,
            held_set_id=held_set_id,
            plan_digest=plan_digest,
            requests=requests,
            canaries=canaries,
            postponed=postponed,
            now=now,
        )
        self._prepared.discard(fence)
        await self._write(lambda tx: finishing.finish(tx, fence, ending))

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
