"""Disabling, enabling and deleting configurations: seen in numbers first, then done once."""

from __future__ import annotations

from core.errors import ConflictError, UsageError
from core.model.account import Actor, Role
from core.model.configuration import Configuration, LeaveBehind
from core.model.views import Consequences
from core.services.audit import plain_reason
from core.services.configurations import ConfigurationService
from core.services.ground import Ground
from core.services.history import HistoryService, NextSlot


class LifecycleService:
    """Ends configurations and brings them back. Admins only.

    What is done is bound to the revision that somebody saw: `ConflictError` (code
    ``configuration_changed``) if it is another one by now, so that of two admins at once one has
    the effect and the other is told.
    """

    def __init__(
        self,
        ground: Ground,
        *,
        configurations: ConfigurationService,
        history: HistoryService,
        next_slot: NextSlot,
    ) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices
        self._configurations = configurations
        self._history = history
        self._next_slot = next_slot
        self._wake = ground.wake

    async def consequences(
        self, actor: Actor, name: str | None, *, channel: str | None = None
    ) -> Consequences:
        """Return what disabling, enabling or deleting a configuration would mean.

        `name` as for `ConfigurationService.resolve`, which says what is raised.
        """
        await self._access.require(actor, Role.ADMIN, "config.consequences", name or "")
        chosen = await self._configurations.resolve(name, channel=channel)
        now = self._clock.now()
        return Consequences(
            status=await self._history.status_of(chosen),
            belongings=await self._store.lifecycle.belongings(chosen.id),
            next_slot=self._next_slot(chosen, now),
        )

    async def disable(
        self, actor: Actor, name: str, *, revision: int | None = None, reason: str = ""
    ) -> Configuration:
        """Stop a configuration; once this returns, no cycle of it writes any more.

        Its people stay as they are. Raises `ConflictError` (``already_disabled``).
        """
        chosen = await self._chosen(actor, name, "config.disable")
        if not chosen.enabled:
            raise ConflictError(
                f"{chosen.name} is disabled already.",
                code="already_disabled",
                hint="`enable` starts it again.",
            )
        disabled = await self._store.lifecycle.set_enabled(
            chosen.id,
            False,
            revision=chosen.revision if revision is None else revision,
            audit=self._audit.entry(
                actor,
                "config.disable",
                chosen.name,
                reason=plain_reason(reason),
                before={"enabled": True},
                after={"enabled": False},
            ),
        )
        await self._record(actor, chosen, "disabled", reason)
        return disabled

    async def enable(self, actor: Actor, name: str, *, revision: int | None = None) -> Consequences:
        """Let a configuration work again; the answer has its next slot.

        Raises `ConflictError` (``already_enabled``).
        """
        chosen = await self._chosen(actor, name, "config.enable")
        if chosen.enabled:
            raise ConflictError(f"{chosen.name} is enabled already.", code="already_enabled")
        await self._store.lifecycle.set_enabled(
            chosen.id,
            True,
            revision=chosen.revision if revision is None else revision,
            audit=self._audit.entry(
                actor,
                "config.enable",
                chosen.name,
                before={"enabled": False},
                after={"enabled": True},
            ),
        )
        await self._record(actor, chosen, "enabled", "")
        return await self.consequences(actor, chosen.name)

    async def delete(
        self,
        actor: Actor,
        name: str,
        *,
        typed: str,
        people: LeaveBehind,
        reason: str,
        revision: int | None = None,
    ) -> Consequences:
        """Delete a configuration for good; return what it was and had.

        `typed` is its name as somebody typed it to confirm: `UsageError` (``name_differs``) if it
        is another one; ``reason_missing`` without a reason. History and audit stay.
        """
        chosen = await self._chosen(actor, name, "config.delete")
        if typed.strip() != chosen.name:
            raise UsageError(
                f"To delete it, type its name exactly: {chosen.name}.", code="name_differs"
            )
        if not reason.strip():
            raise UsageError("Say why it is deleted; the audit keeps that.", code="reason_missing")
        status = await self._history.status_of(chosen)
        entry = self._audit.entry(
            actor,
            "config.delete",
            chosen.name,
            reason=plain_reason(reason),
            before={"revision": chosen.revision if revision is None else revision},
            after={"deleted": True, "people": people.value},
        )
        had = await self._store.lifecycle.delete(
            chosen.id,
            people=people,
            revision=chosen.revision if revision is None else revision,
            by=actor,
            audit=entry,
        )
        done = "who stay" if people is LeaveBehind.STAY else "who were disabled"
        extra = f" It had provisioned {had.provisioned:,} people, {done}"
        await self._record(actor, chosen, "deleted", reason, extra=extra)
        return Consequences(status=status, belongings=had)

    async def _chosen(self, actor: Actor, name: str, action: str) -> Configuration:
        await self._access.require(actor, Role.ADMIN, action, name)
        return await self._configurations.resolve(name, channel=None)

    async def _record(
        self, actor: Actor, chosen: Configuration, done: str, reason: str, *, extra: str = ""
    ) -> None:
        why = f" (“{plain_reason(reason)}”)" if reason.strip() else ""
        await self._notices.record(
            actor,
            f"configuration_{done}",
            f"{done} the configuration {chosen.name}{why}{'.' if extra else ''}{extra}",
            channel=chosen.spec.channel,
        )
        self._wake()
