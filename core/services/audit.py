"""The audit: who did what, and who was refused."""

from __future__ import annotations

from collections.abc import Mapping

from core.model.account import Actor
from core.model.events import AuditEntry
from core.ports import Clock
from core.store.opening import Store

LONGEST_REASON = 300


class AuditService:
    """Writes audit rows; entries of a change are written by the store with the change itself."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def entry(
        self,
        actor: Actor,
        action: str,
        subject: str,
        *,
        reason: str = "",
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        **detail: object,
    ) -> AuditEntry:
        """Return an entry for something allowed, to be stored by the verb that does it.

        `before` and `after` are what was changed, from what to what. People are named by their
        ids only, because the audit is kept for ever.
        """
        return AuditEntry(
            at=self._clock.now(),
            actor=actor.id,
            door=actor.door,
            action=action,
            subject=subject,
            allowed=True,
            detail=detail,
            reason=reason,
            before=dict(before or {}),
            after=dict(after or {}),
        )

    async def add(self, entry: AuditEntry) -> None:
        """Store one entry."""
        await self._store.audit.add(entry)

    async def denied(self, actor: Actor, action: str, subject: str) -> None:
        """Store that somebody was refused."""
        await self._store.audit.add(
            AuditEntry(
                at=self._clock.now(),
                actor=actor.id,
                door=actor.door,
                action=action,
                subject=subject,
                allowed=False,
                detail={"role": actor.role.value},
            )
        )


def plain_reason(text: str) -> str:
    """Return a reason on one line and at most `LONGEST_REASON` characters long, or ""."""
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST_REASON else f"{plain[: LONGEST_REASON - 1]}…"
