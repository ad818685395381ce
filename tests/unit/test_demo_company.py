"""The invented company and what can befall its directory."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest

from bot.demo.company import SHARED_EMAIL, Company, build, group_id, invent
from bot.demo.directory import Directory
from bot.demo.happenings import ACTIONS, Condition
from core.errors import NotFoundError, UsageError


def reached(company: Company, name: str) -> set[str]:
    groups = {group.id: group for group in company.groups}
    found, seen, waiting = set(), set(), [group_id(name)]
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            found.update(groups[key].people)
            waiting.extend(groups[key].groups)
    return found


class Ticking:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.at = datetime(2031, 5, 6, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


def directory_of(people: int = 120) -> Directory:
    return Directory(build(people), now=Ticking())


def emails(directory: Directory) -> list[str]:
    return [record.person.email for record in directory.people.values()]


@pytest.mark.parametrize("people", [1, 2, 9, 120, 10_000])
def test_a_company_of_any_size_has_exactly_that_many_people_with_addresses_of_their_own(people):
    company = build(people)
    assert len(company.people) == people
    assert len(company.records) == people + 2
    assert len({person.email for person in company.records}) == people + 1
    assert len({person.user_name.casefold() for person in company.records}) == people + 2
    assert len({person.id for person in company.records}) == people + 2
    assert all(person.email.isascii() for person in company.records)
    assert all(person.email.endswith("@example.com") for person in company.records)


@pytest.mark.parametrize("people", [1, 9, 120, 3_000])
def test_everyone_is_reached_from_the_group_everyone_through_nested_groups_with_a_cycle(people):
    company = build(people)
    assert reached(company, "Everyone") == {person.id for person in company.records}
    children = {group.id: group.groups for group in company.groups}
    on_call, reliability = group_id("On Call"), group_id("Site Reliability")
    assert reliability in children[on_call]
    assert on_call in children[reliability]


@pytest.mark.parametrize("people", [1, 2, 120])
def test_exactly_one_person_has_an_attribute_that_the_account_has_no_field_for(people):
    centers = [person.cost_center for person in build(people).records]
    assert sum(center is not None for center in centers) == 1


def test_two_further_records_share_one_address_and_nobody_else_has_it():
    company = build()
    assert [person.email for person in company.conflicting] == [SHARED_EMAIL, SHARED_EMAIL]
    assert SHARED_EMAIL not in {person.email for person in company.people}


def test_the_same_seed_gives_the_same_company_and_another_seed_another_one():
    assert build(50) == build(50)
    assert build(50).people != build(50, seed=8).people
    assert build(80).people[3:40] == tuple(
        invent(number) if person.cost_center is None else person
        for number, person in enumerate(build(80).people[3:40], start=3)
    )


def test_the_names_come_from_ten_scripts_and_some_of_them_need_escaping():
    people = build().people
    letters = {letter for person in people for letter in person.display_name if letter.isalpha()}
    scripts = {unicodedata.name(letter).split()[0] for letter in letters}
    assert scripts >= {
        "LATIN",
        "CYRILLIC",
        "GREEK",
        "ARABIC",
        "HEBREW",
        "DEVANAGARI",
        "CJK",
        "KATAKANA",
        "HIRAGANA",
        "HANGUL",
    }
    names = {person.display_name for person in people}
    assert "Siobhán O'Brien" in names
    assert max(map(len, names)) > 100
    assert any("&" in person.department for person in people)
    assert any("<!channel>" in person.title for person in people)


def test_the_managers_form_one_tree_under_the_first_person():
    people = {person.id: person for person in build(300).records}
    for person in people.values():
        steps, boss = 0, person
        while boss.manager_id is not None:
            boss, steps = people[boss.manager_id], steps + 1
            assert steps < 12
        assert boss.number == 0


def test_a_company_without_people_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        build(0)


def test_joiners_are_new_people_in_the_group_of_their_work():
    directory = directory_of()
    before = set(directory.people)
    told = directory.do("joiners")
    new = set(directory.people) - before
    assert len(new) == 10
    assert told.text.startswith("10 people joined: ")
    assert told.next_step == "Now type /dirsync sync in the chat."
    held = {member for record in directory.groups.values() for member in record.group.people}
    assert new <= held
    assert len(set(emails(directory))) == len(emails(directory)) - 1


def test_leavers_are_gone_from_the_people_and_from_every_group():
    directory = directory_of()
    before = set(directory.people)
    directory.do("leavers", 5)
    gone = before - set(directory.people)
    assert len(gone) == 5
    assert directory.departed == 5
    assert not any(gone & set(r.group.people) for r in directory.groups.values())


def test_everyone_back_brings_the_same_records_into_the_same_groups():
    directory = directory_of()
    people = dict(directory.people)
    groups = {key: set(r.group.people) for key, r in directory.groups.items()}
    directory.do("everybody-gone")
    assert not directory.people
    directory.do("everyone-back")
    assert dict(directory.people) == people
    assert {key: set(r.group.people) for key, r in directory.groups.items()} == groups


def test_a_disabled_person_stays_listed_and_everyone_back_enables_again():
    directory = directory_of()
    directory.do("disable")
    (asleep,) = [r for r in directory.people.values() if not r.person.active]
    assert asleep.version == 2
    assert asleep.modified > asleep.created
    assert directory.active == 121
    directory.do("everyone-back")
    assert directory.active == 122


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        ("change-email", {"email", "user_name"}),
        ("rename", {"family_name", "display_name"}),
        ("move", {"department", "home"}),
    ],
)
def test_a_change_of_one_person_touches_nothing_else_and_counts_up_the_version(action, changed):
    directory = directory_of()
    before = dict(directory.people)
    directory.do(action)
    (key,) = [key for key, record in directory.people.items() if record != before[key]]
    old, new = before[key], directory.people[key]
    fields = type(old.person).__dataclass_fields__
    differing = {f for f in fields if getattr(old.person, f) != getattr(new.person, f)}
    assert differing == changed
    assert new.version == old.version + 1


def test_somebody_who_moves_is_in_the_new_departments_group_only():
    directory = directory_of()
    before = dict(directory.people)
    directory.do("move")
    (key,) = [key for key, record in directory.people.items() if record != before[key]]
    homes = [r.group.display_name for r in directory.groups.values() if key in r.group.people]
    assert homes == [directory.people[key].person.department]


@pytest.mark.parametrize("action", [a.name for a in ACTIONS if a.name not in {"undo", "restart"}])
@pytest.mark.parametrize("people", [1, 120])
def test_every_action_can_be_undone_and_tells_what_happened(action, people):
    directory = directory_of(people)
    directory.do("disable")
    people, groups = dict(directory.people), dict(directory.groups)
    told = directory.do(action)
    changed = (directory.people, directory.groups) != (people, groups)
    assert told.text.endswith(".")
    if changed or directory.condition is not Condition.NORMAL:
        directory.do("undo")
    assert dict(directory.people) == people
    assert dict(directory.groups) == groups
    assert directory.condition is Condition.NORMAL


def test_start_again_gives_the_company_of_the_beginning():
    directory = directory_of()
    first = [record.person for record in directory.people.values()]
    for action in ("joiners", "leavers", "rename", "down"):
        directory.do(action)
    directory.do("restart")
    assert [record.person for record in directory.people.values()] == first
    assert directory.condition is Condition.NORMAL


def test_back_to_normal_ends_the_trouble_and_leaves_the_people_alone():
    directory = directory_of()
    directory.do("leavers")
    directory.do("down")
    assert directory.condition is Condition.DOWN
    directory.do("normal")
    assert directory.condition is Condition.NORMAL
    assert len(directory.people) == 119


def test_the_same_actions_give_the_same_people():
    one, other = directory_of(), directory_of()
    for directory in (one, other):
        for action in ("joiners", "leavers", "rename", "change-email", "move", "disable"):
            directory.do(action)
    assert dict(one.people) == dict(other.people)
    assert one.journal == other.journal


def test_nobody_is_left_to_leave_when_everybody_is_gone():
    directory = directory_of()
    directory.do("everybody-gone")
    for action in ("leavers", "disable", "rename", "change-email", "move"):
        assert directory.do(action).text.startswith("Nobody is left")
    assert directory.do("joiners", 2).text.startswith("2 people joined")


@pytest.mark.parametrize(("action", "n"), [("joiners", 0), ("leavers", 10_001), ("down", 3)])
def test_a_number_that_does_not_fit_is_refused_and_nothing_happens(action, n):
    directory = directory_of(3)
    with pytest.raises(UsageError):
        directory.do(action, n)
    assert directory.journal == ()


def test_an_action_that_is_not_there_is_refused():
    with pytest.raises(NotFoundError):
        directory_of(1).do("explode")
