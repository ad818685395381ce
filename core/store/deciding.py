"""From the engine's decisions to rows of the table ``decided``, which the statements join."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from core.model.account import UserStatus
from core.model.cycle import Action, Decision, Problem, Severity
from core.store.bulk import Columns, json_rows, reserve_ids
from core.store.codec import to_json, to_object
from core.store.database import Row, Transaction
from core.store.licenses import free_licenses, lock_pool

SLICE = 1_000
"""Rows that are worked on before the event loop gets its turn."""

DECIDED: Columns = (
    ("seq", "bigint"),
    ("external_id", "text"),
    ("action", "text"),
    ("user_id", "bigint"),
    ("change_id", "bigint"),
    ("was", "text"),
    ("status", "text"),
    ("reason", "text"),
    ("label", "text"),
    ("result", "text"),
    ("settles", "boolean"),
    ("kept", "boolean"),
    ("present", "boolean"),
    ("readable", "boolean"),
    ("rekey", "boolean"),
    ("writes", "boolean"),
    ("before", "text"),
    ("after", "text"),
)
_TOUCHED = """
SELECT u.id, u.status, u.status_before, u.disabled_by, u.licensed, u.user_name, u.display_name,
    u.email, u.match_key, u.profile, s.seq, s.user_name AS new_user_name,
    s.display_name AS new_display_name, s.email AS new_email, s.match_key AS new_match_key,
    s.profile AS new_profile
FROM {ids} d JOIN users u ON u.id = d.id
LEFT JOIN staged_users s ON s.seq = d.seq
WHERE u.account_id = :account
"""
_STANDING = {Action.UPDATE, Action.LINK, Action.ENABLE, Action.RESTORE}
_CHANGING = _STANDING | {Action.DISABLE, Action.DELETE}
_GONE = {UserStatus.DISABLED.value, UserStatus.DELETED.value}
_PROBLEMS = msgspec.json.Decoder(list[Problem])


class Decided(NamedTuple):
    """One row of ``decided``, in the order of `DECIDED`."""

    seq: int
    external_id: str
    action: str
    user_id: int | None
    change_id: int | None
    was: str | None
    status: str | None
    reason: str
    label: str
    result: str
    settles: bool
    kept: bool
    present: bool
    readable: bool
    rekey: bool
    writes: bool
    before: str | None
    after: str | None


@dataclass(kw_only=True, slots=True)
class Batch:
    """What one call of `apply` will write.

    Attributes:
        first_user: the first id of the people that it creates.
        problems: (external id, label, problem).
    """

    rows: list[Decided] = field(default_factory=list)
    problems: list[tuple[str, str, Problem]] = field(default_factory=list)
    first_user: int = 0
    created: int = 0

    def has(self, *actions: str) -> bool:
        """Whether any row has one of these actions."""
        return any(row.action in actions for row in self.rows)


async def build(tx: Transaction, decisions: Sequence[Decision], *, status: UserStatus) -> Batch:
    """Work out what each decision means for the account as it is now.

    `status` is where newly created people begin. Locks the license pool if anybody may get or
    free a license.
    """
    batch = Batch(created=sum(1 for d in decisions if d.action is Action.CREATE))
    if batch.created:
        batch.first_user = await reserve_ids(tx, "users", batch.created)
    touched = await _touched(tx, decisions)
    free = await _free(tx, decisions)
    outcome = _Outcome(touched=touched, free=free, next_user=batch.first_user, status=status)
    for start in range(0, len(decisions), SLICE):
        for decision in decisions[start : start + SLICE]:
            batch.rows.append(outcome.of(decision))
            _tell(batch, decision)
        await asyncio.sleep(0)
    await _number(tx, batch)
    return batch


async def _touched(tx: Transaction, decisions: Sequence[Decision]) -> dict[int, Row]:
    wanted = [
        (_person(decision), decision.pair.seq)
        for decision in decisions
        if decision.action in _CHANGING
    ]
    if not wanted:
        return {}
    ids = json_rows(tx.backend, "ids", (("id", "bigint"), ("seq", "bigint")))
    found = await tx.rows(_TOUCHED.format(ids=ids), ids=to_json(wanted))
    return {row.id: row for row in found}


async def _free(tx: Transaction, decisions: Sequence[Decision]) -> int:
    back = {Action.ENABLE, Action.RESTORE}
    if not any(decision.action in back for decision in decisions):
        return 0
    await lock_pool(tx)
    return await free_licenses(tx)


async def _number(tx: Transaction, batch: Batch) -> None:
    """Give each row that is recorded its change id."""
    recorded = sum(1 for row in batch.rows if row.change_id is not None)
    if not recorded:
        return
    number = await reserve_ids(tx, "changes", recorded)
    for index, row in enumerate(batch.rows):
        if row.change_id is not None:
            batch.rows[index] = row._replace(change_id=number)
            number += 1


def _person(decision: Decision) -> int | None:
    pair = decision.pair
    return pair.holder if decision.action is Action.LINK else pair.user_id


def _tell(batch: Batch, decision: Decision) -> None:
    pair = decision.pair
    told = problems_of(decision)
    batch.problems.extend((pair.external_id, pair.label, problem) for problem in told)


def problems_of(decision: Decision) -> list[Problem]:
    """Return everything that is wrong with one person."""
    found = _PROBLEMS.decode(decision.pair.problems) if decision.pair.problems else []
    return [*found, decision.problem] if decision.problem else found


@dataclass(kw_only=True, slots=True)
class _Outcome:
    touched: dict[int, Row]
    free: int
    next_user: int
    status: UserStatus

    def of(self, decision: Decision) -> Decided:
        if decision.action is Action.CREATE:
            user, self.next_user = self.next_user, self.next_user + 1
            return _row(decision, user_id=user, status=self.status.value, recorded=True)
        user_id = _person(decision)
        person = self.touched.get(user_id) if user_id is not None else None
        if decision.action not in _CHANGING or person is None:
            return _row(decision, user_id=user_id)
        if decision.action is Action.DISABLE:
            return self._disable(decision, person)
        if decision.action is Action.DELETE:
            return self._delete(decision, person)
        return self._stand(decision, person)

    def _disable(self, decision: Decision, person: Row) -> Decided:
        if person.status in _GONE:
            return _row(decision, user_id=person.id, action=Action.NOTHING)
        return _row(
            decision,
            user_id=person.id,
            was=person.status,
            status=UserStatus.DISABLED.value,
            recorded=True,
            before={"status": person.status},
            after={"status": "disabled"},
        )

    def _delete(self, decision: Decision, person: Row) -> Decided:
        erased = person.status == UserStatus.DELETED.value
        return _row(
            decision,
            user_id=person.id,
            was=person.status,
            status=None if erased else UserStatus.DELETED.value,
            recorded=True,
            before={} if erased else {"status": person.status},
            after={} if erased else {"status": "deleted"},
        )

    def _stand(self, decision: Decision, person: Row) -> Decided:
        before, after = _difference(person)
        status = self._back(decision.action, person)
        if status and status != person.status:
            before["status"], after["status"] = person.status, status
        if decision.action is Action.UPDATE and not after:
            return _row(decision, user_id=person.id, action=Action.NOTHING, agrees=True)
        return _row(
            decision,
            user_id=person.id,
            was=person.status,
            status=status,
            recorded=True,
            rekey=person.seq is not None and (person.match_key or "") != person.new_match_key,
            writes=person.seq is not None,
            before=before,
            after=after,
        )

    def _back(self, action: Action, person: Row) -> str | None:
        if action not in {Action.ENABLE, Action.RESTORE} or person.status not in _GONE:
            return None
        if action is Action.RESTORE and person.disabled_by == "admin":
            return UserStatus.DISABLED.value
        status = str(person.status_before or UserStatus.INVITED.value)
        if status == UserStatus.ACTIVE.value:
            if self.free <= 0:
                return UserStatus.INVITED.value
            self.free -= 1
        return status


def _difference(person: Row) -> tuple[dict[str, object], dict[str, object]]:
    if person.seq is None:
        return {}, {}
    old, new = to_object(person.profile), to_object(person.new_profile)
    for name in ("user_name", "display_name", "email"):
        old[name] = getattr(person, name)
        new[name] = getattr(person, f"new_{name}")
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    before = {name: old[name] for name in names if name in old}
    return before, {name: new.get(name) for name in names}


def _row(
    decision: Decision,
    *,
    user_id: int | None,
    action: Action | None = None,
    was: str | None = None,
    status: str | None = None,
    recorded: bool = False,
    agrees: bool = False,
    rekey: bool = False,
    writes: bool = False,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> Decided:
    pair = decision.pair
    told = bool(pair.problems) or decision.problem is not None
    return Decided(
        pair.seq,
        pair.external_id,
        "agree" if agrees else (action or decision.action).value,
        user_id,
        0 if recorded else None,
        was,
        status,
        decision.reason,
        pair.label,
        "warning" if told else "success",
        decision.settles and not told,
        decision.keeps,
        pair.present,
        pair.readable,
        rekey,
        writes,
        None if before is None else to_json(before),
        None if after is None else to_json(after),
    )


def taken_key_problem() -> Problem:
    """Return what is told of a person whose match key somebody else took meanwhile."""
    return Problem(
        severity=Severity.CONFLICT,
        code="match_key_taken",
        message="Somebody else in the account has this matching attribute.",
        hint="Compare the two people at the provider and in the account.",
    )
