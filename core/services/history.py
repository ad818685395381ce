"""Status and history: what runs, what ran, and what one cycle did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from core.errors import NotFoundError, UsageError
from core.model.account import Actor, Role
from core.model.configuration import Configuration
from core.model.cycle import Cycle, CycleId, CycleResult, HeldSet
from core.model.freeze import EVERYTHING, frozen_until
from core.model.inviting import InvitationQueue
from core.model.ownership import ConflictCount
from core.model.subscriptions import LostChannel
from core.model.views import ConfigurationStatus, CycleView, HistoryPage, StatusView
from core.model.wording import several
from core.services.configurations import ConfigurationService
from core.services.csv_text import csv_bytes
from core.services.ground import Ground
from core.services.mail_words import held_up

NextSlot = Callable[[Configuration, datetime], datetime | None]
"""From a configuration and the time now: the next slot in UTC, or None."""

CsvKind = Literal["log", "plan", "held"]
SAMPLE = 10
LOOK_BACK = 50


class HistoryService:
    """Reads cycles; whoever is no viewer gets a status without names."""

    def __init__(
        self,
        ground: Ground,
        *,
        configurations: ConfigurationService,
        next_slot: NextSlot,
    ) -> None:
        self._per_minute = ground.settings.invitations_per_minute
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._configurations = configurations
        self._next_slot = next_slot
        self._channel = ground.settings.channel

    async def status(self, actor: Actor, *, channel: str | None = None) -> StatusView:
        """Return where everything stands, the configuration of `channel` first.

        Anybody may ask; people are counted, and named to viewers only.
        """
        configurations = await self._store.configurations.all()
        configurations.sort(key=lambda each: (each.spec.channel != channel, each.name.casefold()))
        lines = [await self.status_of(each) for each in configurations]
        if not actor.role.includes(Role.VIEWER):
            lines = [_nameless(line) for line in lines]
        licenses = await self._store.licenses.summary()
        _, undeliverable = await self._store.outbox.backlog()
        invitations = await self._store.invitation_standings.queue(self._per_minute)
        conflicts = await self._store.conflicts.count()
        notices = _notices(lines, undeliverable, self._clock.now())
        return StatusView(
            configurations=tuple(lines),
            licenses=licenses,
            people=await self._store.people.statuses(),
            lost=await self._lost(configurations),
            invitations=invitations,
            notices=(*_claimed(conflicts), *notices, *_undelivered(invitations)),
            conflicts=conflicts,
        )

    async def _lost(self, configurations: Sequence[Configuration]) -> tuple[LostChannel, ...]:
        """Return the channels that take no message and that something is for."""
        lost = await self._store.subscriptions.lost_channels()
        if not lost:
            return ()
        used = {self._channel, *(each.spec.channel for each in configurations)}
        used |= {each.channel for each in await self._store.subscriptions.all()}
        return tuple(each for each in lost if each.channel in used)

    async def list(
        self,
        actor: Actor,
        configuration: str | None = None,
        *,
        result: str | None = None,
        since: timedelta | None = None,
        limit: int = 10,
        offset: int = 0,
    ) -> HistoryPage:
        """Return cycles, newest first; `result` is a cycle result or the beginning of one."""
        await self._access.require(actor, Role.VIEWER, "history", configuration or "")
        chosen = None
        if configuration is not None:
            chosen = (await self._configurations.resolve(configuration, channel=None)).id
        results = () if result is None else (_result(result),)
        start = None if since is None else self._clock.now() - since
        cycles = await self._store.cycles.list(
            configuration=chosen, results=results, since=start, limit=limit, offset=offset
        )
        total = await self._store.cycles.count(configuration=chosen, results=results, since=start)
        return HistoryPage(cycles=tuple(cycles), total=total, offset=offset, limit=limit)

    async def show(self, actor: Actor, cycle_id: str | None) -> CycleView:
        """Return one cycle with samples; None means the latest. Raises `NotFoundError`."""
        await self._access.require(actor, Role.VIEWER, "show", cycle_id or "")
        view = await self._view(cycle_id or await self._latest())
        cycle = view.cycle
        plan = await self._store.cycles.plan(cycle.id, limit=SAMPLE) if cycle.dry_run else []
        return replace(
            view,
            changes_sample=tuple(await self._store.cycles.changes(cycle.id, limit=SAMPLE)),
            plan_sample=tuple(plan),
            person=await self._store.cycles.person_run(cycle.id),
        )

    async def card(self, cycle_id: str) -> CycleView:
        """Return one cycle as its public card shows it: nobody is named."""
        view = await self._view(cycle_id)
        groups = tuple(replace(group, samples=()) for group in view.problem_groups)
        return replace(view, problem_groups=groups)

    async def csv(self, actor: Actor, cycle_id: str, *, kind: CsvKind) -> tuple[str, bytes]:
        """Return (file name, UTF-8 CSV) of a cycle's log, plan or held set.

        Cells that a spreadsheet would run as a formula are neutralised. Held people are for
        admins, the rest for viewers; each download is in the audit.
        """
        role = Role.ADMIN if kind == "held" else Role.VIEWER
        await self._access.require(actor, role, f"download.{kind}", cycle_id)
        cycle = await self._store.cycles.get(CycleId(cycle_id))
        rows = await self._rows(cycle, kind)
        await self._audit.add(self._audit.entry(actor, f"download.{kind}", cycle.id))
        return f"dirsync-{cycle.id}-{kind}.csv", csv_bytes(rows)

    async def _latest(self) -> CycleId:
        newest = await self._store.cycles.list(limit=1)
        if not newest:
            raise NotFoundError("There has been no cycle yet.", code="no_cycle")
        return newest[0].id

    async def _view(self, cycle_id: str) -> CycleView:
        cycle = await self._store.cycles.get(CycleId(cycle_id))
        held = None
        if cycle.held_set_id is not None:
            held = await self._store.held.get(cycle.held_set_id)
        configuration = await self._configuration_of(cycle)
        return CycleView(
            cycle=cycle,
            problem_groups=tuple(await self._store.cycles.problem_groups(cycle.id)),
            held=held,
            licenses=await self._store.licenses.summary(),
            next_slot=self._slot(configuration) if configuration else None,
            configuration=configuration,
            undelivered=await self._store.invitation_standings.failed_of(cycle.id),
        )

    async def _configuration_of(self, cycle: Cycle) -> Configuration | None:
        try:
            return await self._store.configurations.get(cycle.configuration_id)
        except NotFoundError:
            return None

    def _slot(self, configuration: Configuration) -> datetime | None:
        if configuration.spec.schedule is None or not configuration.enabled:
            return None
        if configuration.stopped_reason is not None:
            return None
        return self._next_slot(configuration, self._clock.now())

    async def last_synced(self, actor: Actor) -> Cycle | None:
        """Return the newest finished cycle of all that carried everybody through, if viewers ask.

        Whoever is no viewer gets None.
        """
        if not actor.role.includes(Role.VIEWER):
            return None
        cycles = await self._store.cycles.list(results=tuple(CycleResult), limit=LOOK_BACK)
        return next((cycle for cycle in cycles if cycle.whole), None)

    async def status_of(self, configuration: Configuration) -> ConfigurationStatus:
        """Return where one configuration stands."""
        held = await self._store.held.open(configuration.id)
        return ConfigurationStatus(
            configuration=configuration,
            open_cycle=await self._store.cycles.open_one(configuration.id),
            last=await self._last(configuration),
            next_slot=self._slot(configuration),
            held=held[0] if held else None,
        )

    async def _last(self, configuration: Configuration) -> Cycle | None:
        """Return the last finished cycle that carried everybody through, among the newest few."""
        cycles = await self._store.cycles.list(
            configuration=configuration.id, results=tuple(CycleResult), limit=LOOK_BACK
        )
        return next((cycle for cycle in cycles if cycle.whole), None)

    async def _rows(self, cycle: Cycle, kind: CsvKind) -> Sequence[Sequence[object]]:
        if kind == "plan":
            return await self._plan_rows(cycle)
        if kind == "held":
            return await self._held_rows(cycle)
        return await self._log_rows(cycle)

    async def _plan_rows(self, cycle: Cycle) -> Sequence[Sequence[object]]:
        rows: list[Sequence[object]] = [("action", "kind", "name", "external_id", "reason")]
        while page := await self._store.cycles.plan(cycle.id, offset=len(rows) - 1, limit=500):
            rows += [
                (item.action.value, item.kind.value, item.label, item.external_id, item.reason)
                for item in page
            ]
        return rows

    async def _held_rows(self, cycle: Cycle) -> Sequence[Sequence[object]]:
        rows: list[Sequence[object]] = [("action", "kind", "name", "external_id", "reason")]
        if cycle.held_set_id is None:
            raise NotFoundError(f"Cycle {cycle.id} has no held set.", code="no_held_set")
        held_id = cycle.held_set_id
        while page := await self._store.held.items(held_id, offset=len(rows) - 1, limit=500):
            rows += [
                (item.action.value, item.kind.value, item.label, item.external_id, item.reason)
                for item in page
            ]
        return rows

    async def _log_rows(self, cycle: Cycle) -> Sequence[Sequence[object]]:
        rows: list[Sequence[object]] = [_LOG_HEADER]
        after = 0
        while changes := await self._store.cycles.changes(cycle.id, after=after, limit=500):
            after = changes[-1].id
            rows += [
                (
                    change.at.isoformat(),
                    change.kind.value,
                    change.action.value,
                    change.result.value,
                    change.label,
                    change.external_id,
                    change.reason,
                    _pairs(change.before),
                    _pairs(change.after),
                )
                for change in changes
            ]
        rows += await self._problem_rows(cycle)
        return rows

    async def _problem_rows(self, cycle: Cycle) -> Sequence[Sequence[object]]:
        rows: list[Sequence[object]] = []
        while page := await self._store.cycles.problems(cycle.id, offset=len(rows), limit=500):
            rows += [
                (
                    "",
                    "user",
                    "",
                    each.problem.severity.value,
                    each.label,
                    each.external_id,
                    each.problem.code,
                    each.problem.attribute,
                    f"{each.problem.message} {each.problem.hint}".strip(),
                )
                for each in page
            ]
        return rows


_LOG_HEADER = (
    "at",
    "kind",
    "action",
    "result",
    "name",
    "external_id",
    "reason",
    "before_or_attribute",
    "after_or_message",
)


def _pairs(values: object) -> str:
    if not isinstance(values, dict):
        return ""
    return "; ".join(f"{key}={value}" for key, value in values.items())


def _result(text: str) -> CycleResult:
    wanted = text.strip().lower().replace("-", "_").replace(" ", "_")
    for result in CycleResult:
        if wanted and result.value.startswith(wanted):
            return result
    known = ", ".join(result.value for result in CycleResult)
    raise UsageError(f"A result is one of {known}.", code="unknown_result")


def _nameless(line: ConfigurationStatus) -> ConfigurationStatus:
    """Take out who started what, for those who may not see names."""
    return replace(
        line,
        open_cycle=_anonymous(line.open_cycle),
        last=_anonymous(line.last),
        held=_of_nobody(line.held),
    )


def _anonymous(cycle: Cycle | None) -> Cycle | None:
    if cycle is None:
        return None
    return replace(cycle, requested_by="", requested_by_name="", cancel_requested_by=None)


def _of_nobody(held: HeldSet | None) -> HeldSet | None:
    return (
        None if held is None else replace(held, requested_by="", decided_by=None, decided_reason="")
    )


def _quarantine(line: ConfigurationStatus) -> str:
    configuration, at = line.configuration, line.next_slot
    when = "" if at is None else f", next try at {at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{configuration.name} is in quarantine after {configuration.failures:,} "
        f"{'failure' if configuration.failures == 1 else 'failures'}{when}; a sync tries now."
    )


def _freezes(configuration: Configuration, now: datetime) -> list[str]:
    windows = configuration.spec.freeze
    ends = {what: frozen_until(windows, what, now) for what in EVERYTHING}
    return [
        f"{configuration.name}: {what.value} are frozen until {end:%Y-%m-%d %H:%M} UTC."
        for what, end in ends.items()
        if end is not None
    ]


def _claimed(conflicts: ConflictCount) -> list[str]:
    if not conflicts.people:
        return []
    who = several(conflicts.people, "person is", "people are")
    by = "two" if conflicts.configurations == 2 else f"{conflicts.configurations:,}"  # noqa: PLR2004 - a word
    return [f"{who} claimed by {by} configurations, and nobody decided yet (conflicts)."]


def _notices(
    lines: Sequence[ConfigurationStatus],
    undeliverable: int,
    now: datetime,
) -> list[str]:
    found: list[str] = []
    if not lines:
        found.append("There is no configuration yet; dirsync config example prints one.")
    for line in lines:
        name = line.configuration.name
        if not line.configuration.enabled:
            found.append(f"{name} is disabled.")
        elif line.configuration.stopped_reason is not None:
            found.append(f"{name} cannot sign in: give it new credentials (edit) and sync.")
        elif line.configuration.quarantined:
            found.append(_quarantine(line))
        found += _freezes(line.configuration, now)
        if line.held is not None:
            what = "1 removal waits" if line.held.size == 1 else f"{line.held.size:,} removals wait"
            found.append(f"{name}: {what} for an admin's decision (release).")
    if undeliverable:
        found.append(f"{undeliverable:,} messages could not be delivered.")
    return found


def _undelivered(queue: InvitationQueue) -> list[str]:
    found = []
    if queue.held:
        why, hint = held_up(queue.held_by)
        found.append(f"{several(queue.held, 'invitation')} cannot be sent: {why}. {hint}")
    if queue.failed:
        what = several(queue.failed, "invitation")
        found.append(f"{what} could not be delivered: users --status invited says whose.")
    return found
