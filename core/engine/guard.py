"""The guard: removals and creations over the limit wait for a person.

Every rule is one entry of `RULES`; a test takes each out in turn and shows what slips through.
A company of one or two people is small enough that its last person, or both, are more than half:
their removal always waits for somebody's release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from core.model.configuration import Guard
from core.model.cycle import Action, Decision, GroupChange, HeldItem
from core.model.directory import ExternalId, ResourceKind

Key = tuple[str, ExternalId, str]
"""Kind, external id and action: what a release names."""

DEFAULT_CREATIONS = 500


def key_of(item: HeldItem) -> Key:
    """Return what identifies an item in a release."""
    return (str(item.kind), item.external_id, str(item.action))


def person_item(decision: Decision) -> HeldItem:
    """Return a decision about a person as an item that can be held."""
    pair = decision.pair
    return HeldItem(
        kind=ResourceKind.USER,
        external_id=pair.external_id,
        label=pair.label,
        action=decision.action,
        reason=decision.reason,
    )


def group_item(change: GroupChange) -> HeldItem:
    """Return the deletion of a group as an item that can be held."""
    return HeldItem(
        kind=ResourceKind.GROUP,
        external_id=change.external_id,
        label=change.display_name,
        action=change.action,
        reason="no longer in the directory",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What the guard weighs.

    Attributes:
        removals: planned removals of people and groups, without released ones.
        leaving: how many of them take a provisioned person out.
        creations: planned creations of people, without released ones.
        provisioned: people of this configuration, neither disabled nor deleted.
        recent: removals of the last 24 hours.
        settled: a first cycle succeeded, so that a flood of creations is unexpected.
    """

    removals: int
    leaving: int
    creations: int
    provisioned: int
    recent: int
    settled: bool


def removal_limit(guard: Guard, load: Load) -> int:
    """Return the removals that are let through in 24 hours.

    The percentage is of the people provisioned when those 24 hours began.
    """
    return max(guard.minimum, guard.percent * (load.provisioned + load.recent) // 100)


def creation_limit(guard: Guard, load: Load) -> int | None:
    """Return the creations that are let through in one cycle, or None for any number."""
    if guard.max_creations is not None:
        return guard.max_creations
    return max(DEFAULT_CREATIONS, load.provisioned) if load.settled else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it holds, and why it holds it, or None."""

    code: str
    holds: str
    reason: Callable[[Guard, Load], str | None]


def _cycle_limit(guard: Guard, load: Load) -> str | None:
    limit = removal_limit(guard, load)
    if load.removals <= limit:
        return None
    return f"{load.removals} removals in one cycle are more than the limit of {limit}."


def _day_limit(guard: Guard, load: Load) -> str | None:
    limit = removal_limit(guard, load)
    if not load.removals or not load.recent or load.removals + load.recent <= limit:
        return None
    return (
        f"{load.removals} removals on top of {load.recent} in the last 24 hours are more than "
        f"the limit of {limit}."
    )


def _half(guard: Guard, load: Load) -> str | None:
    del guard
    if not load.leaving or 2 * (load.leaving + load.recent) <= load.provisioned + load.recent:
        return None
    return f"{load.leaving} of {load.provisioned} people would go: more than half."


def _creations(guard: Guard, load: Load) -> str | None:
    limit = creation_limit(guard, load)
    if limit is None or load.creations <= limit:
        return None
    return f"{load.creations} new people in one cycle are more than the limit of {limit}."


REMOVALS = "removals"
CREATIONS = "creations"

RULES: Sequence[Rule] = (
    Rule("cycle_limit", REMOVALS, _cycle_limit),
    Rule("day_limit", REMOVALS, _day_limit),
    Rule("more_than_half", REMOVALS, _half),
    Rule("creation_limit", CREATIONS, _creations),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What the guard lets through.

    Attributes:
        removals: exactly these removals may be carried out.
        held: removals that wait.
        postponed: removals that wait for the end of a freeze, and for nobody's decision.
        creations_held: creations other than released ones wait.
        released: what a person approved in advance.
        reason: why something is held, or an empty string.
        limit: the limit on removals.
        provisioned: people when it was judged.
    """

    removals: frozenset[Key] = frozenset()
    held: tuple[HeldItem, ...] = ()
    postponed: frozenset[Key] = frozenset()
    creations_held: bool = False
    released: frozenset[Key] = field(default_factory=frozenset)
    reason: str = ""
    limit: int = 0
    provisioned: int = 0

    @property
    def holds(self) -> bool:
        """Something waits."""
        return bool(self.held) or self.creations_held

    def postpones(self, item_kind: ResourceKind, external_id: ExternalId, action: Action) -> bool:
        """Whether a removal waits for the end of a freeze."""
        return (str(item_kind), external_id, str(action)) in self.postponed

    def lets(self, item_kind: ResourceKind, external_id: ExternalId, action: Action) -> bool:
        """Whether an action may be carried out; only removals and creations are ever held."""
        if action.removes:
            return (str(item_kind), external_id, str(action)) in self.removals
        if self.creations_held and action is Action.CREATE and item_kind is ResourceKind.USER:
            return (str(item_kind), external_id, str(action)) in self.released
        return True


def judge(
    guard: Guard,
    load: Load,
    removals: Sequence[HeldItem],
    *,
    released: frozenset[Key],
    rules: Sequence[Rule] = RULES,
    frozen: bool = False,
) -> Ruling:
    """Decide what is let through: what was released, and the rest if no rule holds it.

    While removals are `frozen`, only those are let through that a person released; the others are
    postponed, and weighed when the freeze is over.
    """
    weighed = [rule for rule in rules if not (frozen and rule.holds == REMOVALS)]
    reasons = [(rule.holds, rule.reason(guard, load)) for rule in weighed]
    why = [text for _, text in reasons if text]
    hold = any(text for what, text in reasons if what == REMOVALS)
    held = tuple(i for i in removals if hold and key_of(i) not in released)
    waiting = {key_of(item) for item in held}
    planned = frozenset(key_of(item) for item in removals)
    postponed = planned - released if frozen else frozenset()
    return Ruling(
        removals=planned - waiting - postponed,
        held=held,
        postponed=postponed,
        creations_held=any(text for what, text in reasons if what == CREATIONS),
        released=released,
        reason=" ".join(why),
        limit=removal_limit(guard, load),
        provisioned=load.provisioned,
    )


def items_digest(items: Iterable[HeldItem]) -> str:
    """Return what a release is bound to: the same for the same items in any order."""
    whole = hashlib.blake2b(digest_size=16)
    for kind, external_id, action in sorted(key_of(item) for item in items):
        whole.update(f"{kind}\0{external_id}\0{action}\n".encode("utf-8", "surrogatepass"))
    return whole.hexdigest()
