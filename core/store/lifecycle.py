"""The ends of a configuration: disabled, enabled again, deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.errors import ConflictError
from core.model.account import Actor, UserStatus
from core.model.configuration import Configuration, ConfigurationId, LeaveBehind
from core.model.cycle import CycleId, CycleResult, Trigger
from core.model.events import AuditEntry, NewOutboxItem
from core.model.views import Belongings
from core.store.audit import add_audit
from core.store.bulk import reserve_ids
from core.store.codec import short_id, to_json, to_seconds
from core.store.configurations import from_now, load_configuration
from core.store.counts import load_counts
from core.store.database import Database, Transaction
from core.store.ending import cancel_open_cycle
from core.store.licenses import any_reserves, lock_pool, settle_pool
from core.store.outbox import mark_alerts, mark_card, put_item
from core.store.ownership import look_again
from core.store.protecting import protect_named

_ENABLE = """
UPDATE configurations SET enabled = TRUE, revision = revision + 1, disabled_at = NULL,
    disabled_by = NULL, disabled_reason = NULL,
    failures = CASE WHEN stopped_reason IS NULL THEN 0 ELSE failures END,
    failing_since = NULL, failed_at = NULL
WHERE id = :id AND account_id = :account
"""
_DISABLE = """
UPDATE configurations SET enabled = FALSE, revision = revision + 1, disabled_at = :now,
    disabled_by = :by, disabled_reason = :reason
WHERE id = :id AND account_id = :account
"""
_DELETE = """
UPDATE configurations SET enabled = FALSE, revision = revision + 1, deleted_at = :now,
    name_key = name_key || ' ' || id, document = :document, previous_scope = NULL,
    picked_canaries = '[]'
WHERE id = :id AND account_id = :account
"""
"""A deleted one gives its name away and stays for the history, without the people it named."""
_PEOPLE = """
SELECT status, count(*) AS n FROM users
WHERE account_id = :account AND configuration_id = :id GROUP BY status
"""
_GROUPS = "SELECT count(*) FROM groups WHERE account_id = :account AND configuration_id = :id"
_LEAVERS = """
SELECT id FROM users
WHERE account_id = :account AND configuration_id = :id AND NOT protected
  AND status NOT IN ('disabled', 'deleted')
"""
_COUNT = f"SELECT count(*) FROM ({_LEAVERS}) AS d"  # noqa: S608 - fixed fragments
_CYCLE = """
INSERT INTO cycles (account_id, id, configuration_id, state, trigger, requested_by,
    requested_by_name, requested_at, started_at, finished_at, result)
VALUES (:account, :cycle, :id, 'finished', :trigger, :by, :by_name, :now, :now, :now, :result)
"""
_CHANGES = f"""
INSERT INTO changes (account_id, id, cycle_id, configuration_id, kind, external_id, action,
    result, label, reason, before, after, at)
SELECT :account, CAST(:first AS bigint) + row_number() OVER (ORDER BY u.id) - 1, :cycle, :id,
    'user', coalesce(l.external_id, 'user-' || CAST(u.id AS text)), 'disable', 'success',
    coalesce(nullif(u.display_name, ''), u.user_name), 'the configuration was deleted',
    '{{"status":"' || u.status || '"}}', '{{"status":"disabled"}}', CAST(:now AS double precision)
FROM users u
LEFT JOIN links l ON l.user_id = u.id AND l.configuration_id = :id
WHERE u.id IN ({_LEAVERS})
"""  # noqa: S608 - fixed fragments
_REVOKE = f"""
UPDATE invitations SET state_before = state, state = 'revoked', claimed_by = NULL,
    claimed_until = NULL
WHERE state IN ('staged', 'pending', 'sent', 'failed') AND user_id IN ({_LEAVERS})
"""  # noqa: S608 - fixed fragments
_DISABLE_PEOPLE = f"""
UPDATE users SET status_before = status, status = 'disabled', disabled_by = 'sync',
    disabled_at = :now, licensed = FALSE, updated_at = :now
WHERE id IN ({_LEAVERS})
"""  # noqa: S608 - fixed fragments
_COUNTED = "UPDATE cycles SET counts = :counts WHERE id = :cycle"
_LET_GO = (
    "UPDATE users SET configuration_id = NULL WHERE configuration_id = :id",
    "DELETE FROM memberships WHERE configuration_id = :id",
    "DELETE FROM groups WHERE configuration_id = :id",
    "DELETE FROM license_reserves WHERE configuration_id = :id",
    "DELETE FROM links WHERE configuration_id = :id",
    "DELETE FROM managers WHERE configuration_id = :id",
    "DELETE FROM rejections WHERE configuration_id = :id",
    "DELETE FROM conflicts WHERE configuration_id = :id",
    "DELETE FROM subscriptions WHERE configuration_id = :id",
)
_HELD = """
SELECT id FROM held_sets WHERE configuration_id = :id AND state = 'open'
"""
_OPEN = "SELECT id FROM cycles WHERE configuration_id = :id AND state <> 'finished'"
_SUPERSEDE = """
UPDATE held_sets SET state = 'superseded', decided_at = :now
WHERE configuration_id = :id AND state = 'open'
"""


class Lifecycle:
    """What ends a configuration or brings it back.

    Every act raises `NotFoundError`, and `ConflictError` (code ``configuration_changed``) when
    `revision` is given and is not the present one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def belongings(self, id: ConfigurationId) -> Belongings:  # noqa: A002 - the settled name
        """Return what a configuration has: its people by status, and its groups."""

        async def work(tx: Transaction) -> Belongings:
            return await _belongings(tx, id)

        return await self._database.read(work)

    async def set_enabled(
        self,
        id: ConfigurationId,  # noqa: A002 - the settled name
        enabled: bool,  # noqa: FBT001 - the state itself
        *,
        audit: AuditEntry,
        revision: int | None = None,
    ) -> Configuration:
        """Enable or disable; whatever it is already stays as it is.

        Disabling ends an open cycle as cancelled in the same transaction: once this returns, no
        worker can write for it any more. Enabling ends a quarantine; the schedule begins then.
        """

        async def work(tx: Transaction) -> Configuration:
            before = await _present(tx, id, revision)
            if before.enabled == enabled:
                return before
            if enabled:
                await tx.run(_ENABLE, id=id)
                await mark_alerts(tx, id, since=before.last_success_at, now=audit.at)
                await from_now(tx, id, now=audit.at)
            else:
                now, reason = to_seconds(audit.at), audit.reason or None
                await tx.run(_DISABLE, id=id, now=now, by=audit.actor, reason=reason)
                await cancel_open_cycle(tx, id, by=audit.actor, now=audit.at)
            await add_audit(tx, audit)
            return await load_configuration(tx, id)

        return await self._database.write(work)

    async def give_up(
        self,
        id: ConfigurationId,  # noqa: A002 - the settled name
        *,
        failing_since: datetime,
        alert: NewOutboxItem,
        audit: AuditEntry,
    ) -> bool:
        """Disable a configuration that has failed since then, and tell; once, by one replica.

        False if it is disabled, has recovered or is being synced at this moment.
        """

        async def work(tx: Transaction) -> bool:
            found = await load_configuration(tx, id, to_change=True)
            if not found.enabled or found.failing_since != failing_since:
                return False
            if await tx.value(_OPEN, id=id) is not None:
                return False
            now, reason = to_seconds(audit.at), audit.reason
            await tx.run(_DISABLE, id=id, now=now, by=audit.actor, reason=reason)
            await put_item(tx, alert, now=audit.at)
            await add_audit(tx, audit)
            return True

        return await self._database.write(work)

    async def delete(
        self,
        id: ConfigurationId,  # noqa: A002 - the settled name
        *,
        people: LeaveBehind,
        revision: int,
        by: Actor,
        audit: AuditEntry,
    ) -> Belongings:
        """Delete for good; return what it had. History and audit stay.

        An open cycle ends as cancelled and a held set is superseded in the same transaction.
        People who are disabled by this are in the history as a cycle of its own; the protected
        are left as they are.
        """

        async def work(tx: Transaction) -> Belongings:
            stored = await _present(tx, id, revision)
            found = await _belongings(tx, id)
            reserved = await any_reserves(tx)
            if reserved:
                await lock_pool(tx)
            await cancel_open_cycle(tx, id, by=audit.actor, now=audit.at)
            await _give_up_held(tx, id, audit.at)
            await protect_named(tx, id)
            if people is LeaveBehind.DISABLE:
                await _disable_people(tx, id, by=by, at=audit.at)
            await look_again(tx, "owned", end=True, owner=id)
            for statement in _LET_GO:
                await tx.run(statement, id=id)
            if reserved:
                await settle_pool(tx, now=audit.at)
            nobody = replace(stored.spec.guard, canaries=(), protected=())
            document = to_json(replace(stored.spec, guard=nobody))
            await tx.run(_DELETE, id=id, document=document, now=to_seconds(audit.at))
            await mark_alerts(tx, id, since=stored.last_success_at, now=audit.at)
            await add_audit(tx, audit)
            return found

        return await self._database.write(work)


async def _present(tx: Transaction, id_: ConfigurationId, revision: int | None) -> Configuration:
    found = await load_configuration(tx, id_, to_change=True)
    if revision is not None and found.revision != revision:
        raise ConflictError(
            f"{found.name} was changed by somebody else meanwhile, so nothing was done.",
            code="configuration_changed",
            hint="Look at it again, then decide.",
        )
    return found


async def _belongings(tx: Transaction, id_: ConfigurationId) -> Belongings:
    rows = await tx.rows(_PEOPLE, id=id_)
    return Belongings(
        people={UserStatus(row.status): row.n for row in rows},
        groups=int(await tx.value(_GROUPS, id=id_)),
    )


async def _give_up_held(tx: Transaction, id_: ConfigurationId, now: datetime) -> None:
    held = await tx.rows(_HELD, id=id_)
    await tx.run(_SUPERSEDE, id=id_, now=to_seconds(now))
    for row in held:
        await mark_card(tx, f"held:{row.id}", now=now)


async def _disable_people(
    tx: Transaction, id_: ConfigurationId, *, by: Actor, at: datetime
) -> None:
    await lock_pool(tx)
    count = int(await tx.value(_COUNT, id=id_))
    if not count:
        return
    cycle, now = CycleId(short_id("c")), to_seconds(at)
    await tx.run(
        _CYCLE,
        cycle=cycle,
        id=id_,
        trigger=Trigger.MANUAL.value,
        by=by.id,
        by_name=by.name,
        now=now,
        result=CycleResult.SUCCESS.value,
    )
    first = await reserve_ids(tx, "changes", count)
    await tx.run(_CHANGES, first=first, cycle=cycle, id=id_, now=now)
    await tx.run(_REVOKE, id=id_)
    await tx.run(_DISABLE_PEOPLE, id=id_, now=now)
    counts = await load_counts(tx, [cycle])
    await tx.run(_COUNTED, cycle=cycle, counts=to_json(counts[cycle]))
    await settle_pool(tx, now=at)
