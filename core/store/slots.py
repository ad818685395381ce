"""Schedule slots: every replica may offer one, the row decides."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.model.account import SYSTEM
from core.model.configuration import ConfigurationId
from core.model.cycle import Cycle, Trigger
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.codec import maybe_time, to_seconds
from core.store.configurations import load_configuration
from core.store.cycles import queue_cycle
from core.store.database import Database, Transaction

_TAKE = """
INSERT INTO slots (account_id, configuration_id, slot, skipped, offered_at)
VALUES (:account, :configuration, :slot, FALSE, :now)
ON CONFLICT DO NOTHING
"""
_OPEN = """
SELECT dry_run, trigger FROM cycles WHERE configuration_id = :configuration AND state <> 'finished'
"""
_RESULT = """
UPDATE slots SET cycle_id = :cycle, skipped = :skipped
WHERE configuration_id = :configuration AND slot = :slot
"""


_AHEAD = timedelta(days=1)
_ALONE = Trigger.ON_DEMAND.value


class Slots:
    """The slots of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def offer(
        self, configuration: ConfigurationId, slot: datetime, *, now: datetime
    ) -> Cycle | None:
        """Take a slot and queue its cycle.

        None if the slot is taken, or if the configuration has an open cycle or is disabled: the
        slot is marked as skipped then and will not come again. A preview, or a cycle for one
        person, does the work of no slot: while one is open, None is returned and the slot
        stays, to be offered again.
        """

        async def work(tx: Transaction) -> Cycle | None:
            at = {"configuration": configuration, "slot": to_seconds(slot)}
            running = await tx.first(_OPEN, configuration=configuration)
            if running is not None and (running.dry_run or running.trigger == _ALONE):
                return None
            if not await tx.run(_TAKE, now=to_seconds(now), **at):
                return None
            owner = await load_configuration(tx, configuration)
            if running is not None or not owner.enabled:
                await tx.run(_RESULT, cycle=None, skipped=True, **at)
                return None
            cycle = await queue_cycle(
                tx,
                configuration=configuration,
                trigger=Trigger.SCHEDULED,
                dry_run=False,
                actor=SYSTEM,
                channel=None,
                now=now,
            )
            await tx.run(_RESULT, cycle=cycle.id, skipped=False, **at)
            await add_audit(tx, _entry(owner.name, cycle, now))
            return cycle

        return await self._database.write(work)

    async def last(self, configuration: ConfigurationId, *, now: datetime) -> datetime | None:
        """Return the latest slot that was taken, skipped ones included, or None.

        Slots of days to come were taken by a clock that was ahead, and do not count.
        """

        async def work(tx: Transaction) -> datetime | None:
            sql = """
SELECT max(slot) FROM slots WHERE configuration_id = :configuration AND slot <= :until"""
            until = to_seconds(now + _AHEAD)
            return maybe_time(await tx.value(sql, configuration=configuration, until=until))

        return await self._database.read(work)


def _entry(name: str, cycle: Cycle, now: datetime) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=SYSTEM.id,
        door=SYSTEM.door,
        action="sync",
        subject=name,
        allowed=True,
        detail={"cycle": cycle.id},
    )
