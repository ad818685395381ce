"""Carries decisions out: one transaction of set-based statements a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.model.account import UserStatus
from core.model.configuration import InvitationWay
from core.model.cycle import Action, Decision, Fence, Problem
from core.model.ownership import owned_elsewhere
from core.store import ownership, tally
from core.store import statements as sql
from core.store.bulk import Columns, insert_plain, json_rows, reserve_ids
from core.store.codec import to_json, to_seconds
from core.store.database import Transaction
from core.store.deciding import SLICE, Batch, build, problems_of, taken_key_problem
from core.store.fencing import check_fence
from core.store.keeping import keep_attributes
from core.store.licenses import settle_pool
from core.store.readdressing import moved_people, readdress

_KINDS: Columns = (
    ("kind", "integer"),
    ("action", "text"),
    ("status", "text"),
    ("reason", "text"),
    ("result", "text"),
    ("settles", "boolean"),
    ("kept", "boolean"),
    ("present", "boolean"),
    ("readable", "boolean"),
    ("rekey", "boolean"),
    ("writes", "boolean"),
)
_ROWS: Columns = (
    ("seq", "bigint"),
    ("external_id", "text"),
    ("user_id", "bigint"),
    ("change_id", "bigint"),
    ("label", "text"),
    ("kind", "integer"),
    ("before", "text"),
    ("after", "text"),
)
_PROBLEM: Columns = (
    ("n", "bigint"),
    ("external_id", "text"),
    ("label", "text"),
    ("severity", "text"),
    ("code", "text"),
    ("message", "text"),
    ("attribute", "text"),
    ("value_kind", "text"),
    ("hint", "text"),
)
_PLAN: Columns = (
    ("n", "bigint"),
    ("kind", "text"),
    ("action", "text"),
    ("label", "text"),
    ("external_id", "text"),
    ("reason", "text"),
)


_CHAT = frozenset({InvitationWay.SLACK, InvitationWay.BOTH})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """How and when whoever is invited is told."""

    way: InvitationWay
    at: datetime


async def apply(
    tx: Transaction,
    fence: Fence,
    decisions: Sequence[Decision],
    *,
    now: datetime,
    send: Sending,
    keep: frozenset[str],
    careful: bool,
) -> None:
    """Carry decisions out. With `careful`, whoever's match key is taken becomes a conflict."""
    await check_fence(tx, fence)
    if keep:
        await keep_attributes(tx, decisions, keep)
    batch = await build(tx, decisions, status=beginning(send))
    await _load(tx, batch)
    await _set_owned_aside(tx, fence, batch)
    if careful:
        await _set_created_aside(tx, fence, batch)
        await _set_taken_aside(tx, fence, batch)
    await carry_out(tx, fence, batch, now=now, send=send)
    await store_problems(tx, fence, batch.problems)
    await ownership.note(tx, fence, batch.claims, now=now)
    await tally.add(tx, fence.cycle_id, batch.sums())
    if any(kind.action == "delete" and kind.status is None for kind in batch.kinds):
        await _erase(tx, fence)


def beginning(send: Sending) -> UserStatus:
    """Return where newly created people begin."""
    return UserStatus.STAGED if send.way is InvitationWay.STAGED else UserStatus.INVITED


async def carry_out(
    tx: Transaction, fence: Fence, batch: Batch, *, now: datetime, send: Sending
) -> None:
    """Carry out what is in ``decided``: people, invitations, licenses, links, changes."""
    values: dict[str, object] = {
        "cycle": fence.cycle_id,
        "configuration": fence.configuration_id,
        "now": to_seconds(now),
        "send_at": to_seconds(send.at),
    }
    moved = await moved_people(tx) if any(kind.writes for kind in batch.kinds) else []
    await _people(tx, batch, values)
    await _invite(tx, batch, values, send=send.way)
    await readdress(tx, moved, fence, way=send.way, send_at=send.at, now=now)
    if batch.has("disable", "delete", "enable", "restore"):
        await settle_pool(tx, now=now)
    await _links(tx, batch, values)
    await tx.run(sql.CHANGES, **values)


async def load_kinds(tx: Transaction, batch: Batch) -> None:
    """Empty ``decided`` and fill in what its rows will have in common."""
    await tx.run("DELETE FROM decided_rows")
    await tx.run("DELETE FROM decided_kinds")
    kinds = [(number, *kind) for kind, number in batch.kinds.items()]
    await insert_plain(tx, "decided_kinds", _KINDS, kinds)


async def _load(tx: Transaction, batch: Batch) -> None:
    await load_kinds(tx, batch)
    for start in range(0, len(batch.rows), SLICE):
        await insert_plain(tx, "decided_rows", _ROWS, batch.rows[start : start + SLICE])


async def _set_created_aside(tx: Transaction, fence: Fence, batch: Batch) -> None:
    """Leave out who was created by the same decision before."""
    rows = await tx.rows(sql.CREATED, configuration=fence.configuration_id)
    if batch.put_aside({row.external_id for row in rows}):
        await _load(tx, batch)


async def _set_taken_aside(tx: Transaction, fence: Fence, batch: Batch) -> None:
    """Turn whoever's match key is taken into a conflict, and whoever depended on them."""
    taken, owned = taken_key_problem(), owned_elsewhere()
    while found := {row.external_id for row in await tx.rows(sql.TAKEN)}:
        aside = batch.put_aside(found)
        new = [row for row in aside if batch.kind_of(row).action == Action.CREATE]
        elsewhere = await ownership.held_elsewhere(tx, fence, [row.seq for row in new])
        batch.claims.extend(row.seq for row in new if row.external_id in elsewhere)
        batch.problems.extend(
            (row.external_id, row.label, owned if row.external_id in elsewhere else taken)
            for row in aside
        )
        await _load(tx, batch)


async def _set_owned_aside(tx: Transaction, fence: Fence, batch: Batch) -> None:
    """Leave out whom another configuration got since the decision.

    Whoever was to be linked is a conflict then; of whoever was moved, an admin has decided.
    """
    links = batch.has("link")
    if not (links or batch.claims or any(kind.action != "create" for kind in batch.kinds)):
        return
    aside = batch.put_aside(await ownership.gone_elsewhere(tx, fence, links=links))
    if not aside:
        return
    claimed = [row for row in aside if batch.kind_of(row).action == Action.LINK]
    batch.claims.extend(row.seq for row in claimed)
    batch.problems.extend((row.external_id, row.label, owned_elsewhere()) for row in claimed)
    await _load(tx, batch)


async def _people(tx: Transaction, batch: Batch, values: dict[str, object]) -> None:
    if any(kind.rekey for kind in batch.kinds):
        await ownership.look_again(tx, "rekeyed", end=False)
        await tx.run(sql.CLEAR_KEYS)
    if batch.has("create"):
        await tx.run(sql.CREATE, **values)
    if any(kind.writes for kind in batch.kinds):
        await tx.run(sql.WRITE, **values)
        await tx.run(sql.RENAME)
    if any(kind.rekey for kind in batch.kinds):
        await tx.run(sql.SET_KEYS)
    if batch.has("link"):
        await tx.run(sql.OWN, **values)
    if batch.has("disable"):
        await tx.run(sql.DISABLE, **values)
    if batch.has("enable", "restore"):
        await tx.run(sql.ENABLE, **values)
    if batch.has("delete"):
        await tx.run(sql.DELETE, **values)


async def _invite(
    tx: Transaction, batch: Batch, values: dict[str, object], *, send: InvitationWay
) -> None:
    if batch.has("disable", "delete"):
        await tx.run(sql.REVOKE)
    if batch.has("enable", "restore"):
        await tx.run(sql.REINSTATE, **values)
        await tx.run(sql.OFFER_AGAIN, **values)
    if batch.has("create"):
        first = await reserve_ids(tx, "invitations", batch.created)
        await tx.run(
            sql.INVITE,
            offset=first - batch.first_user,
            way=send.value,
            state="staged" if send is InvitationWay.STAGED else "pending",
            **values,
        )
    if batch.has("enable", "restore") or (batch.has("create") and send in _CHAT):
        await tx.run(sql.CHATS, **values)


async def _links(tx: Transaction, batch: Batch, values: dict[str, object]) -> None:
    if any(kind.present for kind in batch.kinds):
        await tx.run(sql.settle(tx.backend), **values)
        await tx.run(sql.UNSETTLE, **values)
    if any(kind.present and not kind.settles for kind in batch.kinds):
        await tx.run(sql.IN_SCOPE, **values)
    if not all(kind.present for kind in batch.kinds):
        await tx.run(sql.MISS, **values)
        await tx.run(sql.FORGET, **values)


async def _erase(tx: Transaction, fence: Fence) -> None:
    await ownership.look_again(tx, "erased", end=True)
    for statement in (*sql.ERASE_FORMER, *sql.ERASE):
        await tx.run(statement, configuration=fence.configuration_id)


async def store_problems(
    tx: Transaction, fence: Fence, problems: Sequence[tuple[str, str, Problem]]
) -> None:
    """Store what is wrong with people in this cycle."""
    if not problems:
        return
    first = await reserve_ids(tx, "problems", len(problems))
    source = json_rows(tx.backend, "rows", _PROBLEM)
    for start in range(0, len(problems), SLICE):
        rows = [
            (first + start + n, name, label, *_fields(problem))
            for n, (name, label, problem) in enumerate(problems[start : start + SLICE])
        ]
        await tx.run(
            sql.PROBLEMS.format(source=source),
            rows=to_json(rows),
            cycle=fence.cycle_id,
            configuration=fence.configuration_id,
        )
        await asyncio.sleep(0)


def _fields(problem: Problem) -> tuple[str, ...]:
    return (
        problem.severity.value,
        problem.code,
        problem.message,
        problem.attribute,
        problem.value_kind,
        problem.hint,
    )


async def record_plan(tx: Transaction, fence: Fence, decisions: Sequence[Decision]) -> None:
    """Keep a dry run's decisions and problems."""
    await check_fence(tx, fence)
    items = [
        ("user", d.action.value, d.pair.label, d.pair.external_id, d.reason) for d in decisions
    ]
    await store_plan(tx, fence, items)
    problems = [(d.pair.external_id, d.pair.label, p) for d in decisions for p in problems_of(d)]
    await store_problems(tx, fence, problems)


async def store_plan(
    tx: Transaction, fence: Fence, items: Sequence[tuple[str, str, str, str, str]]
) -> None:
    """Store rows (kind, action, label, external id, reason) of a dry run's plan."""
    if not items:
        return
    first = await reserve_ids(tx, "plan_items", len(items))
    source = json_rows(tx.backend, "rows", _PLAN)
    for start in range(0, len(items), SLICE):
        part = items[start : start + SLICE]
        rows = [(first + start + n, *item) for n, item in enumerate(part)]
        await tx.run(sql.PLAN.format(source=source), rows=to_json(rows), cycle=fence.cycle_id)
        await asyncio.sleep(0)
