"""When a configuration starts by itself: looked at before it is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from core.errors import ConflictError
from core.model.account import Actor, Role
from core.model.configuration import Configuration, ConfigurationId, Schedule
from core.model.views import FreezeView, ScheduleView
from core.services.configurations import ConfigurationService
from core.services.freeze_words import FREEZE, parse_freezes, spell_freeze
from core.services.ground import Ground
from core.services.schedule_words import parse_schedule, spell_schedule

SHOWN = 3
Slots = Callable[[Configuration, datetime], Iterator[datetime]]
"""Yields the slots of a configuration after a moment, in UTC."""


class ScheduleService:
    """Shows, proposes and saves schedules."""

    def __init__(
        self, ground: Ground, *, configurations: ConfigurationService, slots: Slots
    ) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._notices = ground.notices
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

        Words after ``freeze`` propose a freeze. Nothing is saved. A proposal without a time zone
        stays in the present one. Raises `UsageError` that names the wrong word.
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
            before.id,
            proposed.schedule,
            freeze=tuple(each.freeze for each in proposed.freezes),
            revision=revision,
            by=actor,
            now=self._clock.now(),
        )
        if saved is None:
            raise stale(before)
        key = "freeze_set" if proposed.new_freezes else "schedule_set"
        said = _did(before, proposed)
        await self._notices.record(actor, key, said, channel=before.spec.channel)
        return replace(self._view(saved, ()), new_freezes=proposed.new_freezes)

    def _view(self, configuration: Configuration, words: Sequence[str]) -> ScheduleView:
        present = configuration.spec.schedule
        freezes, now = configuration.spec.freeze, self._clock.now()
        freezing = bool(words) and words[0].casefold() == FREEZE
        if freezing:
            freezes = parse_freezes(words[1:], freezes, zone=_zone(present), now=now)
        moved = bool(words) and not freezing
        schedule = parse_schedule(words, zone=_zone(present)) if moved else present
        proposed = replace(configuration, spec=replace(configuration.spec, schedule=schedule))
        return ScheduleView(
            configuration=configuration,
            schedule=schedule,
            present=spell_schedule(present),
            proposed=spell_schedule(schedule),
            slots=tuple(islice(self._slots(proposed, now), SHOWN)),
            asked=" ".join(words) if freezing else spell_schedule(schedule),
            freezes=tuple(
                FreezeView(freeze=each, words=spell_freeze(each), window=each.window(now))
                for each in freezes
            ),
            new_freezes=freezing,
        )


def _did(before: Configuration, proposed: ScheduleView) -> str:
    """Return what was saved, to stand after somebody's name."""
    if not proposed.new_freezes:
        if proposed.schedule is None:
            return f"switched the schedule of {before.name} off"
        return f"set the schedule of {before.name} to {spell_schedule(proposed.schedule)}"
    if not proposed.freezes:
        return f"ended all freezes of {before.name}"
    added = [each.words for each in proposed.freezes if each.freeze not in before.spec.freeze]
    if added:
        return f"set a freeze of {before.name}: {added[0]}"
    left = {each.freeze for each in proposed.freezes}
    gone = [spell_freeze(each) for each in before.spec.freeze if each not in left]
    return f"ended the freeze of {before.name}: {', '.join(gone)}"


def _zone(present: Schedule | None) -> str:
    return "UTC" if present is None else present.timezone


def stale(configuration: Configuration) -> ConflictError:
    """Return the error for a schedule that was proposed for an older revision."""
    return ConflictError(
        f"{configuration.name} has been changed since this was shown, so nothing was saved.",
        code="configuration_changed",
        hint="Look at it again and save that.",
    )
