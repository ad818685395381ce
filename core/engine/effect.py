"""What an edit would mean for people: one reading of the directory under both rules.

Nothing is staged or written; the provider is read as in a cycle, and both scopes and mappings
are asked about everybody.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from core.engine.expressions import Expression, is_path
from core.engine.groups import flatten
from core.engine.mapping import Mapped, Mapper, getter
from core.engine.org_units import find_units, previous_units
from core.engine.reading import pages_of
from core.engine.scoping import Groups, ScopeRule, members_of, resolve_groups
from core.errors import RecordError
from core.model.configuration import Configuration
from core.model.cycle import Problem
from core.model.directory import ExternalId, ProviderGroup, ProviderUser, UnitPath
from core.model.form import ONLY_ON_CREATE
from core.model.views import Effect, MappedPerson
from core.ports import IdentityProvider

SAMPLE = 5
MOST_PEOPLE = 200_000
"""People that are looked at; of a larger directory the rest is left out, and that is said."""
_PROBLEMS = msgspec.json.Decoder(list[Problem])


@dataclass(kw_only=True)
class _Found:
    read: int = 0
    unreadable: int = 0
    in_scope: int = 0
    joins: int = 0
    leaves: int = 0
    changes: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    joining: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    whole: bool = True


async def effect_of(
    provider: IdentityProvider, *, now: Configuration | None, then: Configuration
) -> Effect:
    """Return who would join and leave the scope, and whose attributes would change.

    `now` is the stored configuration, or None for a new one. Raises what listings raise, and
    `ConfigurationError` for a group or an org unit of the scope that the directory does not have.
    """
    named = bool(then.spec.scope.groups or (now and now.spec.scope.groups))
    groups = flatten((await _groups(provider)).values()) if named else {}
    found = _Found()
    before = None
    if now:
        earlier = await previous_units(provider, now.spec.scope)
        before = _Rule(now, groups, earlier, lenient=True)
    after = _Rule(then, groups, await find_units(provider, then.spec.scope), lenient=False)
    async with pages_of(provider.read_users()) as pages:
        async for page in pages:
            for raw in page.records:
                _judge(provider, raw, before, after, found)
            await asyncio.sleep(0)
            if found.read >= MOST_PEOPLE and not page.last:
                found.whole = False
                break
    return Effect(
        read=found.read,
        in_scope=found.in_scope,
        joins=found.joins,
        leaves=found.leaves,
        changes=found.changes,
        lost=dict(found.lost),
        joining=tuple(found.joining),
        leaving=tuple(found.leaving),
        whole=found.whole,
    )


def mapped_person(user: ProviderUser, configuration: Configuration) -> MappedPerson:
    """Return one person's values side by side: at the provider, and in the account."""
    mapped = Mapper.of(configuration).map(user)
    profile = msgspec.json.decode(mapped.profile, type=dict[str, str])
    once = configuration.spec.only_on_create
    rows = []
    for name, path in configuration.mapping.items():
        told = f"{name} {ONLY_ON_CREATE}" if name in once else name
        rows.append((told, path, _source(user, path), profile.get(name, "")))
    problems = _PROBLEMS.decode(mapped.problems) if mapped.problems else []
    return MappedPerson(
        name=mapped.display_name or mapped.user_name,
        active=user.active,
        values=tuple(rows),
        warnings=tuple(problem.message for problem in problems),
    )


def _source(user: ProviderUser, path: str) -> str:
    """Return the provider's value of a path; of an expression, the values that it reads."""
    paths = [path] if is_path(path) else sorted(Expression(path).paths)
    getters = [getter(each) for each in paths]
    found = [
        user.attributes.get(each) if get is None else get(user)
        for each, get in zip(paths, getters, strict=True)
    ]
    return ", ".join(str(value) for value in found if value not in (None, "", [], {}))


async def _groups(provider: IdentityProvider) -> dict[ExternalId, ProviderGroup]:
    found: dict[ExternalId, ProviderGroup] = {}
    async with pages_of(provider.read_groups()) as pages:
        async for page in pages:
            for raw in page.records:
                try:
                    group = provider.decode_group(raw)
                except RecordError:
                    continue
                found[group.external_id] = group
    return found


class _Rule:
    """One configuration's scope and mapping."""

    def __init__(
        self,
        configuration: Configuration,
        groups: Groups,
        units: Sequence[UnitPath],
        *,
        lenient: bool,
    ) -> None:
        scope = configuration.spec.scope
        chosen = resolve_groups(scope, groups, listing_proven=not lenient)
        self._scope = ScopeRule(scope, members_of(chosen), units)
        self._mapper = Mapper.of(configuration)

    def map(self, user: ProviderUser) -> tuple[Mapped, bool]:
        """Return the person in the account's terms, and whether they are in scope."""
        mapped = self._mapper.map(user)
        try:
            return mapped, self._scope.admits(user, mapped.match_key)
        except RecordError:
            return mapped, False


def _judge(
    provider: IdentityProvider, raw: bytes, before: _Rule | None, after: _Rule, found: _Found
) -> None:
    found.read += 1
    try:
        user = provider.decode_user(raw)
    except RecordError:
        found.unreadable += 1
        return
    mapped, inside = after.map(user)
    found.in_scope += inside
    earlier, was_inside = before.map(user) if before else (None, False)
    name = mapped.display_name or mapped.user_name
    if inside and not was_inside:
        found.joins += 1
        found.joining += [name] if len(found.joining) < SAMPLE else []
    elif was_inside and not inside:
        found.leaves += 1
        found.leaving += [name] if len(found.leaving) < SAMPLE else []
    elif inside and earlier is not None and earlier.digest != mapped.digest:
        found.changes += 1
        _count_lost(earlier, mapped, found)


def _count_lost(earlier: Mapped, mapped: Mapped, found: _Found) -> None:
    old = msgspec.json.decode(earlier.profile, type=dict[str, str])
    new = msgspec.json.decode(mapped.profile, type=dict[str, str])
    found.lost.update(attribute for attribute in old if not new.get(attribute))
