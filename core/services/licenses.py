"""The license pool."""

from __future__ import annotations

from datetime import timedelta

from core.errors import UsageError
from core.model.account import Actor, LicenseSummary, Role
from core.model.desk import LicenseDesk, Unused
from core.services.forecast import forecast
from core.services.ground import Ground

MOST_LICENSES = 10_000_000
IDLE = timedelta(days=30)
"""After how long a license or an invitation counts as unused."""
TREND = timedelta(days=90)
MOST_UNUSED = 200


class LicenseService:
    """Reads and sets the number of licenses."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices

    async def summary(self, actor: Actor) -> LicenseSummary:
        """Return the pool at this moment."""
        await self._access.require(actor, Role.VIEWER, "licenses")
        return await self._store.licenses.summary()

    async def desk(self, actor: Actor, *, idle: timedelta = IDLE) -> LicenseDesk:
        """Return the pool with its last 90 days, its outlook, and who made no use of it for `idle`.

        Raises `UsageError` for less than a day.
        """
        await self._access.require(actor, Role.VIEWER, "licenses")
        if idle < timedelta(days=1):
            raise UsageError("Say from how many days on something counts as unused: 30d.")
        now = self._clock.now()
        summary = await self._store.licenses.summary()
        days = await self._store.license_days.since((now - TREND).date())
        unused = await self._store.license_days.unused(before=now - idle, limit=MOST_UNUSED)
        return LicenseDesk(
            summary=summary,
            as_of=now.date(),
            days=tuple(days),
            forecast=forecast(days, summary, now.date()),
            idle_days=idle.days,
            logins_known=unused.logins_known,
            no_login=unused.counts[Unused.NO_LOGIN],
            not_accepted=unused.counts[Unused.NOT_ACCEPTED],
            unused=unused.people,
        )

    async def set_total(self, actor: Actor, total: int) -> LicenseSummary:
        """Set how many licenses there are; lowering it takes nobody's license away.

        Raises `UsageError` outside of 0 to 10,000,000.
        """
        await self._access.require(actor, Role.ADMIN, "licenses.set", str(total))
        if not 0 <= total <= MOST_LICENSES:
            raise UsageError(f"The number of licenses is from 0 to {MOST_LICENSES:,}.")
        before = await self._store.licenses.summary()
        if before.total == total:
            return before
        entry = self._audit.entry(actor, "licenses.set", "licenses")
        summary = await self._store.licenses.set_total(total, audit=entry)
        await self._notices.record(
            actor, "licenses_set", f"set the licenses from {before.total:,} to {total:,}"
        )
        return summary
