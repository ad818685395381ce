"""The license pool."""

from __future__ import annotations

from core.errors import UsageError
from core.model.account import Actor, LicenseSummary, Role
from core.services.access import AccessService
from core.services.audit import AuditService
from core.services.notices import NoticeService
from core.store.opening import Store

MOST_LICENSES = 10_000_000


class LicenseService:
    """Reads and sets the number of licenses."""

    def __init__(
        self, *, store: Store, access: AccessService, audit: AuditService, notices: NoticeService
    ) -> None:
        self._store = store
        self._access = access
        self._audit = audit
        self._notices = notices

    async def summary(self, actor: Actor) -> LicenseSummary:
        """Return the pool at this moment."""
        await self._access.require(actor, Role.VIEWER, "licenses")
        return await self._store.licenses.summary()

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
