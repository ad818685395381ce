"""Cycles as people and the scheduler see them: queue, find, cancel."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from core.errors import AlreadyRunningError, ConflictError, NotFoundError
from core.model.account import Actor
from core.model.configuration import ConfigurationId
from core.model.cycle import (
    Change,
    Counts,
    Cycle,
    CycleError,
    CycleId,
    CycleResult,
    CycleState,
    Fence,
    HeldSetId,
    PersonProblem,
    Postponed,
    ProblemGroup,
    Progress,
    Proof,
    Trigger,
)
from core.model.events import AuditEntry
from core.model.one_person import PersonRun
from core.model.views import PlanItem
from core.store import claims, details, one_person, reading
from core.store.audit import add_audit
from core.store.claims import Claim
from core.store.codec import from_json, maybe_time, short_id, to_seconds, to_time
from core.store.configurations import load_configuration
from core.store.database import Database, Row, Transaction
from core.store.ending import end_cycle
from core.store.outbox import cycle_card, mark_card, put_item

_SELECT = """
SELECT c.*, f.name AS configuration_name, r.kind AS reading, r.note AS reading_note,
    r.wanted_full FROM cycles c
JOIN configurations f ON f.id = c.configuration_id
LEFT JOIN cycle_readings r ON r.cycle_id = c.id
WHERE c.account_id = :account
"""
_INSERT = """
INSERT INTO cycles (account_id, id, configuration_id, state, trigger, dry_run, requested_by,
    requested_by_name, requested_at, channel, held_set_id, bound_plan)
VALUES (:account, :id, :configuration, 'queued', :trigger, :dry_run, :by,
    :by_name, :now, :channel, :held, :bound_plan)
ON CONFLICT DO NOTHING
"""
_CANCEL = """
UPDATE cycles SET cancel_requested_by = coalesce(cancel_requested_by, :by)
WHERE id = :id AND account_id = :account
"""


class Cycles:
    """The cycles of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(
        self,
        *,
        configuration: ConfigurationId,
        trigger: Trigger,
        dry_run: bool,
        actor: Actor,
        channel: str | None,
        audit: AuditEntry,
        held_set_id: HeldSetId | None = None,
        bound_plan: str | None = None,
        person: str | None = None,
        full: bool = False,
        now: datetime,
    ) -> Cycle:
        """Ask for a cycle, for one `person` only if given; its card is stored with it.

        Raises `AlreadyRunningError` if the configuration has an open one, `ConflictError` (code
        ``configuration_disabled``), `NotFoundError`.
        """

        async def work(tx: Transaction) -> Cycle:
            cycle = await queue_cycle(
                tx,
                configuration=configuration,
                trigger=trigger,
                dry_run=dry_run,
                actor=actor,
                channel=channel,
                held_set_id=held_set_id,
                bound_plan=bound_plan,
                now=now,
            )
            if person is not None:
                await one_person.ask_for(tx, cycle.id, configuration, person)
            if full:
                await reading.want_full(tx, cycle.id, configuration)
            await add_audit(tx, audit)
            return cycle

        return await self._database.write(work)

    async def get(self, id: CycleId) -> Cycle:  # noqa: A002 - the settled name
        """Return a cycle by its id or a unique beginning of it; raises `NotFoundError`."""

        async def work(tx: Transaction) -> Cycle:
            return await load_cycle(tx, id)

        return await self._database.read(work)

    async def open_one(self, configuration: ConfigurationId) -> Cycle | None:
        """Return the configuration's queued or running cycle, or None."""

        async def work(tx: Transaction) -> Cycle | None:
            where = "AND c.configuration_id = :configuration AND c.state <> 'finished'"
            return await _one(tx, where, configuration=configuration)

        return await self._database.read(work)

    async def latest(
        self, configuration: ConfigurationId, *, finished: bool = True
    ) -> Cycle | None:
        """Return the newest cycle, of the finished ones by default, or None."""

        async def work(tx: Transaction) -> Cycle | None:
            state = "AND c.state = 'finished'" if finished else ""
            where = f"AND c.configuration_id = :configuration {state}"
            return await _one(tx, where, configuration=configuration)

        return await self._database.read(work)

    async def count(
        self,
        *,
        configuration: ConfigurationId | None = None,
        results: Collection[CycleResult] = (),
        since: datetime | None = None,
    ) -> int:
        """Return how many cycles `list` would give without its limit."""
        where, values = _filter(configuration, results, since)

        async def work(tx: Transaction) -> int:
            sql = f"SELECT count(*) FROM cycles c WHERE c.account_id = :account {where}"  # noqa: S608 - fixed fragments
            return int(await tx.value(sql, **values))

        return await self._database.read(work)

    async def request_cancel(
        self,
        id: CycleId,  # noqa: A002 - the settled name
        *,
        by: Actor,
        audit: AuditEntry,
        now: datetime,
    ) -> Cycle:
        """Ask a cycle to stop; a queued one ends at once, a finished one stays as it is."""

        async def work(tx: Transaction) -> Cycle:
            cycle = await load_cycle(tx, id)
            if cycle.state is CycleState.FINISHED:
                return cycle
            await tx.run(_CANCEL, id=cycle.id, by=by.id)
            if cycle.state is CycleState.QUEUED:
                await end_cycle(tx, cycle.id, result=CycleResult.CANCELLED, now=now)
            await mark_card(tx, f"cycle:{cycle.id}", now=now)
            await add_audit(tx, audit)
            return await load_cycle(tx, cycle.id)

        return await self._database.write(work)

    async def claim(self, *, owner: str, now: datetime) -> Claim | None:
        """Take the oldest queued cycle, or a running one whose lease ran out; None if none."""

        async def work(tx: Transaction) -> Claim | None:
            found = await claims.take(tx, owner=owner, now=now)
            if found is None:
                return None
            cycle = await load_cycle(tx, found.cycle_id)
            configuration = await load_configuration(tx, cycle.configuration_id)
            person = await one_person.load(tx, cycle.id)
            return claims.to_claim(found, cycle, configuration, owner=owner, person=person)

        return await self._database.write(work)

    async def heartbeat(self, fence: Fence) -> bool:
        """Extend the lease; False if somebody asked to cancel. Raises `FencedError`."""
        return await self._database.write(lambda tx: claims.heartbeat(tx, fence))

    async def abandon(self, fence: Fence) -> None:
        """Hand the cycle over: its lease ends now, if it is still this worker's."""
        await self._database.write(lambda tx: claims.abandon(tx, fence))

    async def expire_now(self) -> None:
        """End every lease, because no other process can hold one."""
        await self._database.write(claims.expire_all)

    async def changes(
        self,
        id: CycleId,  # noqa: A002 - the settled name
        *,
        after: int = 0,
        limit: int = 500,
    ) -> list[Change]:
        """Return recorded changes whose id is greater than `after`."""
        return await self._database.read(
            lambda tx: details.changes(tx, id, after=after, limit=limit)
        )

    async def problem_groups(self, id: CycleId, *, limit: int = 20) -> list[ProblemGroup]:  # noqa: A002 - the settled name
        """Return the problems by cause, those of most people first."""
        return await self._database.read(lambda tx: details.problem_groups(tx, id, limit=limit))

    async def problems(
        self,
        id: CycleId,  # noqa: A002 - the settled name
        *,
        offset: int = 0,
        limit: int = 500,
    ) -> list[PersonProblem]:
        """Return the problems one by one."""
        return await self._database.read(
            lambda tx: details.problems(tx, id, offset=offset, limit=limit)
        )

    async def plan(
        self,
        id: CycleId,  # noqa: A002 - the settled name
        *,
        offset: int = 0,
        limit: int = 500,
    ) -> list[PlanItem]:
        """Return a dry run's decisions."""
        return await self._database.read(
            lambda tx: details.plan(tx, id, offset=offset, limit=limit)
        )

    async def person_run(self, id: CycleId) -> PersonRun | None:  # noqa: A002 - the settled name
        """Return what a cycle for one person found, or None for every other cycle."""
        return await self._database.read(lambda tx: one_person.load(tx, id))

    async def bound_plan(self, id: CycleId) -> str | None:  # noqa: A002 - the settled name
        """Return the digest of the plan that this cycle may apply, or None if any."""

        async def work(tx: Transaction) -> str | None:
            sql = "SELECT bound_plan FROM cycles WHERE account_id = :account AND id = :id"
            found: str | None = await tx.value(sql, id=id)
            return found

        return await self._database.read(work)

    async def list(
        self,
        *,
        configuration: ConfigurationId | None = None,
        results: Collection[CycleResult] = (),
        since: datetime | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[Cycle]:
        """Return cycles, newest first."""
        where, values = _filter(configuration, results, since)

        async def work(tx: Transaction) -> list[Cycle]:
            sql = (
                f"{_SELECT} {where} ORDER BY c.requested_at DESC, c.id LIMIT :limit OFFSET :offset"
            )
            rows = await tx.rows(sql, limit=limit, offset=offset, **values)
            return [_cycle(row) for row in rows]

        return await self._database.read(work)


async def queue_cycle(
    tx: Transaction,
    *,
    configuration: ConfigurationId,
    trigger: Trigger,
    dry_run: bool,
    actor: Actor,
    channel: str | None,
    held_set_id: HeldSetId | None = None,
    bound_plan: str | None = None,
    now: datetime,
) -> Cycle:
    """Queue a cycle and its card; raises as `Cycles.queue`."""
    owner = await load_configuration(tx, configuration, steady=True)
    if not owner.enabled:
        raise ConflictError(
            f"{owner.name} is disabled.", code="configuration_disabled", hint="Enable it first."
        )
    identifier = CycleId(short_id("c"))
    new = await tx.run(
        _INSERT,
        id=identifier,
        configuration=configuration,
        trigger=trigger.value,
        dry_run=dry_run,
        by=actor.id,
        by_name=actor.name,
        now=to_seconds(now),
        channel=channel or owner.spec.channel,
        held=held_set_id,
        bound_plan=bound_plan,
    )
    if not new:
        await _refuse_second(tx, owner.name, configuration)
    await put_item(tx, cycle_card(identifier, channel or owner.spec.channel), now=now)
    return await load_cycle(tx, identifier)


async def load_cycle(tx: Transaction, cycle: CycleId) -> Cycle:
    """Return a cycle by its id or a unique beginning of it; raises `NotFoundError`."""
    name = cycle.strip().lower()
    found = await _one(tx, "AND c.id = :id", id=name)
    if found is not None:
        return found
    rows = await tx.rows(
        f"{_SELECT} AND substr(c.id, 1, :size) = :id LIMIT 2", id=name, size=len(name)
    )
    if len(rows) != 1 or not name:
        raise NotFoundError(
            "There is no such cycle." if not rows else "Several cycles begin like that.",
            code="cycle_not_found",
            hint="The history lists the cycles with their ids.",
        )
    return _cycle(rows[0])


async def _refuse_second(tx: Transaction, name: str, configuration: ConfigurationId) -> None:
    where = "AND c.configuration_id = :configuration AND c.state <> 'finished'"
    running = await _one(tx, where, configuration=configuration)
    raise AlreadyRunningError(
        f"{name} is being synced already.", cycle_id=running.id if running else ""
    )


async def _one(tx: Transaction, where: str, **values: object) -> Cycle | None:
    rows = await tx.rows(f"{_SELECT} {where} ORDER BY c.requested_at DESC, c.id LIMIT 1", **values)
    return _cycle(rows[0]) if rows else None


def _cycle(row: Row) -> Cycle:
    progress = from_json(row.progress, Progress) if row.progress else None
    counts = from_json(row.counts, Counts) if row.counts else Counts()
    if row.state != CycleState.FINISHED and progress is not None:
        counts = replace(counts, read=progress.read)
    return Cycle(
        id=CycleId(row.id),
        configuration_id=ConfigurationId(row.configuration_id),
        configuration_name=row.configuration_name,
        state=CycleState(row.state),
        trigger=Trigger(row.trigger),
        dry_run=bool(row.dry_run),
        requested_by=row.requested_by,
        requested_by_name=row.requested_by_name,
        requested_at=to_time(row.requested_at),
        channel=row.channel,
        result=CycleResult(row.result) if row.result else None,
        started_at=maybe_time(row.started_at),
        finished_at=maybe_time(row.finished_at),
        error=from_json(row.error, CycleError) if row.error else None,
        proof=from_json(row.proof, Proof) if row.proof else None,
        progress=progress,
        counts=counts,
        held_set_id=HeldSetId(row.held_set_id) if row.held_set_id else None,
        cancel_requested_by=row.cancel_requested_by,
        plan_digest=row.plan_digest,
        requests=row.requests,
        resumed=row.resumed,
        full=bool(row.wanted_full),
        reading=row.reading,
        reading_note=row.reading_note or "",
        postponed=from_json(row.postponed, Postponed) if row.postponed else None,
    )


def _filter(
    configuration: ConfigurationId | None,
    results: Collection[CycleResult],
    since: datetime | None,
) -> tuple[str, dict[str, object]]:
    parts: list[str] = []
    values: dict[str, object] = {}
    if configuration is not None:
        parts.append("AND c.configuration_id = :configuration")
        values["configuration"] = configuration
    if results:
        names = {f"result{n}": result.value for n, result in enumerate(sorted(results))}
        parts.append(f"AND c.result IN ({', '.join(f':{name}' for name in names)})")
        values.update(names)
    if since is not None:
        parts.append("AND c.requested_at >= :since")
        values["since"] = to_seconds(since)
    return " ".join(parts), values
