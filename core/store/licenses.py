"""The license pool: who holds a license, who waits, and what the channel is told of it.

Every transaction that gives or frees licenses locks the pool first, and settles it last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.model.account import LicenseSummary, UserId
from core.model.configuration import LicensePolicy
from core.model.events import AlertKind, AuditEntry, EventKind, NewOutboxItem
from core.model.reserves import Reserve, untaken
from core.store.audit import add_audit
from core.store.bulk import json_rows, reserve_ids
from core.store.chat_invitations import queue_chats
from core.store.codec import short_id, to_json, to_seconds
from core.store.database import Database, Transaction
from core.store.desk import day_number
from core.store.outbox import put_item
from core.store.room import Standing, in_force, load_reserves, load_room, load_standing

ALERT_KEY = f"alert:{AlertKind.LICENSES}"
"""One card an episode: an episode that is over is resolved in place, the next is posted anew."""
LEVELS = (80, 90, 95, 100)
"""Percent of the licenses in use at which the channel is told; 100 is "exhausted"."""
HYSTERESIS = 3
"""So many percent below a level it ends, so that a card does not flicker."""

_SUMMARY = """
SELECT coalesce((SELECT total FROM license_pool WHERE account_id = :account), 0) AS total,
    coalesce((SELECT policy FROM license_pool WHERE account_id = :account), 'ask') AS policy,
    (SELECT count(*) FROM users WHERE account_id = :account AND licensed) AS used,
    (SELECT count(*) FROM users WHERE account_id = :account AND status = 'invited') AS invited,
    (SELECT count(*) FROM users WHERE account_id = :account AND status = 'waiting') AS waiting,
    (SELECT count(*) FROM license_reserves WHERE account_id = :account) AS reserves
"""
_LINE = """
SELECT id FROM users WHERE account_id = :account AND status = 'waiting'
ORDER BY place, id LIMIT :count
"""
_AHEAD = """
SELECT id FROM users WHERE account_id = :account AND status = 'waiting' AND place < :place
ORDER BY place, id
"""
_PLACE = """
SELECT count(*) FROM users WHERE account_id = :account AND status = 'waiting'
  AND place <= (SELECT place FROM users WHERE id = :id)
"""
_COUNT_AHEAD = """
SELECT count(*) FROM users
WHERE account_id = :account AND status = 'waiting' AND place < :place
"""
_GIVE = """
UPDATE users SET status = 'active', licensed = TRUE, place = NULL, activated_at = :now,
    updated_at = :now
WHERE account_id = :account AND id IN (SELECT id FROM {ids} AS d)
"""
_ACCEPTED = """
UPDATE invitations SET state = 'accepted', claimed_by = NULL, claimed_until = NULL
WHERE account_id = :account AND purpose = 'invitation'
  AND state IN ('staged', 'pending', 'sent', 'expired', 'failed')
  AND user_id IN (SELECT id FROM {ids} AS d)
"""
_SPENT = """
DELETE FROM invitation_tokens WHERE account_id = :account AND invitation_id IN (
    SELECT i.id FROM invitations i WHERE i.user_id IN (SELECT id FROM {ids} AS d))
"""
_WELCOME = """
INSERT INTO invitations (account_id, id, user_id, cycle_id, way, purpose, state, message_id,
    next_at, created_at)
SELECT :account, d.id, d.user_id, '', coalesce((SELECT i.way FROM invitations i
        WHERE i.user_id = d.user_id AND i.purpose = 'invitation' AND i.way <> 'staged'
        ORDER BY i.id DESC LIMIT 1), 'mail'), 'welcome', 'pending',
    '<welcome-' || CAST(d.id AS text) || '.' || :batch || '@dirsync>',
    CAST(:now AS double precision), CAST(:now AS double precision)
FROM {rows} AS d
"""
_UNSEEN = "DELETE FROM alert_marks WHERE account_id = :account AND key = :key"
"""Who saw to the last episode has not seen the next one."""
_NOTE_DAY = """
INSERT INTO license_days (account_id, day, total, used, waiting)
VALUES (:account, :day, :total, :used, :waiting)
ON CONFLICT (account_id, day) DO UPDATE SET
    total = excluded.total, used = excluded.used, waiting = excluded.waiting
"""
_ANY_RESERVES = "SELECT 1 FROM license_reserves WHERE account_id = :account LIMIT 1"
_IDS = (("id", "bigint"),)


class Licenses:
    """How many licenses there are, and who would need one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def summary(self) -> LicenseSummary:
        """Return the pool at this moment."""
        return await self._database.read(load_summary)

    async def line(self, user: UserId) -> tuple[LicenseSummary, int]:
        """Return the pool, and the place in the waiting line of somebody who is in it."""

        async def work(tx: Transaction) -> tuple[LicenseSummary, int]:
            return await load_summary(tx), int(await tx.value(_PLACE, id=user))

        return await self._database.read(work)

    async def set_total(self, total: int, *, audit: AuditEntry) -> LicenseSummary:
        """Set how many licenses there are; nobody loses one."""

        async def work(tx: Transaction) -> LicenseSummary:
            await change_total(tx, total, audit=audit)
            return await load_summary(tx)

        return await self._database.write(work)


async def change_total(tx: Transaction, total: int, *, audit: AuditEntry) -> None:
    """Set the pool's size, with an entry that says from what to what, if it is another one."""
    await lock_pool(tx)
    before = (await load_summary(tx)).total
    if await store_total(tx, total, now=audit.at):
        entry = replace(audit, before={"total": before}, after={"total": total})
        await add_audit(tx, entry)


async def change_policy(tx: Transaction, policy: LicensePolicy, *, audit: AuditEntry) -> None:
    """Set what becomes of free licenses, with an entry likewise."""
    await lock_pool(tx)
    before = (await load_summary(tx)).policy
    if await store_policy(tx, policy, now=audit.at):
        entry = replace(audit, before={"policy": before.value}, after={"policy": policy.value})
        await add_audit(tx, entry)


async def store_total(tx: Transaction, total: int, *, now: datetime) -> bool:
    """Set the pool's size; return whether it changed."""
    await lock_pool(tx)
    touched = await tx.run(
        "UPDATE license_pool SET total = :total WHERE account_id = :account AND total <> :total",
        total=total,
    )
    if touched:
        await settle_pool(tx, now=now)
    return touched > 0


async def store_policy(tx: Transaction, policy: LicensePolicy, *, now: datetime) -> bool:
    """Set what becomes of licenses that are free while people wait; return whether it changed."""
    await lock_pool(tx)
    touched = await tx.run(
        "UPDATE license_pool SET policy = :policy"
        " WHERE account_id = :account AND policy <> :policy",
        policy=policy.value,
    )
    if touched:
        await settle_pool(tx, now=now)
    return touched > 0


async def lock_pool(tx: Transaction) -> None:
    """Make this transaction the only one that gives or frees licenses until it ends."""
    await tx.run(
        "INSERT INTO license_pool (account_id, total) VALUES (:account, 0)"
        " ON CONFLICT (account_id) DO NOTHING"
    )
    if tx.backend == "postgresql":
        await tx.value("SELECT total FROM license_pool WHERE account_id = :account FOR UPDATE")


async def settle_pool(tx: Transaction, *, now: datetime) -> None:
    """Give free licenses to the first in line where the policy says so, and keep the alert true.

    How the pool stands then is noted as that of the day.

    Call `lock_pool` before.
    """
    pool = await load_summary(tx)
    if pool.policy is LicensePolicy.AUTOMATIC and pool.ready:
        await give(tx, await first_in_line(tx, pool, pool.ready), now=now, told=True)
        pool = await load_summary(tx)
    await tx.run(
        _NOTE_DAY, day=day_number(now), total=pool.total, used=pool.used, waiting=pool.waiting
    )
    await _keep_alert(tx, pool, now=now)


async def any_reserves(tx: Transaction) -> bool:
    """Whether licenses are kept back for any group."""
    return await tx.value(_ANY_RESERVES) is not None


async def first_in_line(tx: Transaction, pool: LicenseSummary, count: int) -> list[UserId]:
    """Return those who wait longest and for whom a license is free, at most `count`."""
    if not pool.kept:
        rows = await tx.rows(_LINE, count=min(count, pool.unused))
        return [UserId(row.id) for row in rows]
    line = [row.id for row in await tx.rows(_LINE, count=pool.waiting)]
    room = await load_room(tx, pool, line)
    return room.first(line, count)


async def may_come_in(
    tx: Transaction, pool: LicenseSummary, user: UserId, *, place: int | None
) -> bool:
    """Whether somebody finds a license once all who are ahead in line have theirs.

    `place` is that in the line, None for whoever is not in it.
    """
    if not pool.kept:
        waits = place is not None
        ahead = await tx.value(_COUNT_AHEAD, place=place) if waits else pool.waiting
        return pool.unused > int(ahead)
    if place is None:
        rows = await tx.rows(_LINE, count=pool.waiting)
    else:
        rows = await tx.rows(_AHEAD, place=place)
    line = [row.id for row in rows]
    room = await load_room(tx, pool, [*line, user])
    return room.admits(user, line)


async def give(tx: Transaction, people: list[UserId], *, now: datetime, told: bool) -> None:
    """Give each of them a license; there must be enough. With `told`, each gets a message.

    Call `lock_pool` before. Their invitations count as accepted, and no link of them works.
    """
    if not people:
        return
    ids = to_json([[each] for each in people])
    source = json_rows(tx.backend, "ids", _IDS)
    await tx.run(_GIVE.format(ids=source), ids=ids, now=to_seconds(now))
    await tx.run(_ACCEPTED.format(ids=source), ids=ids)
    await tx.run(_SPENT.format(ids=source), ids=ids)
    if told:
        await _welcome(tx, people, now=now)


async def _welcome(tx: Transaction, people: list[UserId], *, now: datetime) -> None:
    first = await reserve_ids(tx, "invitations", len(people))
    rows = json_rows(tx.backend, "rows", (("id", "bigint"), ("user_id", "bigint")))
    await tx.run(
        _WELCOME.format(rows=rows),
        rows=to_json([[first + n, user] for n, user in enumerate(people)]),
        batch=short_id("w"),
        now=to_seconds(now),
    )
    await queue_chats(tx, people, now=now)


async def load_summary(tx: Transaction) -> LicenseSummary:
    """Return the pool at this moment."""
    row = await tx.first(_SUMMARY)
    assert row is not None  # noqa: S101 - a SELECT of scalars has one row
    pool = LicenseSummary(
        total=row.total,
        used=row.used,
        invited=row.invited,
        waiting=row.waiting,
        policy=LicensePolicy(row.policy),
    )
    return await with_reserves(tx, pool, await load_reserves(tx)) if row.reserves else pool


async def with_reserves(
    tx: Transaction, pool: LicenseSummary, reserves: Sequence[Reserve]
) -> LicenseSummary:
    """Return the pool as it is if these licenses are kept back."""
    chosen = in_force(reserves)
    stand = await load_standing(tx, chosen) if chosen else Standing()
    limits = [each.kept for each in chosen]
    left = untaken(limits, stand.holders)
    kept = min(left, pool.unused)
    waiting = left - untaken(limits, stand.holders + stand.waiting)
    expected = left - untaken(limits, stand.holders + stand.waiting + stand.invited)
    used = {
        each.group_id: sum(count for mask, count in stand.holders.items() if mask >> n & 1)
        for n, each in enumerate(chosen)
    }
    return replace(
        pool,
        kept=kept,
        kept_for_waiting=min(waiting, kept),
        kept_for_expected=min(expected, kept),
        reserves=tuple(replace(each, used=used.get(each.group_id, 0)) for each in reserves),
    )


async def _keep_alert(tx: Transaction, pool: LicenseSummary, *, now: datetime) -> None:
    before = int(await tx.value("SELECT alerted FROM license_pool WHERE account_id = :account"))
    level = alert_level(pool, before)
    if level != before:
        await tx.run(
            "UPDATE license_pool SET alerted = :level WHERE account_id = :account", level=level
        )
    if level and not before:
        await tx.run(_UNSEEN, key=ALERT_KEY)
    if level or before:
        payload: dict[str, object] = {"kind": AlertKind.LICENSES.value, "resolved": level == 0}
        item = NewOutboxItem(
            key=ALERT_KEY,
            stream=ALERT_KEY,
            kind=EventKind.ALERT,
            subject=ALERT_KEY,
            payload=payload,
        )
        await put_item(tx, item, now=now)


def alert_level(pool: LicenseSummary, before: int) -> int:
    """Return the level that the pool is at: 0, or one of `LEVELS`.

    `before` is the level that was told; a lower one is taken only once the use is `HYSTERESIS`
    percent below it, or licenses are free again after all were in use. What is kept back for
    groups counts as in use. While anybody waits, it is not over.
    """
    if pool.total == 0:
        return LEVELS[-1] if pool.waiting else 0
    percent = (pool.used + pool.kept) * 100 / pool.total
    lowest = LEVELS[0] if pool.waiting else 0
    level = max((each for each in LEVELS if percent >= each), default=lowest)
    if level < before < LEVELS[-1] and percent > before - HYSTERESIS:
        return before
    return level
