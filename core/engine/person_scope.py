"""The scope's test for one person, with as few questions as it takes.

Whom the scope's groups hold is asked, where the provider can say so of one person. What it cannot
say for certain is read: the members of those groups and of the groups in them, or else all groups.
A fault is never taken for "not a member".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from core.engine.context import CycleContext, Meter
from core.engine.groups import flatten, nested_in
from core.engine.reading import GroupListing, list_groups, pages_of
from core.engine.scoping import Groups, Scoping, resolve_groups
from core.engine.snapshot import GroupsRead, listing_proven, read_all_groups, scoping_of
from core.errors import ConfigurationError, RemoteError, SignInError
from core.model.configuration import Scope
from core.model.cycle import StagedGroup
from core.model.directory import ExternalId, Memberships, Page, ProviderGroup
from core.model.wording import several
from core.ports import MemberReader, MembershipFinder


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonScope:
    """What one person is judged by.

    Attributes:
        scoping: the scope's test; for anybody else it says nothing.
        holders: the names of the present scope's groups that have the person in them.
        proven: that the others have not is certain.
        note: what had to be read beside, for people; empty if asking was enough.
    """

    scoping: Scoping
    holders: tuple[str, ...]
    proven: bool
    note: str = ""


async def scope_of(ctx: CycleContext, meter: Meter, person: ExternalId) -> PersonScope:
    """Ask or read what the scope's test of this person needs, and no more.

    Raises what a whole cycle raises: a group of the scope that is missing or ambiguous, no groups
    at all, no credentials.
    """
    scope, before = ctx.configuration.spec.scope, ctx.configuration.previous_scope
    groups, note = GroupsRead(listing=GroupListing(), read=False, proven=True), ""
    if scope.groups or (before is not None and before.groups):
        groups, note = await _groups_for(ctx, meter, person)
    scoping, proven = await scoping_of(ctx, groups)
    found = resolve_groups(scope, groups.listing.groups, listing_proven=groups.proven)
    holders = sorted(group.display_name for group in found if person in group.members)
    return PersonScope(scoping=scoping, holders=tuple(holders), proven=proven, note=note)


async def _groups_for(
    ctx: CycleContext, meter: Meter, person: ExternalId
) -> tuple[GroupsRead, str]:
    provider = ctx.provider
    if not (provider.capabilities.groups and isinstance(provider, MembershipFinder)):
        return await read_all_groups(ctx, meter), ""
    with suppress(_NotCertainError):
        return await _asked(ctx, meter, provider, person)
    groups = await read_all_groups(ctx, meter)
    return groups, f"all groups were read for it: {len(groups.listing.groups):,}"


class _NotCertainError(Exception):
    """All groups have to be read."""


async def _asked(
    ctx: CycleContext, meter: Meter, finder: MembershipFinder, person: ExternalId
) -> tuple[GroupsRead, str]:
    """Return all groups, those of the scope with this person in them or not.

    The other groups have no members here, and are not proven.
    """
    try:
        kept: list[bytes] = []
        listing, found = await list_groups(ctx, meter, _keeping(finder.list_groups(), kept))
        listing.groups = {one.external_id: _bare(one) for one in found.values()}
        sets = _scope_groups(ctx, listing.groups)
        wanted = frozenset[ExternalId]().union(*sets)
        answer = Memberships(groups=wanted, whole=True)
        if wanted:
            answer = await finder.held_by(person, wanted)
        doubts = _doubts(sets, answer)
        read: Mapping[ExternalId, StagedGroup] = {}
        if doubts:
            read = await _read_through(ctx, found, kept, doubts)
    except SignInError:
        raise
    except RemoteError as error:
        raise _NotCertainError from error
    listing.groups |= {one: _held(listing.groups[one], answer, person) for one in wanted}
    listing.groups |= {one: read[one] for one in doubts}
    groups = GroupsRead(listing=listing, read=True, proven=listing_proven(ctx, listing))
    of = several(len(read), "group")
    return groups, f"the members of {of} were read for it" if read else ""


def _bare(group: ProviderGroup) -> StagedGroup:
    return StagedGroup(
        external_id=group.external_id,
        display_name=group.display_name,
        members=frozenset(),
        proven=False,
    )


def _held(group: StagedGroup, answer: Memberships, person: ExternalId) -> StagedGroup:
    held = group.external_id in answer.groups
    return replace(group, members=frozenset({person} if held else ()), proven=True)


async def _keeping(source: AsyncIterator[Page], kept: list[bytes]) -> AsyncGenerator[Page, None]:
    async with pages_of(source) as pages:
        async for page in pages:
            kept += page.records
            yield page


def _scope_groups(ctx: CycleContext, groups: Groups) -> list[frozenset[ExternalId]]:
    """Return the groups of the present and of the previous scope, as far as they are there."""
    scopes = (ctx.configuration.spec.scope, ctx.configuration.previous_scope)
    return [frozenset(_ids(scope, groups)) for scope in scopes if scope is not None]


def _ids(scope: Scope, groups: Groups) -> Iterable[ExternalId]:
    for name in scope.groups:
        one = replace(scope, groups=(name,))
        with suppress(ConfigurationError):
            for group in resolve_groups(one, groups, listing_proven=True):
                yield group.external_id


def _doubts(sets: Iterable[frozenset[ExternalId]], answer: Memberships) -> frozenset[ExternalId]:
    """Return the groups of which it matters and is not certain whether they hold the person.

    Whoever is in one group of a scope needs no other one.
    """
    if answer.whole:
        return frozenset()
    open_sets = (groups for groups in sets if groups.isdisjoint(answer.groups))
    return frozenset[ExternalId]().union(*open_sets)


async def _read_through(
    ctx: CycleContext,
    found: Mapping[ExternalId, ProviderGroup],
    records: Collection[bytes],
    begin: frozenset[ExternalId],
) -> Mapping[ExternalId, StagedGroup]:
    """Read these groups and the groups in them, and return them with all their people."""
    provider = ctx.provider
    if not isinstance(provider, MemberReader):
        raise _NotCertainError
    raws = {provider.identify(raw): raw for raw in records}
    whole: dict[ExternalId, ProviderGroup] = {}
    waiting = begin
    while waiting:
        listed = [raws[one] for one in sorted(waiting)]
        read = [provider.decode_group(raw) for raw in await provider.with_members(listed)]
        whole |= {group.external_id: group for group in read}
        inside = frozenset[ExternalId]().union(*(nested_in(group, found) for group in read))
        waiting = (inside & found.keys()) - whole.keys()
    return flatten(whole.values())
