"""The invented company: made from a seed, the same each time, of any size."""

from __future__ import annotations

import functools
import importlib.resources
import random
import uuid
from dataclasses import dataclass, replace

import msgspec

DOMAIN = "example.com"
COMPANY_NAME = "Larkspur & Finch"
SHARED_EMAIL = f"s.okonjo@{DOMAIN}"

_NAMESPACE = uuid.UUID("5d0c4f2e-7a34-4d0b-9a53-2f6f1f0c9b11")
_SPAN = 7  # people who report to one manager
_MANAGEMENT = "Management"


@dataclass(frozen=True, kw_only=True)
class Person:
    """One record of the provider.

    Attributes:
        number: position in the invention, which fixes everything else about the person.
        home: display name of the group that the person belongs to directly.
    """

    id: str
    number: int
    user_name: str
    given_name: str
    family_name: str
    display_name: str
    email: str
    title: str
    department: str
    manager_id: str | None
    phone: str
    locale: str
    timezone: str
    employee_number: str
    home: str
    cost_center: str | None = None
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group: ids of the people and of the groups that it contains directly."""

    id: str
    display_name: str
    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Company:
    """An invented company.

    Attributes:
        people: those who can be provisioned without any conflict.
        conflicting: two further records that share one e-mail with each other.
        groups: all groups; everyone is reachable from the one called "Everyone".
    """

    seed: int
    people: tuple[Person, ...]
    conflicting: tuple[Person, ...]
    groups: tuple[Group, ...]

    @property
    def records(self) -> tuple[Person, ...]:
        """What the provider lists: the people, then the two who are in conflict."""
        return self.people + self.conflicting


class _Pool(msgspec.Struct, frozen=True):
    locale: str
    timezone: str
    family_first: bool
    given: list[tuple[str, str]]
    family: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class _Department:
    name: str
    titles: tuple[str, ...]
    teams: tuple[str, ...] = ()


DEPARTMENTS = (
    _Department(
        name="Engineering",
        titles=("Software Engineer", "Senior Engineer", "Test Engineer", "Staff Engineer"),
        teams=("Platform", "Applications", "Site Reliability", "Quality"),
    ),
    _Department(
        name="Research & Development",
        titles=("Researcher", "Materials Scientist", "Prototype Builder"),
        teams=("Laboratory", "Materials"),
    ),
    _Department(
        name="Sales & Marketing",
        titles=("Account Manager", "Campaign Planner", "Sales Engineer"),
        teams=("Sales North", "Sales South", "Campaigns"),
    ),
    _Department(
        name="Customer Care",
        titles=("Support Specialist", "Customer Guide", "Training Lead"),
        teams=("First Line", "Second Line"),
    ),
    _Department(name="Finance", titles=("Controller", "Bookkeeper", "Payroll Specialist")),
    _Department(name="People & Culture", titles=("Recruiter", "People Partner")),
    _Department(
        name="Operations",
        titles=("Logistics Planner", "Facility Technician", "Buyer"),
        teams=("Warehouse", "Facilities"),
    ),
    _Department(name="Legal", titles=("Counsel", "Privacy Officer")),
)

# Where a team stands below another team, and not directly below its department.
_BELOW_TEAM = {"Site Reliability": "Platform", "On Call": "Site Reliability"}


def person_id(number: int, *, seed: int = 7) -> str:
    """The immutable id of person ``number``."""
    return str(uuid.uuid5(_NAMESPACE, f"person {seed} {number}"))


def group_id(display_name: str, *, seed: int = 7) -> str:
    """The immutable id of the group that starts under this name."""
    return str(uuid.uuid5(_NAMESPACE, f"group {seed} {display_name}"))


@functools.cache
def _pools() -> tuple[_Pool, ...]:
    text = importlib.resources.files("bot.demo").joinpath("names.json").read_bytes()
    return tuple(msgspec.json.decode(text, type=list[_Pool]))


@functools.lru_cache(maxsize=8)
def _order(seed: int) -> tuple[tuple[int, int, int], ...]:
    """Every (pool, given, family) once, the scripts taking turns."""
    chance = random.Random(seed)  # noqa: S311 - an invention has to repeat, not to surprise
    decks = []
    for number, pool in enumerate(_pools()):
        deck = [(number, g, f) for g in range(len(pool.given)) for f in range(len(pool.family))]
        chance.shuffle(deck)
        decks.append(deck)
    chance.shuffle(decks)
    return tuple(name for turn in zip(*decks, strict=True) for name in turn)


def invent(number: int, *, seed: int = 7) -> Person:
    """Person ``number`` of the invention: the same for the same seed, whatever its size.

    E-mails are ASCII, below ``example.com`` and differ for all numbers.
    """
    order = _order(seed)
    lap, place = divmod(number, len(order))
    pool_number, given_number, family_number = order[place]
    pool = _pools()[pool_number]
    given, given_ascii = pool.given[given_number]
    family, family_ascii = pool.family[family_number]
    local = f"{given_ascii}.{family_ascii}{lap + 1 if lap else ''}"
    department, title, home = _post(number)
    plain = Person(
        id=person_id(number, seed=seed),
        number=number,
        user_name=f"{local}@{DOMAIN}",
        given_name=given,
        family_name=family,
        display_name=f"{family}{given}" if pool.family_first else f"{given} {family}",
        email=f"{local}@{DOMAIN}",
        title=title,
        department=department,
        manager_id=_manager_id(number, seed=seed),
        phone=f"+1 202 555 01{number % 100:02d} ext. {1000 + number}",
        locale=pool.locale,
        timezone=pool.timezone,
        employee_number=f"E{10000 + number}",
        home=home,
    )
    return _with_awkward_text(plain)


def _post(number: int) -> tuple[str, str, str]:
    """Department, title and home group of person ``number``."""
    if number == 0:
        return _MANAGEMENT, "Managing Director", "Everyone"
    rank, place = divmod(number - 1, len(DEPARTMENTS))
    department = DEPARTMENTS[place]
    if rank == 0:
        return department.name, f"Head of {department.name}", department.name
    title = department.titles[rank % len(department.titles)]
    teams = department.teams or (department.name,)
    return department.name, title, teams[(rank - 1) % len(teams)]


def _manager_id(number: int, *, seed: int) -> str | None:
    if number == 0:
        return None
    rank, place = divmod(number - 1, len(DEPARTMENTS))
    if rank == 0:
        return person_id(0, seed=seed)
    return person_id((rank - 1) // _SPAN * len(DEPARTMENTS) + place + 1, seed=seed)


def _with_awkward_text(person: Person) -> Person:
    """A few people whose data would be live text somewhere if it were not escaped."""
    if person.number == 11:  # noqa: PLR2004 - any fixed place will do
        return _renamed(person, "Siobhán", "O'Brien", "siobhan.obrien")
    if person.number == 13:  # noqa: PLR2004 - likewise
        given = "Maximiliana Theodora Wilhelmina Josephine Anastasia Philippa"
        family = "von und zu Hohenwaldeck-Sonnenfelsen-Greifenklau-Tiefenbrunn-Rabenhorst"
        return _renamed(person, given, family, "maximiliana.hohenwaldeck")
    if person.number == 17:  # noqa: PLR2004 - likewise
        return replace(person, title="Keeper of <!channel>, *stars* & =SUM(A1:A9)")
    return person


def _renamed(person: Person, given: str, family: str, local: str) -> Person:
    email = f"{local}@{DOMAIN}"
    return replace(
        person,
        given_name=given,
        family_name=family,
        display_name=f"{given} {family}",
        user_name=email,
        email=email,
    )


def married(person: Person, turn: int) -> Person:
    """The person under another family name of the same script; id and e-mail stay."""
    pool = next(pool for pool in _pools() if pool.locale == person.locale)
    others = [family for family, _ in pool.family if family not in person.family_name]
    family = others[turn % len(others)]
    first = pool.family_first
    shown = f"{family}{person.given_name}" if first else f"{person.given_name} {family}"
    return replace(person, family_name=family, display_name=shown)


def build(people: int = 120, *, seed: int = 7) -> Company:
    """Invent a company of ``people`` and two further records that share an e-mail.

    Exactly one of the people has a cost center, which the account has no field for.

    Raises:
        ValueError: ``people`` is less than 1.
    """
    if people < 1:
        raise ValueError("A company needs at least one person.")
    staff = [invent(number, seed=seed) for number in range(people)]
    odd_one = people // 3
    staff[odd_one] = replace(staff[odd_one], cost_center="CC-4711")
    company = Company(
        seed=seed, people=tuple(staff), conflicting=_conflicting(seed=seed), groups=()
    )
    return replace(company, groups=_groups(company))


def _conflicting(*, seed: int) -> tuple[Person, ...]:
    names = (("Sam", "Okonjo"), ("Samira", "Okonjo"))
    home = DEPARTMENTS[3]
    return tuple(
        replace(
            invent(place, seed=seed),
            id=str(uuid.uuid5(_NAMESPACE, f"conflict {seed} {place}")),
            number=-place,
            user_name=f"{given}.{family}@{DOMAIN}".lower(),
            given_name=given,
            family_name=family,
            display_name=f"{given} {family}",
            email=SHARED_EMAIL,
            title=home.titles[0],
            department=home.name,
            manager_id=person_id(0, seed=seed),
            phone=f"+1 202 555 01{place:02d} ext. {place}",
            locale="en-IE",
            timezone="Europe/Dublin",
            employee_number=f"X{place:04d}",
            home=home.name,
        )
        for place, (given, family) in enumerate(names, start=1)
    )


def _groups(company: Company) -> tuple[Group, ...]:
    """Everyone > departments > teams, a cycle of two groups, and two groups across."""
    seed = company.seed
    members: dict[str, list[str]] = {name: [] for name in _group_names()}
    for person in company.records:
        members[person.home].append(person.id)
    reported_to = {person.manager_id for person in company.records}
    members["Managers"] = [p.id for p in company.records if p.id in reported_to]
    members["On Call"] = members["Site Reliability"][::3]
    members["Chess & Book Club"] = [p.id for p in company.people[::9]]
    below = _below()
    return tuple(
        Group(
            id=group_id(name, seed=seed),
            display_name=name,
            people=tuple(ids),
            groups=tuple(group_id(child, seed=seed) for child in below.get(name, ())),
        )
        for name, ids in members.items()
    )


def _group_names() -> list[str]:
    names = ["Everyone"]
    for department in DEPARTMENTS:
        names += [department.name, *department.teams]
    return [*names, "On Call", "Managers", "Chess & Book Club"]


def _below() -> dict[str, list[str]]:
    below = {"Everyone": [department.name for department in DEPARTMENTS]}
    for department in DEPARTMENTS:
        for team in department.teams:
            below.setdefault(_BELOW_TEAM.get(team, department.name), []).append(team)
    below["Site Reliability"] = ["On Call"]
    below["On Call"] = ["Site Reliability"]  # the cycle that a reader has to survive
    return below
