"""Groups in a delta: those that changed are enough, unless others depend on them.

A changed group that holds groups, or is held by one, changes what is true of others; one that the
scope names changes who is in scope. Then all groups are read. So are they when a group is said to
be deleted, or its record cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.engine.context import CycleContext
from core.engine.groups import KnownGroup, flatten, nested_in
from core.errors import RecordError
from core.model.cycle import StagedGroup
from core.model.directory import ExternalId, ProviderGroup


def nested_among(groups: Iterable[ProviderGroup]) -> frozenset[ExternalId]:
    """Return the groups that hold groups, and those that are held."""
    known = {group.external_id: group for group in groups}
    found: set[ExternalId] = set()
    for group in known.values():
        children = nested_in(group, known)
        found |= children | ({group.external_id} if children else set())
    return frozenset(found)


def changed_alone(
    ctx: CycleContext,
    records: Sequence[bytes],
    known: Sequence[KnownGroup],
    nested: frozenset[ExternalId],
) -> list[StagedGroup] | None:
    """Return the changed groups with all their members, or None if all groups have to be read.

    `nested` are the groups that hold groups or are held, as of the last full reading.
    """
    try:
        groups = [ctx.provider.decode_group(raw) for raw in records]
    except RecordError:
        return None
    ids = {group.external_id for group in known} | {group.external_id for group in groups}
    for group in groups:
        holds = group.member_groups or group.member_unknown & ids
        if holds or not group.complete or group.external_id in nested:
            return None
    if _is_scoped(ctx, groups, known):
        return None
    return list(flatten(groups).values())


def _is_scoped(
    ctx: CycleContext, groups: Sequence[ProviderGroup], known: Sequence[KnownGroup]
) -> bool:
    """Whether the scope, now or before, names one of these groups by id, or by a name of theirs."""
    scope, before = ctx.configuration.spec.scope, ctx.configuration.previous_scope
    named = {*scope.groups, *(before.groups if before else ())}
    folded = {name.casefold().strip() for name in named}
    ids = {group.external_id for group in groups}
    names = {group.display_name for group in groups}
    names |= {group.display_name for group in known if group.external_id in ids}
    return bool(named & ids) or any(name.casefold().strip() in folded for name in names)
