"""What becomes of the groups that were read."""

from __future__ import annotations

from collections.abc import Sequence

from core.engine.context import CycleContext
from core.engine.groups import KnownGroup, Planned, plan_group
from core.model.cycle import StagedGroup
from core.model.directory import ExternalId


async def known_groups(ctx: CycleContext) -> list[KnownGroup]:
    """Return the groups that the account has."""
    return [KnownGroup(*row) for row in await ctx.store.groups(ctx.fence)]


async def plan_groups(
    ctx: CycleContext,
    groups: Sequence[StagedGroup],
    known: Sequence[KnownGroup],
    staying: frozenset[ExternalId] | None,
) -> list[Planned]:
    """Plan new, renamed and refilled groups; whoever may not be removed stays in their groups."""
    by_id = {group.external_id: group for group in known}
    planned = []
    for group in groups:
        mine = by_id.get(group.external_id)
        change = plan_group(group, mine, await _members(ctx, group, mine), staying)
        if change is not None:
            planned.append(change)
    return planned


async def _members(
    ctx: CycleContext, group: StagedGroup, known: KnownGroup | None
) -> frozenset[ExternalId]:
    """Return the members that the account has, asking only where something may have changed."""
    if known is None:
        return frozenset()
    if group.proven and known.holds(group.members):
        return group.members
    return await ctx.store.group_members(ctx.fence, known.external_id)
