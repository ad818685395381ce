"""Held sets: what the guard keeps back until a person decides."""

from __future__ import annotations

from core.model.account import Actor, Role
from core.model.cycle import Cycle, HeldSet, HeldSetId, HeldState
from core.model.events import AuditEntry
from core.model.views import HeldView
from core.services.audit import plain_reason
from core.services.ground import Ground

SHOWN_ITEMS = 100


class HeldService:
    """Shows and decides held sets."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._wake = ground.wake

    async def open(self, actor: Actor) -> list[HeldSet]:
        """Return the held sets that wait for a decision; they name nobody."""
        await self._access.require(actor, Role.VIEWER, "held")
        return await self._store.held.open()

    async def show(self, actor: Actor, held_id: str, *, limit: int = SHOWN_ITEMS) -> HeldView:
        """Return a held set with its people, for those who may decide. Raises `NotFoundError`."""
        await self._access.require(actor, Role.ADMIN, "held.show", held_id)
        held = await self._store.held.get(HeldSetId(held_id))
        items = tuple(await self._store.held.items(held.id, limit=limit))
        return HeldView(held=held, items=items, more=max(0, held.size - len(items)))

    async def card(self, held_id: str) -> HeldSet:
        """Return a held set as its public card shows it: nobody is named."""
        return await self._store.held.get(HeldSetId(held_id))

    async def decidable(
        self, actor: Actor, held_id: str, decision: HeldState, *, digest: str
    ) -> HeldSet:
        """Return the set of this digest, which this person may decide so; raises as that would."""
        action = "release" if decision is HeldState.RELEASED else "reject"
        await self._access.require(actor, Role.ADMIN, action, held_id)
        held = await self._store.held.decidable(
            HeldSetId(held_id), digest=digest, now=self._clock.now()
        )
        if decision is HeldState.RELEASED:
            await self._access.require_second_person(actor, held.requested_by, held.id)
        return held

    async def release(
        self,
        actor: Actor,
        held_id: str,
        *,
        digest: str,
        reason: str = "",
        channel: str | None = None,
    ) -> Cycle:
        """Approve exactly the set of this digest; return the cycle that carries it out.

        The reason is kept with the set and in the audit, and is shown with the decision.
        Raises `ConflictError` (``held_changed``, ``held_expired``, ``held_decided``),
        `AlreadyRunningError`, `NotPermittedError` (also ``second_person_needed``).
        """
        await self._access.require(actor, Role.ADMIN, "release", held_id)
        held = await self._store.held.get(HeldSetId(held_id))
        await self._access.require_second_person(actor, held.requested_by, held.id)
        cycle = await self._store.held.release(
            held.id,
            digest=digest,
            by=actor,
            channel=held.channel or channel,
            audit=self._decision(actor, "release", held, reason),
            now=self._clock.now(),
        )
        self._wake()
        return cycle

    async def reject(self, actor: Actor, held_id: str, *, digest: str, reason: str = "") -> HeldSet:
        """Decide against exactly the set of this digest: its people stay.

        Raises `ConflictError` as `release` does.
        """
        await self._access.require(actor, Role.ADMIN, "reject", held_id)
        held = await self._store.held.get(HeldSetId(held_id))
        return await self._store.held.reject(
            held.id,
            digest=digest,
            by=actor,
            audit=self._decision(actor, "reject", held, reason),
            now=self._clock.now(),
        )

    def _decision(self, actor: Actor, action: str, held: HeldSet, reason: str) -> AuditEntry:
        return self._audit.entry(
            actor, action, held.id, reason=plain_reason(reason), size=held.size
        )
