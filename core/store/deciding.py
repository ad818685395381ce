"""From the engine's decisions to rows of the view ``decided``, which the statements join.

Most decisions of a batch are alike, so what they share is a row of ``decided_kinds``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from core.model.account import DisabledBy, UserId, UserStatus
from core.model.cycle import Action, Decision, Problem, Severity
from core.store.bulk import json_rows, reserve_ids
from core.store.codec import to_json
from core.store.counts import PEOPLE, PROBLEMS
from core.store.database import Row, Transaction
from core.store.licenses import load_summary, lock_pool
from core.store.room import Room, load_room

SLICE = 1_000
"""Rows that are worked on before the event loop gets its turn."""

_TOUCHED = """
SELECT u.id, u.status, u.status_before, u.disabled_by, u.user_name, u.display_name, u.email,
    u.match_key, u.profile, s.seq, s.user_name AS new_user_name,
    s.display_name AS new_display_name, s.email AS new_email, s.match_key AS new_match_key,
    s.profile AS new_profile
FROM {ids} d CROSS JOIN users u
LEFT JOIN staged_users s ON s.seq = d.seq
WHERE u.id = d.id AND u.account_id = :account
"""
"""The cross join keeps SQLite from going through everybody and the list for each of them."""
STANDING = frozenset({Action.UPDATE, Action.LINK, Action.ENABLE, Action.RESTORE})
_CHANGING = STANDING | {Action.DISABLE, Action.DELETE}
_MOVES_LICENSES = frozenset({Action.DISABLE, Action.DELETE, Action.ENABLE, Action.RESTORE})
_CREATE, _LINK = Action.CREATE, Action.LINK
_GONE = frozenset({UserStatus.DISABLED.value, UserStatus.DELETED.value})
_PROBLEMS = msgspec.json.Decoder(list[Problem])
_PROFILE = msgspec.json.Decoder(dict[str, object])
AGREE = "agree"
"""The action of an update after which nothing differs: only the link is brought up to date."""


class Kind(NamedTuple):
    """What decisions share; the columns of ``decided_kinds`` after its key."""

    action: str
    status: str | None
    reason: str
    result: str
    settles: bool
    kept: bool
    present: bool
    readable: bool
    rekey: bool
    writes: bool


class Decided(NamedTuple):
    """One row of ``decided_rows``."""

    seq: int
    external_id: str
    user_id: int | None
    change_id: int | None
    label: str
    kind: int
    before: str | None
    after: str | None


@dataclass(kw_only=True, slots=True)
class Batch:
    """What one call of `apply` will write.

    Attributes:
        problems: (external id, label, problem).
        first_user: the first id of the `created` people.
        claims: staged rows of people whom another configuration owns.
    """

    rows: list[Decided] = field(default_factory=list)
    kinds: dict[Kind, int] = field(default_factory=dict)
    problems: list[tuple[str, str, Problem]] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    first_user: int = 0
    created: int = 0

    def has(self, *actions: str) -> bool:
        """Whether anybody has one of these actions."""
        return any(kind.action in actions for kind in self.kinds)

    def kind_of(self, row: Decided) -> Kind:
        """Return what a row shares with others."""
        return next(kind for kind, number in self.kinds.items() if number == row.kind)

    def sums(self) -> Counter[str]:
        """Return what this adds to the counts of the cycle."""
        recorded = Counter(row.kind for row in self.rows if row.change_id is not None)
        sums = Counter({"invited": self.created})
        for kind, number in self.kinds.items():
            sums[PEOPLE.get(kind.action, "skipped")] += recorded[number]
        told = {(name, problem.severity) for name, _, problem in self.problems}
        sums.update(PROBLEMS[severity] for _, severity in told)
        return sums

    def put_aside(self, external_ids: set[str]) -> list[Decided]:
        """Take these people out of the batch and return their rows."""
        aside = [row for row in self.rows if row.external_id in external_ids]
        self.rows = [row for row in self.rows if row.external_id not in external_ids]
        return aside


class _Fate(NamedTuple):
    """What becomes of one person of the account."""

    action: str
    status: str | None = None
    recorded: bool = False
    rekey: bool = False
    writes: bool = False
    before: dict[str, object] | None = None
    after: dict[str, object] | None = None
    again: bool = False
    """The next cycle has to look once more."""


_UNTOUCHED = _Fate(Action.NOTHING.value)


async def build(tx: Transaction, decisions: Sequence[Decision], *, status: UserStatus) -> Batch:
    """Work out what each decision means for the account as it is now.

    `status` is where newly created people begin. Locks the license pool if anybody may get or
    lose a license.
    """
    batch = Batch(created=sum(1 for d in decisions if d.action is Action.CREATE))
    if batch.created:
        batch.first_user = await reserve_ids(tx, "users", batch.created)
    judge = _Judge(
        touched=await touched_by(tx, decisions),
        room=await _room(tx, decisions),
        next_user=batch.first_user,
        next_change=await reserve_ids(tx, "changes", len(decisions)),
        created=_Fate(Action.CREATE.value, status.value, recorded=True),
    )
    for start in range(0, len(decisions), SLICE):
        for decision in decisions[start : start + SLICE]:
            judge.note(batch, decision)
        await asyncio.sleep(0)
    return batch


async def touched_by(tx: Transaction, decisions: Sequence[Decision]) -> dict[int, Row]:
    """Return the people of the account whom decisions may change, beside what was read."""
    wanted = [(person_of(d), d.pair.seq) for d in decisions if d.action in _CHANGING]
    if not wanted:
        return {}
    ids = json_rows(tx.backend, "ids", (("id", "bigint"), ("seq", "bigint")))
    found = await tx.rows(_TOUCHED.format(ids=ids), ids=to_json(wanted))
    return {row.id: row for row in found}


async def _room(tx: Transaction, decisions: Sequence[Decision]) -> Room:
    moving = [decision for decision in decisions if decision.action in _MOVES_LICENSES]
    if not moving:
        return Room(unused=0)
    await lock_pool(tx)
    pool = await load_summary(tx)
    people = [user for decision in moving if (user := person_of(decision)) is not None]
    return await load_room(tx, pool, people)


def person_of(decision: Decision) -> int | None:
    """Return whom of the account a decision is about."""
    pair = decision.pair
    return pair.holder if decision.action is Action.LINK else pair.user_id


def problems_of(decision: Decision) -> list[Problem]:
    """Return everything that is wrong with one person."""
    found = _PROBLEMS.decode(decision.pair.problems) if decision.pair.problems else []
    return [*found, decision.problem] if decision.problem else found


@dataclass(kw_only=True, slots=True)
class _Judge:
    touched: dict[int, Row]
    room: Room
    next_user: int
    next_change: int
    created: _Fate

    def note(self, batch: Batch, decision: Decision) -> None:
        """Add one decision to the batch."""
        pair = decision.pair
        if decision.action is _CREATE:
            user: int | None = self.next_user
            self.next_user += 1
            fate = self.created
        else:
            user = person_of(decision)
            fate = self._fate(decision, user)
        told = bool(pair.problems) or decision.problem is not None
        kind = Kind(
            fate.action,
            fate.status,
            decision.reason,
            "warning" if told else "success",
            decision.settles and not told and not fate.again,
            decision.keeps,
            pair.present,
            pair.readable,
            fate.rekey,
            fate.writes,
        )
        batch.rows.append(
            Decided(
                pair.seq,
                pair.external_id,
                user,
                self._change(recorded=fate.recorded),
                pair.label,
                batch.kinds.setdefault(kind, len(batch.kinds)),
                to_json(fate.before) if fate.before is not None else None,
                to_json(fate.after) if fate.after is not None else None,
            )
        )
        if decision.claims:
            batch.claims.append(pair.seq)
        if told:
            batch.problems.extend((pair.external_id, pair.label, p) for p in problems_of(decision))

    def _change(self, *, recorded: bool) -> int | None:
        if not recorded:
            return None
        self.next_change += 1
        return self.next_change - 1

    def _fate(self, decision: Decision, user: int | None) -> _Fate:
        person = self.touched.get(user) if user is not None else None
        if decision.action not in _CHANGING:
            return _Fate(str(decision.action))
        if person is None:
            return _UNTOUCHED
        if decision.action is Action.DISABLE:
            return _disabled(person)
        if decision.action is Action.DELETE:
            return _deleted(decision, person)
        return self._standing(decision.action, person)

    def _standing(self, action: Action, person: Row) -> _Fate:
        before, after = _difference(person)
        status = self._back(action, person)
        if status and status != person.status:
            before["status"], after["status"] = person.status, status
        if action is Action.UPDATE and not after:
            return _Fate(AGREE)
        return _Fate(
            action.value,
            status,
            recorded=True,
            rekey=person.seq is not None and (person.match_key or "") != person.new_match_key,
            writes=person.seq is not None,
            before=before,
            after=after,
            again=action is _LINK and person.status in _GONE,
        )

    def _back(self, action: Action, person: Row) -> str | None:
        """Return the status of somebody who comes back; active only while a license is free."""
        if action not in {Action.ENABLE, Action.RESTORE} or person.status not in _GONE:
            return None
        if action is Action.RESTORE and person.disabled_by == DisabledBy.ADMIN.value:
            return UserStatus.DISABLED.value
        status = str(person.status_before or UserStatus.INVITED.value)
        if status == UserStatus.ACTIVE.value and not self.room.take(UserId(person.id)):
            return UserStatus.INVITED.value
        return status


def _disabled(person: Row) -> _Fate:
    if person.status in _GONE:
        return _UNTOUCHED
    status = UserStatus.DISABLED.value
    return _Fate(
        Action.DISABLE.value,
        status,
        recorded=True,
        before={"status": person.status},
        after={"status": status},
    )


def _deleted(decision: Decision, person: Row) -> _Fate:
    """Delete somebody; who was deleted already when the engine looked is erased for good."""
    status = UserStatus.DELETED.value
    if person.status == status:
        erased = decision.pair.status is UserStatus.DELETED
        return _Fate(Action.DELETE.value, recorded=True) if erased else _UNTOUCHED
    return _Fate(
        Action.DELETE.value,
        status,
        recorded=True,
        before={"status": person.status},
        after={"status": status},
    )


def _difference(person: Row) -> tuple[dict[str, object], dict[str, object]]:
    """Return the attributes that differ, as they are and as they will be."""
    if person.seq is None:
        return {}, {}
    old, new = _PROFILE.decode(person.profile), _PROFILE.decode(person.new_profile)
    old["user_name"], new["user_name"] = person.user_name, person.new_user_name
    old["display_name"], new["display_name"] = person.display_name, person.new_display_name
    old["email"], new["email"] = person.email, person.new_email
    if old == new:
        return {}, {}
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {n: old[n] for n in names if n in old}, {n: new.get(n) for n in names}


def taken_key_problem() -> Problem:
    """Return what is told of a person whose match key somebody else took meanwhile."""
    return Problem(
        severity=Severity.CONFLICT,
        code="match_key_taken",
        message="Somebody else in the account has this matching attribute.",
        hint="Compare the two people at the provider and in the account.",
    )
