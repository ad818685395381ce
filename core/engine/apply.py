"""The second pass: decide again and carry out, or record, what was let through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container, Iterable, Sequence
from dataclasses import dataclass

from core.engine.context import CycleContext, Meter
from core.engine.groups import Planned
from core.engine.guard import Ruling
from core.engine.plan import SILENT, Policy
from core.engine.survey import decided
from core.model.cycle import Action, Decision
from core.model.directory import ExternalId, ResourceKind
from core.model.newcomers import Newcomers

GROUP_BATCH = 200
MEMBERS_BATCH = 20_000
_HELD = "held by the guard"
_NOT_NOW = "not now, removals are frozen"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be carried out.

    Attributes:
        absentees: the snapshot may speak of those who are missing.
        newcomers: people who are created all at once, with the decision.
        decisions: what was decided for everybody, or None if it is to be decided again.
    """

    policy: Policy
    ruling: Ruling
    absentees: bool
    groups: Sequence[Planned]
    newcomers: Sequence[tuple[Newcomers, Decision]] = ()
    decisions: Sequence[Sequence[Decision]] | None = None


async def carry_out(ctx: CycleContext, meter: Meter, order: Order) -> None:
    """Apply the plan, batch by batch; each batch is one fenced transaction.

    One is under way while the next is decided. That changes no decision: who takes somebody's
    address comes last, and nobody else's record depends on the batch before.
    """
    await _create(ctx, meter, order)
    job: asyncio.Task[None] | None = None
    try:
        async for decisions in _decisions(ctx, order, newcomers=not order.newcomers):
            if job is not None:
                await job
            job = asyncio.create_task(_apply(ctx, meter, order, decisions))
        if job is not None:
            await job
    finally:
        if job is not None:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
    for batch in group_batches(allowed_groups(order)):
        await ctx.store.apply_groups(ctx.fence, batch, now=ctx.clock.now())
        await meter.advance(0)


async def _decisions(
    ctx: CycleContext, order: Order, *, newcomers: bool
) -> AsyncIterator[Sequence[Decision]]:
    """Yield what was decided, or decide it again; without `newcomers`, about all but those."""
    if order.decisions is not None:
        for decisions in order.decisions:
            yield decisions
        return
    again = decided(ctx, order.policy, absentees=order.absentees, newcomers=newcomers)
    async for decisions in again:
        yield decisions


async def _create(ctx: CycleContext, meter: Meter, order: Order) -> None:
    """Create the newcomers, unless the guard holds creations; none of them was released."""
    for found, decision in order.newcomers:
        if _is_allowed(decision, order.ruling):
            await ctx.store.create_newcomers(
                ctx.fence,
                found,
                decision,
                now=ctx.clock.now(),
                send=ctx.configuration.spec.invitations,
                invite_at=order.policy.invitations_until,
            )
        await meter.advance(found.people)


async def _apply(
    ctx: CycleContext, meter: Meter, order: Order, decisions: Sequence[Decision]
) -> None:
    allowed = [d for d in decisions if _is_allowed(d, order.ruling) and _says_something(d)]
    if allowed:
        await ctx.store.apply(
            ctx.fence,
            allowed,
            now=ctx.clock.now(),
            send=ctx.configuration.spec.invitations,
            invite_at=order.policy.invitations_until,
            keep=frozenset(ctx.configuration.spec.only_on_create),
        )
    await meter.advance(len(decisions))


async def record(ctx: CycleContext, meter: Meter, order: Order) -> None:
    """Keep the plan for the preview: what would be done, held or told."""
    held = {
        (item.external_id, item.action)
        for item in order.ruling.held
        if item.kind is ResourceKind.USER
    }
    async for decisions in _decisions(ctx, order, newcomers=True):
        told = []
        for decision in decisions:
            waits = _waits(decision, order.ruling, held)
            if waits or (_is_allowed(decision, order.ruling) and _is_told(decision)):
                told.append(_marked(decision, waits) if waits else decision)
        if told:
            await ctx.store.record_plan(ctx.fence, told)
        await meter.advance(len(decisions))
    for batch in group_batches(allowed_groups(order)):
        await ctx.store.record_group_plan(ctx.fence, [change for change, _ in batch])


def _waits(decision: Decision, ruling: Ruling, held: Container[tuple[ExternalId, Action]]) -> str:
    """Return the mark of what is not carried out now, or an empty string."""
    if not decision.action.removes:
        return "" if _is_allowed(decision, ruling) else _HELD
    if (decision.pair.external_id, decision.action) in held:
        return _HELD
    postponed = ruling.postpones(ResourceKind.USER, decision.pair.external_id, decision.action)
    return _NOT_NOW if postponed else ""


def _marked(decision: Decision, mark: str) -> Decision:
    return decision._replace(reason=f"{mark}: {decision.reason}")


def _is_allowed(decision: Decision, ruling: Ruling) -> bool:
    return ruling.lets(ResourceKind.USER, decision.pair.external_id, decision.action)


def _says_something(decision: Decision) -> bool:
    """Whether the store has anything to note: for an absentee only removal or the first absence."""
    pair = decision.pair
    return pair.present or decision.action not in SILENT or pair.absent_since is None


def _is_told(decision: Decision) -> bool:
    silent = decision.action in SILENT
    return not silent or bool(decision.pair.problems)


def allowed_groups(order: Order) -> list[Planned]:
    """Return the changes of groups that the guard lets through."""
    return [
        planned
        for planned in order.groups
        if order.ruling.lets(ResourceKind.GROUP, planned[0].external_id, planned[0].action)
    ]


def group_batches(planned: Iterable[Planned]) -> Iterable[list[Planned]]:
    """Cut changes of groups into transactions of bounded size."""
    batch: list[Planned] = []
    members = 0
    for one in planned:
        batch.append(one)
        members += len(one[0].added) + len(one[0].removed)
        if len(batch) >= GROUP_BATCH or members >= MEMBERS_BATCH:
            yield batch
            batch, members = [], 0
    if batch:
        yield batch
