"""The identity provider's directory: the invented company, and everything that befalls it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bot.demo.company import DEPARTMENTS, DOMAIN, Company, Group, Person, group_id, invent, married
from bot.demo.happenings import ACTIONS, TROUBLES, Condition, Happening, names, seen
from core.errors import NotFoundError, UsageError
from core.model.wording import several

MOST_AT_ONCE = 10_000
_REMEMBERED = 50
_SYNC = "Now type /dirsync sync in the chat."


@dataclass(frozen=True, kw_only=True)
class PersonRecord:
    """A person as the provider holds it, with the version and times of its ``meta``."""

    person: Person
    version: int
    created: datetime
    modified: datetime


@dataclass(frozen=True, kw_only=True)
class GroupRecord:
    """A group as the provider holds it, with the version and times of its ``meta``."""

    group: Group
    version: int
    created: datetime
    modified: datetime


@dataclass(frozen=True, kw_only=True)
class _Departed:
    record: PersonRecord
    groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _State:
    people: Mapping[str, PersonRecord]
    groups: Mapping[str, GroupRecord]
    departed: Mapping[str, _Departed] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    next_number: int = 0
    condition: Condition = Condition.NORMAL


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Directory:
    """The provider's state. Every action can be undone; the same actions give the same people.

    It is meant for one event loop: no action waits in the middle.

    Args:
        company: what the directory holds at first.
        now: the time now, in UTC.
        delay: seconds that the provider waits before each answer while it is slow.
    """

    def __init__(
        self, company: Company, *, now: Callable[[], datetime] = _utc_now, delay: float = 2.0
    ) -> None:
        self.company = company
        self.delay = delay
        self._now = now
        self._state = self._founded()
        self._past: deque[tuple[_State, str]] = deque(maxlen=_REMEMBERED)
        self._journal: deque[Happening] = deque(maxlen=_REMEMBERED)
        self._turn = 0
        self._doors: dict[str, Callable[[int], str]] = {
            "joiners": self._joiners,
            "leavers": self._leavers,
            "disable": self._disable,
            "change-email": lambda n: self._change(n, "e-mail", self._with_new_email),
            "rename": lambda n: self._change(n, "name", self._with_new_name),
            "move": self._move,
            "everybody-gone": lambda _: self._everybody_gone(),
            "everyone-back": lambda _: self._everyone_back(),
            "normal": lambda _: self._normal(),
            "restart": lambda _: self._restart(),
        }

    @property
    def people(self) -> Mapping[str, PersonRecord]:
        """The people by id, in the order of the listing."""
        return self._state.people

    @property
    def groups(self) -> Mapping[str, GroupRecord]:
        """The groups by id, in the order of the listing."""
        return self._state.groups

    @property
    def condition(self) -> Condition:
        """How the provider answers now."""
        return self._state.condition

    @property
    def departed(self) -> int:
        """How many people have left and could come back."""
        return len(self._state.departed)

    @property
    def active(self) -> int:
        """How many people of the listing are active."""
        return sum(record.person.active for record in self.people.values())

    @property
    def journal(self) -> tuple[Happening, ...]:
        """The last happenings, the newest first."""
        return tuple(reversed(self._journal))

    def do(self, name: str, n: int | None = None) -> Happening:
        """Let the action of this name happen, to ``n`` people where it takes a number.

        Raises:
            NotFoundError: there is no such action.
            UsageError: ``n`` is not within 1 to 10,000, or the action takes no number.
        """
        action = next((action for action in ACTIONS if action.name == name), None)
        if action is None:
            raise NotFoundError(f"There is no action {name!r}.", hint="The page lists them all.")
        if n is not None and action.people is None:
            raise UsageError(f"{action.name} takes no number.")
        number = action.people or 0 if n is None else n
        if action.people is not None and not 1 <= number <= MOST_AT_ONCE:
            raise UsageError(f"The number has to be between 1 and {MOST_AT_ONCE:,}.")
        text = self._undo() if name == "undo" else self._step(name, number)
        happening = Happening(action=name, text=text, next_step=_SYNC, at=self._now())
        self._journal.append(happening)
        return happening

    def _step(self, name: str, number: int) -> str:
        before = self._state
        if name in TROUBLES:
            condition, text = TROUBLES[name]
            self._state = replace(before, condition=condition)
        else:
            text = self._doors[name](number)
        if self._state != before:
            self._past.append((before, text))
        return text

    def _undo(self) -> str:
        if not self._past:
            return "There is nothing to undo."
        self._state, text = self._past.pop()
        return f"Taken back: {text}"

    def _founded(self) -> _State:
        at = self._now()
        people = {
            person.id: PersonRecord(person=person, version=1, created=at, modified=at)
            for person in self.company.records
        }
        groups = {
            group.id: GroupRecord(group=group, version=1, created=at, modified=at)
            for group in self.company.groups
        }
        return _State(people=people, groups=groups, next_number=len(self.company.people))

    def _joiners(self, n: int) -> str:
        at, state = self._now(), self._state
        numbers = range(state.next_number, state.next_number + n)
        joining = [self._hired(invent(number, seed=self.company.seed)) for number in numbers]
        records = {
            person.id: PersonRecord(person=person, version=1, created=at, modified=at)
            for person in joining
        }
        homes: dict[str, list[str]] = {}
        for person in joining:
            homes.setdefault(self._group_of(person.home), []).append(person.id)
        self._state = replace(
            state,
            people={**state.people, **records},
            groups=self._regrouped(joining=homes),
            next_number=numbers.stop,
        )
        return f"{several(n, 'person joined', 'people joined')}: {names(joining)}."

    def _hired(self, person: Person) -> Person:
        if person.manager_id in self.people:
            return person
        return replace(person, manager_id=None)

    def _leavers(self, n: int) -> str:
        leaving = self._picked(n)
        if not leaving:
            return "Nobody is left who could leave."
        self._remove(leaving)
        return f"{several(len(leaving), 'person left', 'people left')}: {names(leaving)}."

    def _everybody_gone(self) -> str:
        lost = len(self.people)
        self._remove([record.person for record in self.people.values()])
        return f"Everybody is gone: the directory lost {several(lost, 'person', 'people')}."

    def _remove(self, leaving: Iterable[Person]) -> None:
        state, ids = self._state, {person.id for person in leaving}
        memberships: dict[str, list[str]] = {}
        for record in state.groups.values():
            for member in ids.intersection(record.group.people):
                memberships.setdefault(member, []).append(record.group.id)
        departed = {
            key: _Departed(record=state.people[key], groups=tuple(memberships.get(key, ())))
            for key in state.people
            if key in ids
        }
        self._state = replace(
            state,
            people={key: record for key, record in state.people.items() if key not in ids},
            groups=self._regrouped(leaving=ids),
            departed={**state.departed, **departed},
        )

    def _everyone_back(self) -> str:
        state = self._state
        returning: dict[str, list[str]] = {}
        for key, departed in state.departed.items():
            for group in departed.groups:
                returning.setdefault(group, []).append(key)
        back = {key: departed.record for key, departed in state.departed.items()}
        self._state = replace(
            state,
            people={**state.people, **back},
            groups=self._regrouped(joining=returning),
            departed={},
            disabled=frozenset(),
        )
        asleep = state.disabled & self.people.keys()
        self._update([replace(self.people[key].person, active=True) for key in asleep])
        return (
            f"{several(len(back), 'person came', 'people came')} back, "
            f"{several(len(asleep), 'was', 'were')} enabled again."
        )

    def _disable(self, n: int) -> str:
        chosen = self._picked(n)
        if not chosen:
            return "Nobody is left who could be disabled."
        self._update([replace(person, active=False) for person in chosen])
        disabled = self._state.disabled | {person.id for person in chosen}
        self._state = replace(self._state, disabled=disabled)
        return f"Disabled: {names(chosen)}."

    def _change(self, n: int, what: str, change: Callable[[Person], Person]) -> str:
        chosen = self._picked(n)
        if not chosen:
            return "Nobody is left who could change."
        changed = []
        for person in chosen:
            changed.append(change(person))
            self._update(changed[-1:])
        old, new = chosen[0], changed[0]
        shown = f"{seen(old, what)} is now {seen(new, what)}"
        return f"{shown}, and {n - 1} more." if len(chosen) > 1 else f"{shown}."

    def _with_new_name(self, person: Person) -> Person:
        return married(person, self._turn)

    def _with_new_email(self, person: Person) -> Person:
        away = [departed.record for departed in self._state.departed.values()]
        taken = {record.person.user_name for record in (*self.people.values(), *away)}
        local = person.email.partition("@")[0].partition(".")[2]
        turns = range(1, len(taken) + 2)
        email = next(e for k in turns if (e := f"{local}.{k}@{DOMAIN}") not in taken)
        return replace(person, email=email, user_name=email)

    def _move(self, n: int) -> str:
        chosen = self._picked(n)
        if not chosen:
            return "Nobody is left who could move."
        moved = [self._with_new_department(person) for person in chosen]
        homes: dict[str, list[str]] = {}
        for person in moved:
            homes.setdefault(self._group_of(person.home), []).append(person.id)
        ids = {person.id for person in moved}
        self._state = replace(self._state, groups=self._regrouped(joining=homes, leaving=ids))
        self._update(moved)
        return f"{names(chosen)} moved from {chosen[0].department} to {moved[0].department}."

    def _with_new_department(self, person: Person) -> Person:
        others = [d.name for d in DEPARTMENTS if d.name != person.department]
        name = others[self._turn % len(others)]
        return replace(person, department=name, home=name)

    def _normal(self) -> str:
        self._state = replace(self._state, condition=Condition.NORMAL)
        return "The provider answers normally again."

    def _restart(self) -> str:
        self._state = self._founded()
        return "The company is as it was at the start, and the provider answers normally."

    def _update(self, people: Iterable[Person]) -> None:
        at, records = self._now(), dict(self.people)
        for person in people:
            old = records[person.id]
            records[person.id] = replace(old, person=person, version=old.version + 1, modified=at)
        self._state = replace(self._state, people=records)

    def _picked(self, n: int) -> list[Person]:
        """Up to ``n`` active people by chance that repeats; those without reports first."""
        self._turn += 1
        chance = random.Random(f"{self.company.seed}:{self._turn}")  # noqa: S311 - must repeat
        active = [r.person for r in self.people.values() if r.person.active]
        bosses = {person.manager_id for person in active}
        clean = {person.id for person in self.company.conflicting}

        def awkward(person: Person) -> bool:
            return person.id in bosses or person.id in clean or person.cost_center is not None

        chance.shuffle(active)
        return sorted(active, key=awkward)[:n]

    def _group_of(self, home: str) -> str:
        return group_id(home, seed=self.company.seed)

    def _regrouped(
        self,
        *,
        joining: Mapping[str, Iterable[str]] | None = None,
        leaving: set[str] | frozenset[str] = frozenset(),
    ) -> dict[str, GroupRecord]:
        at, groups = self._now(), dict(self.groups)
        for key, record in self.groups.items():
            kept = tuple(member for member in record.group.people if member not in leaving)
            people = (*kept, *(joining or {}).get(key, ()))
            if people != record.group.people:
                group = replace(record.group, people=people)
                groups[key] = replace(record, group=group, version=record.version + 1, modified=at)
        return groups
