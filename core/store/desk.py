"""How licenses were used day by day, and who makes no use of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from core.model.account import UserId
from core.model.asking import Answer
from core.model.desk import LicenseDay, Unused, UnusedLicense
from core.store.codec import maybe_time, to_seconds, to_time
from core.store.database import Database, Row, Transaction

_EPOCH = date(1970, 1, 1)
_DAYS = """
SELECT day, total, used, waiting FROM license_days
WHERE account_id = :account AND day >= :since ORDER BY day
"""
_BEFORE = """
SELECT day, total, used, waiting FROM license_days
WHERE account_id = :account AND day < :since ORDER BY day DESC LIMIT 1
"""
_NO_LOGIN = """
FROM (SELECT id, display_name, email, coalesce(last_login_at, activated_at, created_at) AS since
    FROM users
    WHERE account_id = :account AND licensed AND status = 'active' AND NOT protected) AS d
WHERE d.since <= :before
"""
_NOT_ACCEPTED = """
FROM (SELECT u.id, u.display_name, u.email, max(i.sent_at) AS since
    FROM users u JOIN invitations i ON i.user_id = u.id AND i.purpose = 'invitation'
    WHERE u.account_id = :account AND u.status = 'invited'
    GROUP BY u.id, u.display_name, u.email) AS d
WHERE d.since <= :before
"""
_ANSWER = """
(SELECT q.answer FROM license_questions q WHERE q.user_id = d.id
    ORDER BY q.id DESC LIMIT 1) AS answer,
(SELECT max(q.created_at) FROM license_questions q WHERE q.user_id = d.id) AS asked_at
"""
_LISTS = ((Unused.NO_LOGIN, _NO_LOGIN), (Unused.NOT_ACCEPTED, _NOT_ACCEPTED))
_LOGINS_KNOWN = """
SELECT 1 FROM users WHERE account_id = :account AND last_login_at IS NOT NULL LIMIT 1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnusedPeople:
    """How many make no use of what they have, and the first of them."""

    logins_known: bool
    counts: dict[Unused, int]
    people: tuple[UnusedLicense, ...]


class LicenseDays:
    """The past of the pool, and its people who could give something up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, day: date) -> list[LicenseDay]:
        """Return the days from `day` on which anything changed, oldest first.

        How the pool stood before stands in front, as of `day` itself, unless nothing is known.
        """

        async def work(tx: Transaction) -> list[LicenseDay]:
            number = (day - _EPOCH).days
            found = [_day(row) for row in await tx.rows(_DAYS, since=number)]
            before = await tx.first(_BEFORE, since=number)
            if before is not None and (not found or found[0].day > day):
                found.insert(0, _day(before, day=day))
            return found

        return await self._database.read(work)

    async def unused(self, *, before: datetime, limit: int) -> UnusedPeople:
        """Return who has made no use of a license or an invitation since `before`."""

        async def work(tx: Transaction) -> UnusedPeople:
            known = await tx.value(_LOGINS_KNOWN) is not None
            counts = dict.fromkeys(Unused, 0)
            people: list[UnusedLicense] = []
            for reason, source in _LISTS:
                if reason is Unused.NO_LOGIN and not known:
                    continue
                values = {"before": to_seconds(before)}
                counts[reason] = int(await tx.value(f"SELECT count(*) {source}", **values))
                rows = await tx.rows(
                    f"SELECT id, display_name, email, since, {_ANSWER} {source}"
                    " ORDER BY since, id LIMIT :n",
                    n=limit - len(people),
                    **values,
                )
                people += _people(rows, reason)
            return UnusedPeople(logins_known=known, counts=counts, people=tuple(people))

        return await self._database.read(work)


def day_number(moment: datetime) -> int:
    """Return the stored form of a moment's day in UTC."""
    return (moment.astimezone(UTC).date() - _EPOCH).days


def _day(row: Row, *, day: date | None = None) -> LicenseDay:
    return LicenseDay(
        day=day or _EPOCH + timedelta(days=row.day),
        total=row.total,
        used=row.used,
        waiting=row.waiting,
    )


def _people(rows: Sequence[Row], reason: Unused) -> list[UnusedLicense]:
    return [
        UnusedLicense(
            user_id=UserId(row.id),
            display_name=row.display_name,
            email=row.email,
            reason=reason,
            since=to_time(row.since),
            answer=Answer(row.answer) if row.answer else None,
            asked_at=maybe_time(row.asked_at),
        )
        for row in rows
    ]
