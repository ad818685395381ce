"""Starting, watching and cancelling cycles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from core.errors import ConflictError, NotFoundError, UsageError
from core.model.account import Actor, Role
from core.model.cycle import Cycle, CycleId, CycleState, Trigger
from core.model.events import AuditEntry
from core.services.configurations import ConfigurationService
from core.services.ground import Ground

LONGEST_NAME = 320


class SyncService:
    """Puts cycles into the queue; a worker, here or in another replica, carries them out."""

    def __init__(self, ground: Ground, *, configurations: ConfigurationService) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._configurations = configurations
        self._wake = ground.wake

    async def request(
        self,
        actor: Actor,
        configuration: str | None,
        *,
        preview: bool = False,
        full: bool = False,
        channel: str | None = None,
        bound_plan_of: CycleId | None = None,
        trigger: Trigger = Trigger.MANUAL,
        person: str | None = None,
    ) -> Cycle:
        """Queue a cycle and return it.

        `configuration` is a name or a unique prefix; None means the only one, or the one of this
        channel, else `UsageError` (code ``which_configuration``). `bound_plan_of` names a preview
        whose very plan is to be applied. `full` reads everything, where a delta might
        do. With `person` (an id, user name or e-mail), nobody else
        is read or touched; `configuration` may then be left out where the account knows whose the
        person is. Raises `AlreadyRunningError` with the open cycle,
        `ConflictError` (``configuration_disabled``, ``plan_not_ready``), `NotPermittedError`.
        """
        action = "preview" if preview else "sync"
        await self._access.require(actor, Role.OPERATOR, action, configuration or "")
        bound = None if bound_plan_of is None else await self._plan_of(bound_plan_of)
        if bound is not None and configuration is None:
            configuration = bound.configuration_name
        if person is not None:
            trigger, person = Trigger.ON_DEMAND, _name(person)
            configuration = configuration or await self._owner(person)
        chosen = await self._configurations.resolve(configuration, channel=channel)
        cycle = await self._store.cycles.queue(
            configuration=chosen.id,
            trigger=trigger,
            dry_run=preview,
            actor=actor,
            channel=chosen.spec.channel or channel,
            audit=_alone(self._audit.entry(actor, action, chosen.name, full=full), person),
            bound_plan=None if bound is None else bound.plan_digest,
            person=person,
            full=full and person is None,
            now=self._clock.now(),
        )
        self._wake()
        return cycle

    async def cancel(
        self, actor: Actor, cycle_id: str | None, *, channel: str | None = None
    ) -> Cycle:
        """Ask an open cycle to stop; None means the only open one, or the one of this channel.

        Raises `NotFoundError` if nothing is open, `ConflictError` (``already_finished``).
        """
        await self._access.require(actor, Role.OPERATOR, "cancel", cycle_id or "")
        cycle = await self._open(cycle_id, channel)
        if cycle.state is CycleState.FINISHED:
            raise ConflictError(f"Cycle {cycle.id} has finished already.", code="already_finished")
        cancelled = await self._store.cycles.request_cancel(
            cycle.id,
            by=actor,
            audit=self._audit.entry(actor, "cancel", cycle.id),
            now=self._clock.now(),
        )
        self._wake()
        return cancelled

    async def wait(self, cycle_id: str, *, poll: float = 0.5) -> AsyncIterator[Cycle]:
        """Yield the cycle now and whenever it has changed; the last one is finished.

        `poll` is in seconds.
        """
        shown: Cycle | None = None
        while shown is None or shown.state is not CycleState.FINISHED:
            cycle = await self._store.cycles.get(CycleId(cycle_id))
            if cycle != shown:
                shown = cycle
                yield cycle
            if cycle.state is not CycleState.FINISHED:
                await self._clock.sleep(poll)

    async def _owner(self, person: str) -> str | None:
        """Return the name of the configuration that provisioned the person, or None."""
        user = await self._store.people.by_email(person)
        if user is None or user.configuration_id is None:
            return None
        try:
            return (await self._store.configurations.get(user.configuration_id)).name
        except NotFoundError:
            return None

    async def _plan_of(self, preview: CycleId) -> Cycle:
        cycle = await self._store.cycles.get(preview)
        if not cycle.dry_run or cycle.plan_digest is None:
            raise ConflictError(
                f"Cycle {cycle.id} is not a finished preview, so it has no plan to apply.",
                code="plan_not_ready",
            )
        return cycle

    async def _open(self, cycle_id: str | None, channel: str | None) -> Cycle:
        if cycle_id is not None:
            return await self._store.cycles.get(CycleId(cycle_id))
        configurations = await self._store.configurations.all()
        found = [await self._store.cycles.open_one(each.id) for each in configurations]
        cycles = [cycle for cycle in found if cycle is not None]
        here = [cycle for cycle in cycles if channel and cycle.channel == channel]
        choice = here if len(here) == 1 else cycles
        if not choice:
            raise NotFoundError("Nothing is running or queued.", code="nothing_running")
        if len(choice) > 1:
            raise ConflictError(
                "More than one cycle is open.",
                code="which_cycle",
                hint="Name one of " + ", ".join(cycle.id for cycle in choice) + ".",
            )
        return choice[0]


def _name(person: str) -> str:
    name = person.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError("Name the person by an e-mail address, a user name or an id.")
    return name


def _alone(entry: AuditEntry, person: str | None) -> AuditEntry:
    """Note that it is for one person; who that is stays out of the audit, to be erasable."""
    if person is None:
        return entry
    return replace(entry, detail={**entry.detail, "one_person": True})
