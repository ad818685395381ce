"""When a configuration starts by itself: looked at before it is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from core.errors import ConflictError
from core.model.account import Actor, Role
from core.model.configuration import Configuration, ConfigurationId, Schedule
from core.model.views import ScheduleView
from core.ports import Clock
from core.services.access import AccessService
from core.services.configurations import ConfigurationService
from core.services.notices import NoticeService
from core.services.schedule_words import parse_schedule, spell_schedule
from core.store.opening import Store

SHOWN = 3
Slots = Callable[[Configuration, datetime], Iterator[datetime]]
"""Yields the slots of a configuration after a moment, in UTC."""


class ScheduleService:
    """Shows, proposes and saves schedules."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        access: AccessService,
        notices: NoticeService,
        configurations: ConfigurationService,
        slots: Slots,
    ) -> None:
        self._store = store
        self._clock = clock
        self._access = access
        self._notices = notices
        self._configurations = configurations
        self._slots = slots

    async def look(
        self,
        actor: Actor,
        name: str | None,
        words: Sequence[str] = (),
        *,
        channel: str | None = None,
    ) -> ScheduleView:
        """Return the present schedule, or with `words` the one proposed, and its next three slots.

        Nothing is saved. A proposal without a time zone stays in the present one. Raises
        `UsageError` that names the wrong word.
        """
        await self._access.require(actor, Role.ADMIN, "schedule", name or "")
        configuration = await self._configurations.resolve(name, channel=channel)
        return self._view(configuration, words)

    async def save(
        self,
        actor: Actor,
        configuration_id: ConfigurationId,
        words: Sequence[str],
        *,
        revision: int,
    ) -> ScheduleView:
        """Save what was looked at, if the configuration is still at `revision`.

        The channel is told. Raises `ConflictError` (``configuration_changed``), `NotFoundError`.
        """
        await self._access.require(actor, Role.ADMIN, "schedule", configuration_id)
        before = await self._store.configurations.get(configuration_id)
        if before.revision != revision:
            raise stale(before)
        proposed = self._view(before, words)
        if not proposed.changed:
            return proposed
        saved = await self._store.configurations.set_schedule(
            before.id, proposed.schedule, revision=revision, by=actor, now=self._clock.now()
        )
        if saved is None:
            raise stale(before)
        said = (
            f"switched the schedule of {before.name} off"
            if proposed.schedule is None
            else f"set the schedule of {before.name} to {spell_schedule(proposed.schedule)}"
        )
        await self._notices.record(actor, "schedule_set", said, channel=before.spec.channel)
        return self._view(saved, ())

    def _view(self, configuration: Configuration, words: Sequence[str]) -> ScheduleView:
        present = configuration.spec.schedule
        schedule = parse_schedule(words, zone=_zone(present)) if words else present
        proposed = replace(configuration, spec=replace(configuration.spec, schedule=schedule))
        return ScheduleView(
            configuration=configuration,
            schedule=schedule,
            present=spell_schedule(present),
            proposed=spell_schedule(schedule),
            slots=tuple(islice(self._slots(proposed, self._clock.now()), SHOWN)),
        )


def _zone(present: Schedule | None) -> str:
    return "UTC" if present is None else present.timezone


def stale(configuration: Configuration) -> ConflictError:
    """Return the error for a schedule that was proposed for an older revision."""
    return ConflictError(
        f"{configuration.name} has been changed since this was shown, so nothing was saved.",
        code="configuration_changed",
        hint="Look at it again and save that.",
    )
