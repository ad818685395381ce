"""The snapshot: groups, scope and people read, staged and proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.engine.context import CycleContext, Meter
from core.engine.mapping import Mapper
from core.engine.org_units import find_units, previous_units
from core.engine.proof import Evidence, prove
from core.engine.reading import GroupListing, PeopleReader, read_groups
from core.engine.scoping import (
    ScopeRule,
    Scoping,
    digest_key,
    digester,
    members_of,
    resolve_groups,
)
from core.errors import ConfigurationError
from core.model.cycle import StagedGroup, Step
from core.model.directory import ExternalId


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What one full read returned, beside the staged people.

    Attributes:
        groups: every readable group; those of an unproven listing are not proven either.
        groups_read: groups are a part of this snapshot.
        groups_proven: the listing of groups is whole, so that a missing group is gone.
        unreadable_groups: groups to be left as they are.
        nested_groups: those that hold groups, and those that are held.
        evidence: what the proof judges.
        canaries_missing: picked canaries that are not there any more.
        requests: pages that were asked for.
    """

    groups: Sequence[StagedGroup]
    groups_read: bool
    groups_proven: bool
    unreadable_groups: frozenset[ExternalId]
    nested_groups: frozenset[ExternalId]
    evidence: Evidence
    canaries_missing: int
    requests: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupsRead:
    """The groups as they were read.

    Attributes:
        read: groups were asked for at all.
        proven: the listing is whole.
    """

    listing: GroupListing
    read: bool
    proven: bool


async def read_snapshot(ctx: CycleContext, meter: Meter) -> Snapshot:
    """Read groups, then people. Raises what ends the cycle: no credentials, no page at all."""
    await meter.begin(Step.READ)
    groups = await read_all_groups(ctx, meter)
    scoping, scope_proven = await scoping_of(ctx, groups)
    reader = PeopleReader(
        ctx,
        meter,
        mapper=Mapper.of(ctx.configuration),
        scoping=scoping,
        digest=digester(
            digest_key(ctx.configuration, ctx.provider.decoder_revision, scoping.units)
        ),
    )
    await reader.load_known()
    people = await reader.read()
    named, picked = await _missing_canaries(ctx)
    return Snapshot(
        groups=[
            replace(g, proven=g.proven and groups.proven) for g in groups.listing.groups.values()
        ],
        groups_read=groups.read,
        groups_proven=groups.proven,
        unreadable_groups=frozenset(groups.listing.unreadable),
        nested_groups=groups.listing.nested,
        evidence=Evidence(
            people=people,
            missing_canaries=named or _when_most(picked, len(ctx.configuration.picked_canaries)),
            scope_groups_proven=scope_proven,
        ),
        canaries_missing=picked,
        requests=people.pages + groups.listing.listing.pages,
    )


async def delta_scoping(
    ctx: CycleContext, meter: Meter, *, read: bool
) -> tuple[Scoping, Sequence[StagedGroup] | None, bool, int]:
    """Return the scope's test for changed people.

    With `read`, some group changed, and all are read: they are returned, with whether they are
    known in full and the pages asked for. Otherwise the scope's groups have the members that they
    had when last seen.
    """
    if read:
        groups = await read_all_groups(ctx, meter)
        scoping, proven = await scoping_of(ctx, groups)
        whole = list(groups.listing.groups.values())
        return scoping, whole, proven and groups.proven, groups.listing.listing.pages
    scope, previous = ctx.configuration.spec.scope, ctx.configuration.previous_scope
    named = scope.groups or (previous is not None and previous.groups)
    members = await ctx.store.scoped_ids(ctx.fence) if named else frozenset[ExternalId]()
    before = None
    if previous is not None:
        before = ScopeRule(previous, members, await previous_units(ctx.provider, previous))
    units = await find_units(ctx.provider, scope)
    return Scoping(ScopeRule(scope, members, units), before), None, True, 0


async def read_all_groups(ctx: CycleContext, meter: Meter) -> GroupsRead:
    """Read all groups; raises `ConfigurationError` if the scope names some and there are none."""
    wanted = bool(ctx.configuration.spec.scope.groups)
    if not ctx.provider.capabilities.groups:
        if wanted:
            raise ConfigurationError(
                "The scope names groups, but this provider does not list groups.",
                code="scope_groups_unsupported",
                hint="Take the groups out of the scope, or let the provider list them.",
            )
        return GroupsRead(listing=GroupListing(), read=False, proven=True)
    listing = await read_groups(ctx, meter)
    return GroupsRead(listing=listing, read=True, proven=listing_proven(ctx, listing))


def listing_proven(ctx: CycleContext, groups: GroupListing) -> bool:
    """Judge the listing of groups by the same rules; a company may have none."""
    judged = prove(Evidence(people=groups.listing), ctx.proof_rules)
    whole = all(code == "empty" for code, _ in judged.failed)
    return whole and not groups.unreadable


async def scoping_of(ctx: CycleContext, groups: GroupsRead) -> tuple[Scoping, bool]:
    """Return the scope's test, and whether its groups' members are known in full."""
    scope = ctx.configuration.spec.scope
    known = groups.listing.groups
    found = resolve_groups(scope, known, listing_proven=groups.proven)
    proven = not scope.groups or (groups.proven and all(group.proven for group in found))
    members = members_of(found)
    if not proven:
        members |= await ctx.store.scoped_ids(ctx.fence)
    before = await _previous_rule(ctx, groups)
    units = await find_units(ctx.provider, scope)
    return Scoping(ScopeRule(scope, members, units), before), proven


async def _previous_rule(ctx: CycleContext, groups: GroupsRead) -> ScopeRule | None:
    """Return the previous scope's test.

    Where its groups' members cannot be known any more, whoever was in a group of the scope when
    last seen counts as one, so that an edit is never taken for people who left.
    """
    scope = ctx.configuration.previous_scope
    if scope is None:
        return None
    members: frozenset[ExternalId] = frozenset()
    known = groups.proven
    for name in scope.groups:
        one = replace(scope, groups=(name,))
        try:
            found = resolve_groups(one, groups.listing.groups, listing_proven=True)
        except ConfigurationError:
            known = False
            continue
        members |= members_of(found)
        known = known and all(group.proven for group in found)
    if scope.groups and not known:
        members |= await ctx.store.scoped_ids(ctx.fence)
    return ScopeRule(scope, members, await previous_units(ctx.provider, scope))


async def _missing_canaries(ctx: CycleContext) -> tuple[int, int]:
    """Return how many named and how many picked canaries are missing; named ones replace picked."""
    named = ctx.configuration.spec.guard.canaries
    if named:
        return await _missing(ctx, named), 0
    return 0, await _missing(ctx, ctx.configuration.picked_canaries)


async def _missing(ctx: CycleContext, names: Sequence[str]) -> int:
    found = [await ctx.store.holds_canary(ctx.fence, name) for name in names]
    return found.count(False)


def _when_most(missing: int, of: int) -> int:
    """Picked canaries leave one by one like everybody; most of them at once is not leaving."""
    return missing if 2 * missing > of else 0
