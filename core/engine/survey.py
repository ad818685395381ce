"""The first pass over the plan: count, collect what the guard weighs, and name the plan.

Only a few decisions are kept. Where they are many, the second pass decides again, purely, and
carries out what was let through.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from core.engine.context import CycleContext, Meter
from core.engine.groups import Planned
from core.engine.guard import Key, Load, Ruling, group_item, judge, key_of, person_item
from core.engine.plan import ERASED, GONE, GRACE, SILENT, TELLS_ONLY, Decider, Policy, decide
from core.model.cycle import Action, Decision, HeldItem, Postponed
from core.model.directory import ExternalId, ResourceKind
from core.model.freeze import Frozen, frozen_until
from core.model.newcomers import Newcomers

DAY = timedelta(hours=24)
_MODULUS = 1 << 128
_CREATE = Action.CREATE
_FROZEN = "z"
_BY_ABSENCE = frozenset({GONE, GRACE, ERASED})


@dataclass(kw_only=True, slots=True)
class Survey:
    """What the first pass found.

    Attributes:
        people: pairs that were decided.
        changes: decisions that change somebody.
        creations: of them, new people who were not released in advance.
        problems: people with a warning, an error or a conflict.
        removals: everything that the guard weighs, groups too.
        absent: ids of people to be removed because they are gone.
        newcomers: those who were decided all at once, with the decision.
    """

    people: int = 0
    changes: int = 0
    creations: int = 0
    problems: int = 0
    leaving: int = 0
    removals: list[HeldItem] = field(default_factory=list)
    absent: set[ExternalId] = field(default_factory=set)
    newcomers: list[tuple[Newcomers, Decision]] = field(default_factory=list)
    _sums: Counter[str] = field(default_factory=Counter)
    _kept: list[Sequence[Decision]] | None = field(default_factory=list)

    @property
    def kept(self) -> Sequence[Sequence[Decision]] | None:
        """Every decision, for the second pass, or None if it is to decide again.

        That is where they are many, and where somebody is removed, who may have been protected
        since; and newcomers may have become known since.
        """
        return None if self.removals or self.newcomers else self._kept

    def keep(self, decisions: Sequence[Decision], most: int) -> None:
        """Keep decisions, as long as they are for no more than so many people in all."""
        if self._kept is not None:
            self._kept.append(decisions)
            if sum(map(len, self._kept)) > most:
                self._kept = None

    def note(self, decision: Decision, released: frozenset[Key]) -> None:
        """Count one decision."""
        self.people += 1
        if decision.problem is not None or decision.pair.problems:
            self.problems += 1
        if decision.action in SILENT or decision.action in TELLS_ONLY:
            return
        self.changes += 1
        if decision.action.removes:
            self._note_removal(decision, released)
            return
        self._sums[decision.action] += int.from_bytes(decision.pair.mapped_digest, "big")
        if decision.action is _CREATE:
            key = (str(ResourceKind.USER), decision.pair.external_id, str(decision.action))
            self.creations += not released or key not in released

    def note_newcomers(self, found: Newcomers, decision: Decision) -> None:
        """Count a creation that holds for all of them."""
        self.newcomers.append((found, decision))
        self.people += found.people
        self.changes += found.people
        self.creations += found.people
        self._sums[decision.action] += found.mark

    def _note_removal(self, decision: Decision, released: frozenset[Key]) -> None:
        item = person_item(decision)
        self.removals.append(item)
        if decision.reason in _BY_ABSENCE:
            self.absent.add(item.external_id)
        if decision.action is Action.DISABLE and key_of(item) not in released:
            self.leaving += 1

    def note_groups(self, planned: Sequence[Planned]) -> None:
        """Count the changes of groups."""
        for change, digest in planned:
            self.changes += 1
            if change.action.removes:
                self.removals.append(group_item(change))
                continue
            named = (change.action, change.external_id, change.display_name)
            text = digest + "\0".join(named).encode("utf-8", "surrogatepass")
            mixed = hashlib.blake2b(text, digest_size=16).digest()
            self._sums["group"] += int.from_bytes(mixed, "big")

    def drop_groups(self) -> None:
        """Forget the deletions of groups: the provider says that some are still there."""
        people = [item for item in self.removals if item.kind is ResourceKind.USER]
        self.changes -= len(self.removals) - len(people)
        self.removals = people

    def load(
        self, *, provisioned: int, recent: int, settled: bool, released: frozenset[Key]
    ) -> Load:
        """Return what the guard weighs."""
        return Load(
            removals=sum(key_of(item) not in released for item in self.removals),
            leaving=self.leaving,
            creations=self.creations,
            provisioned=provisioned,
            recent=recent,
            settled=settled,
        )

    def digest(self, ruling: Ruling, *, proven: bool) -> str:
        """Name the plan: equal for equal changes, in whatever order they were read.

        A mapped digest covers the person's id. A plan of which a freeze keeps removals waiting is
        marked; see `differs_by_freeze`.
        """
        whole = hashlib.blake2b(f"{proven:d}{ruling.creations_held:d}".encode(), digest_size=16)
        for action, total in sorted(self._sums.items()):
            whole.update(f"{action}\0{total % _MODULUS:032x}\n".encode())
        for key in sorted(ruling.removals):
            whole.update("\0".join(key).encode("utf-8", "surrogatepass") + b"\n")
        return f"{whole.hexdigest()}{_FROZEN if ruling.postponed else ''}"


def same_plan(seen: str, found: str) -> bool:
    """Whether what may be done of two plans is the same, whatever a freeze keeps waiting."""
    return seen.removesuffix(_FROZEN) == found.removesuffix(_FROZEN)


def differs_by_freeze(seen: str, found: str) -> bool:
    """Whether a freeze keeps removals of one of two plans waiting, and none of the other."""
    return seen.endswith(_FROZEN) != found.endswith(_FROZEN)


async def decided(
    ctx: CycleContext, policy: Policy, *, absentees: bool, newcomers: bool = True
) -> AsyncIterator[list[Decision]]:
    """Decide every pair of the snapshot, then every absentee if the snapshot may speak of them.

    Without `newcomers`, all but those.
    """
    decider = Decider(policy)
    async for chunk in ctx.store.pairs(ctx.fence, chunk=ctx.batch, newcomers=newcomers):
        yield decider.decide(chunk)
        await asyncio.sleep(0)
    if not absentees:
        return
    async for chunk in ctx.store.absentees(ctx.fence, chunk=ctx.batch):
        yield decider.decide(chunk)
        await asyncio.sleep(0)


async def survey(
    ctx: CycleContext,
    meter: Meter,
    policy: Policy,
    *,
    absentees: bool,
    released: frozenset[Key],
    rejected: frozenset[ExternalId],
) -> Survey:
    """Make the first pass over all people.

    Newcomers are decided as one, unless a person released some of them by name.
    """
    found = Survey()
    if not released:
        await _survey_newcomers(ctx, meter, policy, found)
    whole = not found.newcomers
    async for decisions in decided(ctx, policy, absentees=absentees, newcomers=whole):
        for decision in decisions:
            if not (decision.action.removes and decision.pair.external_id in rejected):
                found.note(decision, released)
        found.keep(decisions, ctx.batch)
        await meter.advance(len(decisions))
    return found


async def _survey_newcomers(ctx: CycleContext, meter: Meter, policy: Policy, found: Survey) -> None:
    async for some in ctx.store.newcomers(ctx.fence, chunk=ctx.batch):
        decision = decide(some.pair, policy)
        if decision.action is Action.CREATE:
            found.note_newcomers(some, decision)
            await meter.advance(some.people)


async def held_creations(ctx: CycleContext, policy: Policy, ruling: Ruling) -> tuple[HeldItem, ...]:
    """Return the creations that the guard keeps back; a pass of its own, as this is rare."""
    items: list[HeldItem] = []
    async for decisions in decided(ctx, policy, absentees=False):
        for decision in decisions:
            item = person_item(decision)
            if decision.action is Action.CREATE and key_of(item) not in ruling.released:
                items.append(item)
    return tuple(items)


def policy_of(ctx: CycleContext) -> Policy:
    """Return what the configuration decided, at this moment."""
    spec, now = ctx.configuration.spec, ctx.clock.now()
    return Policy(
        now=now,
        grace=spec.grace,
        on_missing=spec.on_missing,
        removals_until=frozen_until(spec.freeze, Frozen.REMOVALS, now),
        invitations_until=frozen_until(spec.freeze, Frozen.INVITATIONS, now),
    )


async def weigh(
    ctx: CycleContext, policy: Policy, found: Survey, released: frozenset[Key], *, proven: bool
) -> Ruling:
    """Let the guard decide; without a proof there is nothing to remove, and nothing to hold.

    Where nobody is removed or created there is nothing to weigh, and so nothing is counted.
    """
    removals = found.removals if proven else []
    provisioned = recent = 0
    if removals or found.creations:
        recent = await ctx.store.removals_since(ctx.fence, ctx.clock.now() - DAY)
        provisioned = await ctx.store.provisioned(ctx.fence)
    load = found.load(
        provisioned=provisioned,
        recent=recent,
        settled=bool(ctx.configuration.picked_canaries),
        released=released,
    )
    if not proven:
        load = replace(load, removals=0, leaving=0)
    return judge(
        ctx.configuration.spec.guard,
        load,
        removals,
        released=released,
        rules=ctx.guard_rules,
        frozen=policy.removals_until is not None,
    )


def postponed(policy: Policy, found: Survey, ruling: Ruling) -> Postponed | None:
    """Say what the freeze keeps waiting, if there is one and anything waits."""
    waiting = ruling.postponed
    creates = found.creations > 0 and not ruling.creations_held
    invitations_until = policy.invitations_until if creates else None
    if not waiting and invitations_until is None:
        return None
    people = [name for kind, name, _ in waiting if kind == ResourceKind.USER]
    return Postponed(
        removals=len(waiting),
        read=sum(name not in found.absent for name in people),
        removals_until=policy.removals_until if waiting else None,
        invitations_until=invitations_until,
    )
