"""Scope: who is provisioned, and by whose doing somebody is not any more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from core.engine.expressions import Expression
from core.engine.matching import ascii_domain, domain_of
from core.errors import ConfigurationError, RecordError
from core.model.configuration import Configuration, Scope
from core.model.cycle import ScopeAnswer, StagedGroup
from core.model.directory import Digest, ExternalId, ProviderUser, UnitPath

Groups = Mapping[ExternalId, StagedGroup]


def digest_key(
    configuration: Configuration, decoder_revision: str, units: Sequence[UnitPath] = ()
) -> bytes:
    """Return the key of the raw digests: same bytes under another rule are another digest.

    It covers the scope's revision, the mapping, the provider's decoder, and where the scope's
    organizational units are.
    """
    rule = [
        configuration.scope_revision,
        sorted(configuration.mapping.items()),
        sorted(configuration.spec.only_on_create),
        decoder_revision,
    ]
    if units:
        rule.append(units)
    return hashlib.blake2b(msgspec.json.encode(rule), digest_size=32).digest()


def digester(key: bytes) -> Callable[[bytes], Digest]:
    """Return the function from a record's raw bytes to its digest of 16 bytes."""
    keyed = hashlib.blake2b(digest_size=16, key=key)

    def digest(raw: bytes) -> Digest:
        one = keyed.copy()
        one.update(raw)
        return Digest(one.digest())

    return digest


def resolve_groups(scope: Scope, groups: Groups, *, listing_proven: bool) -> list[StagedGroup]:
    """Return the groups that a scope names by id or by display name.

    Raises `ConfigurationError` if a group does not exist (``scope_group_missing``) or if two have
    that name (``scope_group_ambiguous``). Where the listing is not proven to be whole, a group
    that is not in it may exist all the same, and is left out.
    """
    found: list[StagedGroup] = []
    for name in scope.groups:
        matches = _named(name, groups)
        if len(matches) > 1:
            raise ConfigurationError(
                f"The directory has {len(matches)} groups named “{name}”.",
                code="scope_group_ambiguous",
                hint="Name the group in the scope by its id.",
            )
        if not matches and listing_proven:
            raise ConfigurationError(
                f"The scope's group “{name}” does not exist in the directory.",
                code="scope_group_missing",
                hint="Correct the group in the configuration's scope, or create it there.",
            )
        found.extend(matches)
    return found


def _named(name: str, groups: Groups) -> list[StagedGroup]:
    by_id = groups.get(ExternalId(name))
    if by_id is not None:
        return [by_id]
    exact = [group for group in groups.values() if group.display_name == name]
    folded = name.casefold().strip()
    return exact or [g for g in groups.values() if g.display_name.casefold().strip() == folded]


def members_of(groups: Iterable[StagedGroup]) -> frozenset[ExternalId]:
    """Return everybody in any of the groups, nested ones included."""
    return frozenset().union(*(group.members for group in groups))


def because(scope: Scope, groups: Sequence[str], key: str) -> str:
    """Say by which rules somebody is in scope: one with this match key and in these groups."""
    parts = [f"member of {', '.join(groups)}"] if groups else []
    if scope.groups and not groups:
        parts = ["member of a group of the scope"]
    if scope.domains:
        parts.append(f"address in {domain_of(key)}")
    if scope.org_units:
        parts.append(f"in or below the org unit {' or '.join(scope.org_units)}")
    if scope.filter:
        parts.append("the filter holds")
    return ", ".join(parts) or "everybody in the directory is"


def because_not(scope: Scope, *, held: bool, key: str) -> str:
    """Say which rule keeps somebody out of scope; `held` says that a scope group holds them."""
    if scope.groups and not held:
        return f"in none of the scope's groups ({', '.join(scope.groups)})"
    wanted = {ascii_domain(domain.lstrip("@")) for domain in scope.domains}
    if not wanted or domain_of(key) in wanted:
        parts = [f"in none of the scope's org units ({', '.join(scope.org_units)})"]
        parts = parts if scope.org_units else []
        parts += ["the filter does not hold"] if scope.filter else []
        if parts:
            return ", or ".join(parts)
    if scope.domains:
        return f"the address is in none of the scope's domains ({', '.join(scope.domains)})"
    return "no rule of the scope admits the record"


class ScopeRule:
    """One scope with its groups' members: a test of one person.

    A scope with groups and domains wants both: a member whose address is in one of the domains;
    and of those, its filter admits whom it comes to true for. `units` are where its organizational
    units are; people in them and below are in them.
    """

    def __init__(
        self, scope: Scope, members: frozenset[ExternalId], units: Sequence[UnitPath] = ()
    ) -> None:
        self.units = tuple(units)
        self._by_group = bool(scope.groups)
        self._members = members
        self._domains = frozenset(ascii_domain(domain.lstrip("@")) for domain in scope.domains)
        self._filter = Expression(scope.filter) if scope.filter else None

    @property
    def members(self) -> frozenset[ExternalId]:
        """The people of the scope's groups; nobody where it names no groups."""
        return self._members if self._by_group else frozenset()

    def holds(self, person: ExternalId) -> bool:
        """Whether a scope group has the person; False where the scope names no groups."""
        return self._by_group and person in self._members

    def admits(self, person: ProviderUser, key: str) -> bool:
        """Whether a person with this match key is in scope.

        Raises `RecordError` if that depends on the filter and it cannot be worked out, or on where
        the person is and the record does not say.
        """
        if self._by_group and person.external_id not in self._members:
            return False
        if self._domains and domain_of(key) not in self._domains:
            return False
        if self.units and not _within(person.org_unit, self.units):
            return False
        return self._filter is None or _is_true(self._filter.evaluate(person))


class Scoping:
    """The present scope beside the previous one."""

    def __init__(self, now: ScopeRule, before: ScopeRule | None) -> None:
        self._now = now
        self._before = before

    @property
    def units(self) -> Sequence[UnitPath]:
        """Where the present scope's organizational units are."""
        return self._now.units

    @property
    def members(self) -> frozenset[ExternalId]:
        """The people of the present scope's groups."""
        return self._now.members

    def holds(self, person: ExternalId) -> bool:
        """Whether one of the present scope's groups has the person."""
        return self._now.holds(person)

    def answer(self, person: ProviderUser, key: str) -> ScopeAnswer:
        """Say whether the person is in scope; `OUT_BY_EDIT` if the previous scope would admit.

        Raises `RecordError` as `ScopeRule.admits` does. A previous filter that cannot be worked out
        any more counts as admitting, so that an edit is never taken for people who left.
        """
        if self._now.admits(person, key):
            return ScopeAnswer.IN
        if self._before is None:
            return ScopeAnswer.OUT
        try:
            was_in = self._before.admits(person, key)
        except RecordError:
            was_in = True
        return ScopeAnswer.OUT_BY_EDIT if was_in else ScopeAnswer.OUT


def _within(place: UnitPath | None, units: Sequence[UnitPath]) -> bool:
    if place is None:
        raise RecordError(
            "The record does not say in which org unit it is.",
            attribute="scope.org_units",
            hint="Correct the record at the identity provider.",
        )
    return any(place[: len(unit)] == unit for unit in units)


def _is_true(value: object) -> bool:
    if not isinstance(value, bool):
        raise RecordError(
            "The scope's filter comes to neither true nor false for this record.",
            code="filter_failed",
            attribute="scope.filter",
            hint='Write a filter that compares, such as department == "Sales".',
        )
    return value
