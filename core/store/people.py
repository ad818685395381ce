"""The people of the account, for those who ask about them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from core.errors import NotFoundError
from core.model.account import DisabledBy, Manager, User, UserId, UserStatus
from core.model.configuration import ConfigurationId
from core.model.cycle import Change, PersonProblem
from core.model.directory import ExternalId
from core.store import managers
from core.store.codec import maybe_time, to_object, to_time
from core.store.database import Database, Row, Transaction
from core.store.details import to_change, to_problem

_SELECT = """
SELECT u.*, l.external_id FROM users u
LEFT JOIN links l ON l.user_id = u.id AND l.configuration_id = u.configuration_id
WHERE u.account_id = :account
"""
_GROUPS = """
SELECT g.display_name FROM memberships m
JOIN links l ON l.configuration_id = m.configuration_id AND l.external_id = m.external_id
JOIN groups g ON g.id = m.group_id
WHERE l.user_id = :id ORDER BY g.display_name
"""
_MATCH = """
AND (lower(u.email) LIKE :text ESCAPE '!' OR lower(u.user_name) LIKE :text ESCAPE '!'
    OR lower(u.display_name) LIKE :text ESCAPE '!' OR u.match_key LIKE :key ESCAPE '!')
"""
_HISTORY = """
SELECT c.* FROM changes c
JOIN links l ON l.configuration_id = c.configuration_id AND l.external_id = c.external_id
WHERE l.user_id = :id AND c.kind = 'user' AND c.account_id = :account
ORDER BY c.at DESC, c.id DESC LIMIT :limit
"""
_PROBLEMS = """
SELECT p.* FROM problems p
JOIN links l ON l.configuration_id = p.configuration_id AND l.external_id = p.external_id
WHERE l.user_id = :id AND p.cycle_id = (
    SELECT c.id FROM cycles c WHERE c.configuration_id = l.configuration_id
      AND c.state = 'finished' AND c.result IN ('success', 'partial_success')
      AND (c.trigger <> 'on_demand' OR EXISTS (SELECT 1 FROM personal_cycles o
          WHERE o.cycle_id = c.id AND o.external_id = l.external_id))
    ORDER BY c.requested_at DESC LIMIT 1)
ORDER BY p.id
"""


class People:
    """The people of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, id: UserId) -> User:  # noqa: A002 - the settled name
        """Return a person with their groups; raises `NotFoundError`."""

        async def work(tx: Transaction) -> User:
            row = await tx.first(f"{_SELECT} AND u.id = :id", id=id)
            if row is None:
                raise NotFoundError("There is no such person.", code="person_not_found")
            return await _with_groups(tx, row)

        return await self._database.read(work)

    async def by_email(self, email: str) -> User | None:
        """Return the person of this e-mail, compared as matching does, or None."""
        key = unicodedata.normalize("NFKC", email).strip().casefold()

        async def work(tx: Transaction) -> User | None:
            row = await tx.first(f"{_SELECT} AND u.match_key = :key", key=key)
            if row is None:
                row = await tx.first(f"{_SELECT} AND lower(u.email) = :key LIMIT 1", key=key)
            return await _with_groups(tx, row) if row is not None else None

        return await self._database.read(work)

    async def search(
        self,
        *,
        text: str | None = None,
        status: UserStatus | None = None,
        limit: int = 25,
        offset: int = 0,
    ) -> list[User]:
        """Return people whose e-mail, user name or display name contains `text`, by e-mail.

        Whoever waits for a license is listed by their place in line.
        """
        where, values = _filter(text, status)
        order = "u.place, u.id" if status is UserStatus.WAITING else "u.email, u.id"

        async def work(tx: Transaction) -> Sequence[Row]:
            sql = f"{_SELECT} {where} ORDER BY {order} LIMIT :limit OFFSET :offset"
            return await tx.rows(sql, limit=limit, offset=offset, **values)

        return [_user(row, ()) for row in await self._database.read(work)]

    async def count(self, *, text: str | None = None, status: UserStatus | None = None) -> int:
        """Return how many people `search` would give without its limit."""
        where, values = _filter(text, status)

        async def work(tx: Transaction) -> int:
            sql = f"SELECT count(*) FROM users u WHERE u.account_id = :account {where}"  # noqa: S608 - fixed fragments
            return int(await tx.value(sql, **values))

        return await self._database.read(work)

    async def statuses(self) -> dict[UserStatus, int]:
        """Return how many people stand where; every status is in it."""

        async def work(tx: Transaction) -> Sequence[Row]:
            return await tx.rows(
                "SELECT status, count(*) FROM users WHERE account_id = :account GROUP BY status"
            )

        found = {UserStatus(status): count for status, count in await self._database.read(work)}
        return {status: found.get(status, 0) for status in UserStatus}

    async def history(self, id: UserId, *, limit: int = 20) -> list[Change]:  # noqa: A002 - the settled name
        """Return what cycles did to a person, newest first."""

        async def work(tx: Transaction) -> list[Change]:
            return [to_change(row) for row in await tx.rows(_HISTORY, id=id, limit=limit)]

        return await self._database.read(work)

    async def manager(self, id: UserId) -> Manager | None:  # noqa: A002 - the settled name
        """Return whom the directory names as somebody's manager, or None."""
        return await self._database.read(lambda tx: managers.of(tx, id))

    async def problems(self, id: UserId) -> list[PersonProblem]:  # noqa: A002 - the settled name
        """Return what the latest cycle that read the provider found wrong with a person."""

        async def work(tx: Transaction) -> list[PersonProblem]:
            return [to_problem(row) for row in await tx.rows(_PROBLEMS, id=id)]

        return await self._database.read(work)


def _filter(text: str | None, status: UserStatus | None) -> tuple[str, dict[str, object]]:
    parts: list[str] = []
    values: dict[str, object] = {}
    if text:
        parts.append(_MATCH)
        values["text"] = _pattern(text.lower())
        values["key"] = _pattern(unicodedata.normalize("NFKC", text).casefold())
    if status is not None:
        parts.append("AND u.status = :status")
        values["status"] = status.value
    return " ".join(parts), values


def _pattern(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return f"%{text}%"


async def _with_groups(tx: Transaction, row: Row) -> User:
    groups = await tx.rows(_GROUPS, id=row.id)
    return _user(row, tuple(name for (name,) in groups))


def _user(row: Row, groups: tuple[str, ...]) -> User:
    return User(
        id=UserId(row.id),
        user_name=row.user_name,
        display_name=row.display_name,
        email=row.email,
        status=UserStatus(row.status),
        profile=to_object(row.profile),
        created_at=to_time(row.created_at),
        updated_at=to_time(row.updated_at),
        configuration_id=ConfigurationId(row.configuration_id) if row.configuration_id else None,
        external_id=ExternalId(row.external_id) if row.external_id else None,
        disabled_by=DisabledBy(row.disabled_by) if row.disabled_by else None,
        disabled_at=maybe_time(row.disabled_at),
        protected=bool(row.protected),
        licensed=bool(row.licensed),
        last_login_at=maybe_time(row.last_login_at),
        groups=groups,
    )
