"""Groups: nested ones flattened, and what becomes of each."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.model.cycle import Action, GroupChange, StagedGroup
from core.model.directory import ExternalId, ProviderGroup

Planned = tuple[GroupChange, bytes]
"""A change of a group with the digest of its members afterwards."""


def member_digest(members: Iterable[ExternalId]) -> bytes:
    """Return 16 bytes that say who is in a group, whatever the order."""
    whole = hashlib.blake2b(digest_size=16)
    for member in sorted(members):
        encoded = member.encode("utf-8", "surrogatepass")
        whole.update(len(encoded).to_bytes(4, "big") + encoded)
    return whole.digest()


def flatten(groups: Iterable[ProviderGroup]) -> dict[ExternalId, StagedGroup]:
    """Return each group with all its people, through nested groups of any depth.

    A group that contains itself, directly or round a circle, contributes its members once. A
    group is proven if every list on the way to its members is whole.
    """
    known = {group.external_id: group for group in groups}
    return {id_: _flat(group, known) for id_, group in known.items()}


def _flat(group: ProviderGroup, known: Mapping[ExternalId, ProviderGroup]) -> StagedGroup:
    seen = {group.external_id}
    waiting = [group]
    members: set[ExternalId] = set()
    proven = True
    while waiting:
        one = waiting.pop()
        proven = proven and one.complete
        members |= people_of(one, known)
        for child in nested_in(one, known) - seen:
            seen.add(child)
            if child in known:
                waiting.append(known[child])
            else:
                proven = False
    return StagedGroup(
        external_id=group.external_id,
        display_name=group.display_name,
        members=frozenset(members),
        proven=proven,
    )


def people_of(
    group: ProviderGroup, known: Mapping[ExternalId, ProviderGroup]
) -> frozenset[ExternalId]:
    """Return the direct members that are people; unknown ones are, unless a group has their id."""
    unknown = group.member_unknown
    return group.member_users | (frozenset(m for m in unknown if m not in known))


def nested_in(
    group: ProviderGroup, known: Mapping[ExternalId, ProviderGroup]
) -> frozenset[ExternalId]:
    """Return the ids of the groups directly in a group."""
    return group.member_groups | frozenset(m for m in group.member_unknown if m in known)


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A group as the account has it, with the digest of its members."""

    external_id: ExternalId
    display_name: str
    digest: bytes

    def holds(self, members: frozenset[ExternalId]) -> bool:
        """Whether exactly these people are in it."""
        return self.digest == member_digest(members)


def plan_group(
    group: StagedGroup,
    known: KnownGroup | None,
    members: frozenset[ExternalId],
    staying: Container[ExternalId] | None = frozenset(),
) -> Planned | None:
    """Decide what becomes of a group of the snapshot, or return None if nothing does.

    `members` are those the account has. Nobody is taken out of a group that is not proven, none
    of `staying` out of any, and nobody at all if that is None.
    """
    after = group.members | frozenset(
        member
        for member in members - group.members
        if not group.proven or staying is None or member in staying
    )
    digest = member_digest(after)
    if known is None:
        return _change(group, Action.CREATE, None, after, members), digest
    renamed = known.display_name != group.display_name
    if digest == known.digest and not renamed:
        return None
    previous = known.display_name if renamed else None
    return _change(group, Action.UPDATE, previous, after, members), digest


def _change(
    group: StagedGroup,
    action: Action,
    previous: str | None,
    after: frozenset[ExternalId],
    before: frozenset[ExternalId],
) -> GroupChange:
    return GroupChange(
        external_id=group.external_id,
        action=action,
        display_name=group.display_name,
        previous_name=previous,
        added=after - before,
        removed=before - after,
        members=len(after),
    )


def plan_deletions(seen: Container[ExternalId], known: Sequence[KnownGroup]) -> list[Planned]:
    """Return the deletion of every known group that was not seen."""
    return [
        (
            GroupChange(
                external_id=group.external_id,
                action=Action.DELETE,
                display_name=group.display_name,
            ),
            b"",
        )
        for group in known
        if group.external_id not in seen
    ]
