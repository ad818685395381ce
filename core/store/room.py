"""Who may take which of the free licenses, where some are kept back for groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.model.account import LicenseSummary, UserId
from core.model.reserves import Reserve, untaken
from core.store.bulk import json_rows
from core.store.codec import to_json
from core.store.database import Transaction

_RESERVES = """
SELECT r.configuration_id, r.external_id, r.kept, g.id AS group_id,
    coalesce(g.display_name, r.name) AS name
FROM license_reserves r
LEFT JOIN groups g ON g.configuration_id = r.configuration_id AND g.external_id = r.external_id
WHERE r.account_id = :account ORDER BY r.since, r.configuration_id, r.external_id
"""
_BELONG = """
SELECT d.user_id AS id, sum(d.bit) AS mask FROM (
    SELECT DISTINCT l.user_id, r.bit FROM {reserves} AS r
    JOIN memberships m ON m.group_id = r.group_id
    JOIN links l ON l.configuration_id = m.configuration_id AND l.external_id = m.external_id
    WHERE l.user_id IS NOT NULL) AS d
GROUP BY d.user_id
"""
_STANDING = f"""
SELECT u.status, u.licensed, b.mask, count(*) AS people FROM ({_BELONG}) AS b
JOIN users u ON u.id = b.id AND u.account_id = :account
WHERE u.licensed OR u.status IN ('invited', 'waiting')
GROUP BY u.status, u.licensed, b.mask
"""  # noqa: S608 - fixed fragments
_SOME = f"""
SELECT b.id, b.mask FROM ({_BELONG}) AS b WHERE b.id IN (SELECT id FROM {{ids}} AS i)
"""  # noqa: S608 - fixed fragments
_COLUMNS = (("bit", "bigint"), ("group_id", "bigint"))


@dataclass(kw_only=True, slots=True)
class Standing:
    """The members of groups that licenses are kept for: who holds one, and who would take one."""

    holders: Counter[int] = field(default_factory=Counter)
    invited: Counter[int] = field(default_factory=Counter)
    waiting: Counter[int] = field(default_factory=Counter)


@dataclass(kw_only=True, slots=True)
class Room:
    """What is free while licenses are given one after the other.

    A member of a group takes one that is kept for it as long as there are any; only then one of
    those that are free for everybody.

    Attributes:
        unused: licenses that nobody holds.
        belongs: the groups of the people that are asked about, as bits.
    """

    unused: int
    limits: tuple[int, ...] = ()
    holders: Counter[int] = field(default_factory=Counter)
    belongs: dict[int, int] = field(default_factory=dict)
    _refused: set[int] = field(default_factory=set)

    def admits(self, user: UserId, ahead: Sequence[int] = ()) -> bool:
        """Whether somebody may take one after all who are `ahead` took theirs."""
        if not self.limits:
            return self.unused > len(ahead)
        rest = replace(self, holders=self.holders.copy(), _refused=set(self._refused))
        rest.first(ahead, len(ahead))
        return rest.take(user)

    def first(self, line: Sequence[int], count: int) -> list[UserId]:
        """Give to the first `count` of a line who may take one, and return them."""
        given: list[UserId] = []
        for user in line:
            if self.unused <= 0 or len(given) >= count:
                break
            if self.take(UserId(user)):
                given.append(UserId(user))
        return given

    def take(self, user: UserId) -> bool:
        """Give somebody a license, if there is one for them."""
        mask = self.belongs.get(user, 0)
        if self.unused <= 0 or mask in self._refused:
            return False
        kept = untaken(self.limits, self.holders)
        after = Counter({**self.holders, mask: self.holders[mask] + 1})
        if untaken(self.limits, after) == kept and self.unused <= kept:
            self._refused.add(mask)  # what is free only ever gets less
            return False
        self.unused -= 1
        self.holders = after
        return True


async def load_reserves(tx: Transaction) -> tuple[Reserve, ...]:
    """Return what is kept for which group, in the order in which it was begun."""
    return tuple(
        Reserve(
            configuration_id=row.configuration_id,
            external_id=row.external_id,
            group=row.name,
            group_id=row.group_id,
            kept=row.kept,
        )
        for row in await tx.rows(_RESERVES)
    )


def in_force(reserves: Sequence[Reserve]) -> tuple[Reserve, ...]:
    """Return those whose group there is."""
    return tuple(each for each in reserves if each.group_id is not None)


async def load_standing(tx: Transaction, reserves: Sequence[Reserve]) -> Standing:
    """Return where the members of the groups stand, by bits in the order of `reserves`."""
    source = json_rows(tx.backend, "reserves", _COLUMNS)
    found = Standing()
    for row in await tx.rows(_STANDING.format(reserves=source), reserves=_bits(reserves)):
        where = found.waiting if row.status == "waiting" else found.invited
        (found.holders if row.licensed else where)[int(row.mask)] += row.people
    return found


async def load_room(tx: Transaction, pool: LicenseSummary, people: Sequence[int]) -> Room:
    """Return what is free for `people`, in one transaction that holds the pool's lock."""
    if not pool.kept:
        return Room(unused=pool.unused)
    chosen = in_force(pool.reserves)
    sources = {
        "reserves": json_rows(tx.backend, "reserves", _COLUMNS),
        "ids": json_rows(tx.backend, "ids", (("id", "bigint"),)),
    }
    ids = to_json([[each] for each in people])
    rows = await tx.rows(_SOME.format(**sources), reserves=_bits(chosen), ids=ids)
    return Room(
        unused=pool.unused,
        limits=tuple(each.kept for each in chosen),
        holders=(await load_standing(tx, chosen)).holders,
        belongs={row.id: int(row.mask) for row in rows},
    )


def _bits(reserves: Sequence[Reserve]) -> str:
    return to_json([[1 << n, each.group_id] for n, each in enumerate(reserves)])
