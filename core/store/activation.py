"""Activating and inviting people: each act is one transaction under the pool's lock."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.model.account import (
    Invited,
    PersonOutcome,
    PersonResult,
    UserId,
    UserStatus,
)
from core.model.configuration import InvitationWay
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.bulk import json_rows, reserve_ids
from core.store.codec import to_json, to_seconds
from core.store.database import Database, Row, Transaction
from core.store.licenses import (
    first_in_line,
    give,
    load_summary,
    lock_pool,
    may_come_in,
    settle_pool,
)
from core.store.room import Room, load_room
from core.store.sending import make_invited, send

_OWNER = """
SELECT u.id, u.display_name, u.email, u.status, u.place
FROM invitation_tokens t
JOIN invitations i ON i.id = t.invitation_id
JOIN users u ON u.id = i.user_id
WHERE t.account_id = :account AND t.token_hash = :hash AND t.expires_at > :now
  AND i.state IN ('pending', 'sent', 'failed') AND u.status IN ('staged', 'invited', 'waiting')
"""
_CHAT_OWNER = """
SELECT u.id, u.display_name, u.email, u.status, u.place
FROM invitation_chats c
JOIN invitations i ON i.id = c.invitation_id
JOIN users u ON u.id = i.user_id
WHERE c.account_id = :account AND c.invitation_id = :id AND c.version = :version
  AND c.person = :person AND (u.status = 'active'
    OR (u.status IN ('staged', 'invited', 'waiting') AND i.state IN ('pending', 'sent', 'failed')
        AND (c.sent_at IS NULL OR c.sent_at > :since)))
"""
_AHEAD = """
SELECT count(*) FROM users
WHERE account_id = :account AND status = 'waiting' AND place < :place
"""
_LINE = """
SELECT id, email, place FROM users WHERE account_id = :account AND status = 'waiting'
ORDER BY place, id
"""
_NAMED = """
SELECT n.key, u.id, u.email, u.status, u.place FROM {keys} AS n
JOIN users u ON u.account_id = :account AND u.match_key = n.key
"""
_QUEUE_UP = """
UPDATE users SET status = 'waiting', place = :place, updated_at = :now
WHERE account_id = :account AND id = :id
"""
_FREE = """
UPDATE users SET status = 'invited', licensed = FALSE, updated_at = :now
WHERE account_id = :account AND id IN (SELECT id FROM {ids} AS d)
"""
_IDS = (("id", "bigint"),)
VALID_FOR = timedelta(days=14)
"""How long an invitation can be accepted after it was sent."""
_IN_LINE = frozenset({PersonOutcome.WAITING, PersonOutcome.KEPT_BACK})
_REFUSED = {
    UserStatus.DISABLED: PersonOutcome.DISABLED,
    UserStatus.DELETED: PersonOutcome.DELETED,
}


def token_hash(token: str) -> bytes:
    """Return what the store keeps of a link's token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Activations:
    """Who gets a license, and who is invited to take one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invited(self, token: str, *, now: datetime) -> Invited | None:
        """Return whom a link belongs to; None if it is unknown, expired or used."""

        async def work(tx: Transaction) -> Invited | None:
            row = await _by_token(tx, token, now=now)
            return None if row is None else await _invited(tx, row)

        return await self._database.read(work)

    async def accept(self, token: str, *, audit: AuditEntry) -> Invited | None:
        """Take a license for whom the link belongs to, or a place in the waiting line.

        Whoever waits already keeps the place. Nobody gets in ahead of people who wait. None, and
        nothing is changed, if the link is unknown, expired or used.
        """

        async def work(tx: Transaction) -> Invited | None:
            await lock_pool(tx)
            return await _accepted(tx, await _by_token(tx, token, now=audit.at), audit)

        return await self._database.write(work)

    async def accept_in_chat(
        self, invitation: int, *, version: int, person: str, audit: AuditEntry
    ) -> Invited | None:
        """Accept the invitation that was written to `person` in the chat, as `accept` does.

        Whoever has a license already is told so. None, and nothing is changed, if it was written
        to somebody else, sent anew since, revoked, or is over.
        """
        values = {"id": invitation, "version": version, "person": person}
        since = to_seconds(audit.at - VALID_FOR)

        async def work(tx: Transaction) -> Invited | None:
            await lock_pool(tx)
            return await _accepted(tx, await tx.first(_CHAT_OWNER, since=since, **values), audit)

        return await self._database.write(work)

    async def activate(self, names: Sequence[str], *, audit: AuditEntry) -> list[PersonResult]:
        """Give licenses to chosen people, in this order, as long as any is free for them.

        `names` are match keys; whoever is named twice is treated once.
        """

        async def work(tx: Transaction) -> list[PersonResult]:
            await lock_pool(tx)
            found = await _named(tx, names)
            pool = await load_summary(tx)
            people = [row.id for row in found.values()]
            room = await load_room(tx, pool, people)
            results = [_judged(name, found.get(name), room) for name in _once(names)]
            chosen = _ids_of(results, PersonOutcome.ACTIVATED)
            await give(tx, [UserId(user) for (user,) in chosen], now=audit.at, told=True)
            return await self._done(tx, results, audit, PersonOutcome.ACTIVATED)

        return await self._database.write(work)

    async def activate_waiting(self, count: int, *, audit: AuditEntry) -> list[PersonResult]:
        """Give free licenses to the first `count` in line for whom there are any.

        Whoever is passed over, because what is left is kept for groups, is among the results.
        """

        async def work(tx: Transaction) -> list[PersonResult]:
            await lock_pool(tx)
            pool = await load_summary(tx)
            line = await tx.rows(_LINE)
            chosen = await first_in_line(tx, pool, count)
            given = set(chosen)
            left = PersonOutcome.KEPT_BACK if pool.unused > len(given) else PersonOutcome.WAITING
            results = [
                PersonResult(
                    asked=row.email,
                    outcome=PersonOutcome.ACTIVATED if row.id in given else left,
                    user_id=UserId(row.id),
                )
                for n, row in enumerate(line)
                if n < count or row.id in given
            ]
            await give(tx, chosen, now=audit.at, told=True)
            return await self._done(tx, results, audit, PersonOutcome.ACTIVATED)

        return await self._database.write(work)

    async def free(self, names: Sequence[str], *, audit: AuditEntry) -> list[PersonResult]:
        """Take chosen people's licenses; each may activate again as anybody who is invited."""

        async def work(tx: Transaction) -> list[PersonResult]:
            await lock_pool(tx)
            found = await _named(tx, names)
            results = [_freed(name, found.get(name)) for name in _once(names)]
            ids = _ids_of(results, PersonOutcome.FREED)
            if ids:
                source = json_rows(tx.backend, "ids", _IDS)
                await tx.run(_FREE.format(ids=source), ids=to_json(ids), now=to_seconds(audit.at))
                await send(tx, [user for (user,) in ids], now=audit.at)
            return await self._done(tx, results, audit, PersonOutcome.FREED)

        return await self._database.write(work)

    async def invite(
        self,
        names: Sequence[str],
        *,
        resend: bool,
        by: InvitationWay | None = None,
        audit: AuditEntry,
    ) -> list[PersonResult]:
        """Send invitations to staged people, and with `resend` once more to invited ones.

        They go by the way `by`, else as each one's configuration says. A link or message that was
        sent before no longer works.
        """

        async def work(tx: Transaction) -> list[PersonResult]:
            await lock_pool(tx)
            found = await _named(tx, names)
            results = [_to_invite(name, found.get(name), resend=resend) for name in _once(names)]
            people = [user for (user,) in _ids_of(results, PersonOutcome.INVITED)]
            if people:
                await make_invited(tx, people, now=audit.at)
                await send(tx, people, by=by, now=audit.at)
            return await self._done(tx, results, audit, PersonOutcome.INVITED)

        return await self._database.write(work)

    async def _done(
        self,
        tx: Transaction,
        results: list[PersonResult],
        audit: AuditEntry,
        did: PersonOutcome,
    ) -> list[PersonResult]:
        """Note the act if it did anything, settle the pool, and say where the others stand."""
        people = [int(each.user_id or 0) for each in results if each.outcome is did]
        if people:
            detail = {**audit.detail, "people": people}
            await add_audit(tx, replace(audit, detail=detail))
            await settle_pool(tx, now=audit.at)
        return await _with_places(tx, results)


async def _by_token(tx: Transaction, token: str, *, now: datetime) -> Row | None:
    return await tx.first(_OWNER, hash=token_hash(token), now=to_seconds(now))


async def _accepted(tx: Transaction, row: Row | None, audit: AuditEntry) -> Invited | None:
    """Let somebody in, or into the line, and say where they stand; None stays None."""
    if row is None:
        return None
    if row.status != UserStatus.ACTIVE and await _come_in(tx, row, now=audit.at):
        await add_audit(tx, replace(audit, subject=str(row.id)))
        await settle_pool(tx, now=audit.at)
    again = await tx.first(
        "SELECT id, display_name, email, status, place FROM users WHERE id = :id", id=row.id
    )
    assert again is not None  # noqa: S101 - the row is locked with the pool
    return await _invited(tx, again)


async def _invited(tx: Transaction, row: Row) -> Invited:
    waits = row.status == UserStatus.WAITING
    return Invited(
        user_id=UserId(row.id),
        display_name=row.display_name,
        email=row.email,
        status=UserStatus(row.status),
        place=int(await tx.value(_AHEAD, place=row.place)) + 1 if waits else None,
    )


async def _come_in(tx: Transaction, row: Row, *, now: datetime) -> bool:
    """Activate somebody, or let them wait; False if they go on waiting."""
    waits = row.status == UserStatus.WAITING
    pool = await load_summary(tx)
    if await may_come_in(tx, pool, UserId(row.id), place=row.place if waits else None):
        await give(tx, [UserId(row.id)], now=now, told=False)
        return True
    if waits:
        return False
    place = await reserve_ids(tx, "places", 1)
    await tx.run(_QUEUE_UP, id=row.id, place=place, now=to_seconds(now))
    return True


async def _named(tx: Transaction, names: Sequence[str]) -> dict[str, Row]:
    keys = json_rows(tx.backend, "keys", (("key", "text"),))
    rows = await tx.rows(_NAMED.format(keys=keys), keys=to_json([[each] for each in _once(names)]))
    return {row.key: row for row in rows}


def _once(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _judged(name: str, row: Row | None, room: Room) -> PersonResult:
    """Decide about somebody who was chosen; whoever gets a license takes it out of `room`."""
    if row is None:
        return PersonResult(asked=name, outcome=PersonOutcome.UNKNOWN)
    status = UserStatus(row.status)
    if status in _REFUSED:
        outcome = _REFUSED[status]
    elif status is UserStatus.ACTIVE:
        outcome = PersonOutcome.ALREADY_ACTIVE
    elif room.take(UserId(row.id)):
        outcome = PersonOutcome.ACTIVATED
    elif room.unused > 0:
        outcome = PersonOutcome.KEPT_BACK
    else:
        waits = status is UserStatus.WAITING
        outcome = PersonOutcome.WAITING if waits else PersonOutcome.NO_LICENSE
    return PersonResult(asked=row.email or name, outcome=outcome, user_id=UserId(row.id))


def _freed(name: str, row: Row | None) -> PersonResult:
    if row is None:
        return PersonResult(asked=name, outcome=PersonOutcome.UNKNOWN)
    status = UserStatus(row.status)
    outcome = {
        UserStatus.ACTIVE: PersonOutcome.FREED,
        UserStatus.WAITING: PersonOutcome.WAITING,
        **_REFUSED,
    }.get(status, PersonOutcome.NO_LICENSE)
    return PersonResult(asked=row.email or name, outcome=outcome, user_id=UserId(row.id))


def _to_invite(name: str, row: Row | None, *, resend: bool) -> PersonResult:
    if row is None:
        return PersonResult(asked=name, outcome=PersonOutcome.UNKNOWN)
    if not row.email:
        return PersonResult(asked=name, outcome=PersonOutcome.NO_ADDRESS, user_id=UserId(row.id))
    status = UserStatus(row.status)
    again = PersonOutcome.INVITED if resend else PersonOutcome.ALREADY_INVITED
    outcome = {
        UserStatus.STAGED: PersonOutcome.INVITED,
        UserStatus.INVITED: again,
        UserStatus.WAITING: PersonOutcome.WAITING,
        UserStatus.ACTIVE: PersonOutcome.ALREADY_ACTIVE,
        **_REFUSED,
    }[status]
    return PersonResult(asked=row.email or name, outcome=outcome, user_id=UserId(row.id))


def _ids_of(results: Sequence[PersonResult], outcome: PersonOutcome) -> list[list[int]]:
    return [[int(each.user_id or 0)] for each in results if each.outcome is outcome]


async def _with_places(tx: Transaction, results: list[PersonResult]) -> list[PersonResult]:
    if all(each.outcome not in _IN_LINE for each in results):
        return results
    places = {row.id: place for place, row in enumerate(await tx.rows(_LINE), start=1)}
    return [
        replace(each, place=places.get(each.user_id)) if each.outcome in _IN_LINE else each
        for each in results
    ]
