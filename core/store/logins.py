"""Logins that applications tell of: whoever is invited and finds a license free is activated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.model.account import UserId, UserStatus
from core.model.application import Login, LoginName, LoginStatus, NamedBy
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.bulk import json_rows, reserve_ids
from core.store.codec import to_json, to_seconds
from core.store.database import Database, Row, Transaction
from core.store.licenses import give, load_summary, lock_pool, may_come_in, settle_pool
from core.store.room import Room, load_room

LOGIN_NOTED_EVERY = timedelta(hours=1)
"""How exactly it is known when somebody last logged in."""

_BY_EMAIL = """
SELECT n.position, u.id, u.status, u.place, u.last_login_at FROM {names} AS n
JOIN users u ON u.account_id = :account AND u.match_key = n.key
"""
_BY_USER_NAME = """
SELECT n.position, u.id, u.status, u.place, u.last_login_at FROM {names} AS n
JOIN users u ON u.account_id = :account AND lower(u.user_name) = lower(n.key)
WHERE u.status <> 'deleted'
"""
_ONE = {
    NamedBy.EMAIL: """
SELECT id, status, place, last_login_at FROM users
WHERE account_id = :account AND match_key = :key
""",
    NamedBy.USER_NAME: """
SELECT id, status, place, last_login_at FROM users
WHERE account_id = :account AND lower(user_name) = lower(CAST(:key AS text))
  AND status <> 'deleted' LIMIT 2
""",
}
_AHEAD = """
SELECT count(*) FROM users
WHERE account_id = :account AND status = 'waiting' AND place < :place
"""
_LINE = """
SELECT id FROM users WHERE account_id = :account AND status = 'waiting' ORDER BY place, id
"""
_QUEUE_UP = """
UPDATE users SET status = 'waiting', place = p.place, updated_at = :now
FROM {places} AS p WHERE users.account_id = :account AND users.id = p.id
"""
_SEEN = """
UPDATE users SET last_login_at = :now
WHERE account_id = :account AND id IN (SELECT id FROM {ids} AS d)
  AND (last_login_at IS NULL OR last_login_at <= :before)
"""
_IDS = (("id", "bigint"),)
_NAMES = (("position", "bigint"), ("key", "text"))
_PLACES = (("id", "bigint"), ("place", "bigint"))
_SETTLED = {
    UserStatus.STAGED: Login(status=LoginStatus.WAITING),
    UserStatus.DISABLED: Login(status=LoginStatus.DISABLED),
    UserStatus.DELETED: Login(status=LoginStatus.UNKNOWN),
}
"""Who is answered without anything being done, whatever is free."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginAsked:
    """A login with the audit entry for what it leads to."""

    name: LoginName
    audit: AuditEntry


class Logins:
    """Who may come in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, name: LoginName, *, now: datetime) -> Login | None:
        """Return the answer to a login that changes nothing, or None if one would."""

        async def work(tx: Transaction) -> Login | None:
            rows = await tx.rows(_ONE[name.by], key=name.key)
            if len(rows) != 1:
                return Login(status=LoginStatus.UNKNOWN)
            row, status = rows[0], UserStatus(rows[0].status)
            if status is UserStatus.ACTIVE:
                return None if _due(row, now) else Login(status=LoginStatus.ACTIVE)
            if status is UserStatus.WAITING:
                return await _still_waiting(tx, row)
            return _SETTLED.get(status)

        return await self._database.read(work)

    async def log_in(self, asked: Sequence[LoginAsked], *, now: datetime) -> list[Login]:
        """Carry out logins in this order, in one transaction; return one answer each.

        Whoever is invited or waits gets a license if one is free after all who are ahead in the
        waiting line have theirs, and otherwise a place in it. Staged people are not invited yet:
        nothing becomes of their login. A user name that several people have is nobody's.
        """

        async def work(tx: Transaction) -> list[Login]:
            await lock_pool(tx)
            found = await _found(tx, [each.name for each in asked])
            pool = await load_summary(tx)
            line = [row.id for row in await tx.rows(_LINE)] if pool.waiting else []
            people = [*line, *(row.id for row in found.values())]
            room = await load_room(tx, pool, people)
            desk = _Desk(room=room, line=line)
            answers = [desk.answer(found.get(n)) for n in range(len(asked))]
            await give(tx, desk.admitted, now=now, told=False)
            await _queue_up(tx, desk.joined, now=now)
            await _note_seen(tx, desk.seen, now=now)
            if desk.admitted or desk.joined:
                for entry in _entries(asked, answers, found):
                    await add_audit(tx, entry)
                await settle_pool(tx, now=now)
            return answers

        return await self._database.write(work)


@dataclass(kw_only=True, slots=True)
class _Desk:
    """Decides logins one after the other, as if each were a transaction of its own.

    Attributes:
        room: what is free, and for whom.
        line: who waits, the first in line first.
        admitted: who gets a license.
        joined: who takes a place at the end of the line.
        seen: who came in, just now or again.
    """

    room: Room
    line: list[int]
    admitted: list[UserId] = field(default_factory=list)
    joined: list[UserId] = field(default_factory=list)
    seen: list[UserId] = field(default_factory=list)
    _now: dict[int, UserStatus] = field(default_factory=dict)

    def answer(self, row: Row | None) -> Login:
        """Decide about the person of a row, which is None for nobody."""
        if row is None:
            return Login(status=LoginStatus.UNKNOWN)
        status = self._now.get(row.id, UserStatus(row.status))
        if status in _SETTLED:
            return _SETTLED[status]
        if status is UserStatus.ACTIVE:
            self.seen.append(UserId(row.id))
            return Login(status=LoginStatus.ACTIVE)
        return self._come(UserId(row.id), waits=status is UserStatus.WAITING)

    def _come(self, user: UserId, *, waits: bool) -> Login:
        ahead = self.line.index(user) if waits else len(self.line)
        if self.room.admits(user, self.line[:ahead]):
            self.room.take(user)
            if waits:
                self.line.remove(user)
            self.admitted.append(user)
            self.seen.append(user)
            self._now[user] = UserStatus.ACTIVE
            return Login(status=LoginStatus.ACTIVATED)
        if not waits:
            self.line.append(user)
            self.joined.append(user)
            self._now[user] = UserStatus.WAITING
        return Login(status=LoginStatus.WAITING, place=ahead + 1)


async def _found(tx: Transaction, names: Sequence[LoginName]) -> dict[int, Row]:
    """Return who is meant, by position in `names`; nobody where a name is several people's."""
    source = json_rows(tx.backend, "names", _NAMES)
    found: dict[int, list[Row]] = defaultdict(list)
    for by, sql in ((NamedBy.EMAIL, _BY_EMAIL), (NamedBy.USER_NAME, _BY_USER_NAME)):
        pairs = [[n, name.key] for n, name in enumerate(names) if name.by is by]
        if pairs:
            for row in await tx.rows(sql.format(names=source), names=to_json(pairs)):
                found[row.position].append(row)
    return {position: rows[0] for position, rows in found.items() if len(rows) == 1}


async def _still_waiting(tx: Transaction, row: Row) -> Login | None:
    pool = await load_summary(tx)
    if await may_come_in(tx, pool, UserId(row.id), place=row.place):
        return None
    ahead = int(await tx.value(_AHEAD, place=row.place))
    return Login(status=LoginStatus.WAITING, place=ahead + 1)


def _due(row: Row, now: datetime) -> bool:
    """Whether a login of somebody active has to be noted."""
    last = row.last_login_at
    return last is None or last <= to_seconds(now - LOGIN_NOTED_EVERY)


async def _queue_up(tx: Transaction, people: Sequence[UserId], *, now: datetime) -> None:
    if not people:
        return
    first = await reserve_ids(tx, "places", len(people))
    source = json_rows(tx.backend, "places", _PLACES)
    pairs = to_json([[user, first + n] for n, user in enumerate(people)])
    await tx.run(_QUEUE_UP.format(places=source), places=pairs, now=to_seconds(now))


async def _note_seen(tx: Transaction, people: Sequence[UserId], *, now: datetime) -> None:
    if not people:
        return
    await tx.run(
        _SEEN.format(ids=json_rows(tx.backend, "ids", _IDS)),
        ids=to_json([[each] for each in people]),
        now=to_seconds(now),
        before=to_seconds(now - LOGIN_NOTED_EVERY),
    )


def _entries(
    asked: Sequence[LoginAsked], answers: Sequence[Login], found: Mapping[int, Row]
) -> Iterable[AuditEntry]:
    """Return an entry for each application whose logins changed something."""
    first: dict[str, AuditEntry] = {}
    people: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, (each, answer) in enumerate(zip(asked, answers, strict=True)):
        if answer.status not in (LoginStatus.ACTIVATED, LoginStatus.WAITING):
            continue
        row = found[position]
        if answer.status is LoginStatus.WAITING and row.status != UserStatus.INVITED:
            continue
        first.setdefault(each.audit.actor, each.audit)
        ids = people[each.audit.actor][answer.status.value]
        if row.id not in ids:
            ids.append(row.id)
    return [replace(entry, detail=dict(people[actor])) for actor, entry in first.items()]
