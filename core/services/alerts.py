"""Alerts as people handle them: seen, muted for a while, heard again."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.errors import UsageError
from core.model.account import Actor, Role
from core.model.events import ALERT_PREFIX, AlertKind, mute_key
from core.services.ground import Ground

LONGEST = timedelta(days=7)


class AlertService:
    """Acknowledges and mutes alerts. Operators and admins.

    A muted kind of alert of a configuration posts no new card; a card that stands is edited all
    the same, and the status and the Home tab tell everything.
    """

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._wake = ground.wake

    async def acknowledge(self, actor: Actor, key: str) -> None:
        """Note on an alert's card that somebody has seen it and sees to it."""
        await self._access.require(actor, Role.OPERATOR, "alert.acknowledge", key)
        _check(key)
        audit = self._audit.entry(actor, "alert.acknowledge", key)
        await self._store.alert_marks.put(key, by=actor, until=None, card=key, audit=audit)
        self._wake()

    async def mute(
        self, actor: Actor, key: str, kind: AlertKind, about: str, *, length: timedelta
    ) -> datetime:
        """Keep a kind of alert quiet for a configuration id, or the account; return until when.

        `key` is the alert's, whose card tells it. At most seven days.
        """
        await self._access.require(actor, Role.OPERATOR, "alert.mute", key)
        _check(key)
        until = self._clock.now() + min(length, LONGEST)
        audit = self._audit.entry(actor, "alert.mute", key, until=until.isoformat())
        await self._store.alert_marks.put(
            mute_key(kind, about), by=actor, until=until, card=key, audit=audit
        )
        self._wake()
        return until

    async def unmute(self, actor: Actor, key: str, kind: AlertKind, about: str) -> None:
        """Let a kind of alert be heard again."""
        await self._access.require(actor, Role.OPERATOR, "alert.unmute", key)
        _check(key)
        audit = self._audit.entry(actor, "alert.unmute", key)
        await self._store.alert_marks.drop(mute_key(kind, about), card=key, audit=audit)
        self._wake()


def _check(key: str) -> None:
    if not key.startswith(ALERT_PREFIX):
        raise UsageError("There is no such alert.")
