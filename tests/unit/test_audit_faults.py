"""What is told of a chain that somebody touched, for whatever was done to it."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.audit import FaultKind
from core.model.configuration import ConfigurationSpec, Guard, Schedule, ScimSettings, Scope
from core.store.audit_chain import GENESIS, Link, diagnose
from core.store.audit_changes import differences
from tests.support.figures import FULL

RUNS = settings(max_examples=2000 if FULL else 100)


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def chain(size: int) -> list[Link]:
    links, previous = [], GENESIS
    for seq in range(1, size + 1):
        links.append(Link(seq, previous, hashed(f"{seq} {previous}"), sound=True))
        previous = links[-1].hash
    return links


def spread(faults) -> set[tuple[str, int]]:
    return {
        (fault.kind.value, number)
        for fault in faults
        for number in range(fault.first, fault.last + 1)
    }


sizes = st.integers(1, 40)


@given(sizes)
def test_a_chain_that_nobody_touched_has_no_fault(size):
    links = chain(size)
    assert diagnose(links, size, links[-1].hash) == []


@RUNS
@given(st.data())
def test_exactly_what_was_taken_out_changed_or_exchanged_is_told(data):
    """Any rows out, any others changed, and two of the rest in each other's place."""
    size = data.draw(sizes)
    links = chain(size)
    head = links[-1].hash
    numbers = st.sets(st.integers(1, size))
    out = data.draw(numbers)
    changed = data.draw(numbers) - out
    left = [
        Link(each.seq, each.previous, each.hash, sound=each.seq not in changed)
        for each in links
        if each.seq not in out
    ]
    told = spread(diagnose(left, size, head))
    assert told == {("missing", n) for n in out} | {("changed", n) for n in changed}


@RUNS
@given(st.data())
def test_two_rows_in_each_others_place_are_moved_and_nothing_else(data):
    size = data.draw(st.integers(2, 40))
    links = chain(size)
    head = links[-1].hash
    one, other = sorted(data.draw(st.sets(st.integers(1, size), min_size=2, max_size=2)))
    places = {one: other, other: one}
    moved = [
        Link(places.get(each.seq, each.seq), each.previous, each.hash, sound=True) for each in links
    ]
    moved.sort(key=lambda link: link.seq)
    faults = diagnose(moved, size, head)
    assert spread(faults) == {("moved", one), ("moved", other)}


@RUNS
@given(st.data())
def test_whatever_is_done_to_a_chain_it_is_never_called_whole(data):
    """Rows are dropped, doubled, renumbered and forged at random, and the head is not touched."""
    size = data.draw(sizes)
    links = chain(size)
    made = []
    for each in links:
        act = data.draw(st.sampled_from(["keep", "keep", "drop", "double", "renumber", "forge"]))
        seq = data.draw(st.integers(-2, size + 3)) if act in ("double", "renumber") else each.seq
        if act not in ("drop", "renumber"):
            previous = hashed("forged") if act == "forge" else each.previous
            made.append(
                Link(each.seq, previous, hashed("x") if act == "forge" else each.hash, True)
            )
        if act in ("double", "renumber"):
            made.append(Link(seq, each.previous, each.hash, sound=True))
    made.sort(key=lambda link: link.seq)
    faults = diagnose(made, size, links[-1].hash)
    assert bool(faults) is (made != links)


def test_a_head_whose_number_is_absurd_is_told_at_once():
    links = chain(5)
    faults = diagnose(links[:2], 9_000_000_000_000, links[-1].hash)
    assert [fault.kind for fault in faults] == [FaultKind.MISSING]


BEFORE = ConfigurationSpec(
    name="people",
    provider=ScimSettings(url="https://idp.example/scim/v2", token="env:DIRSYNC_CREDENTIAL_A"),
    scope=Scope(groups=("Engineering",)),
    guard=Guard(canaries=("boss@example.com",)),
)


def test_exactly_the_keys_that_were_changed_are_told_from_what_to_what():
    after = ConfigurationSpec(
        name="people",
        provider=ScimSettings(url="https://idp.example/scim/v2", token="env:DIRSYNC_CREDENTIAL_B"),
        scope=Scope(domains=("example.com",)),
        schedule=Schedule(cron="0 2 * * *", timezone="Europe/Berlin"),
        guard=Guard(canaries=("boss@example.com",), percent=20),
    )
    old, new = differences(BEFORE, after)
    assert old == {
        "provider.token": "env:DIRSYNC_CREDENTIAL_A",
        "scope.groups": ["Engineering"],
        "guard.percent": 10,
    }
    assert new == {
        "provider.token": "env:DIRSYNC_CREDENTIAL_B",
        "scope.domains": ["example.com"],
        "schedule.cron": "0 2 * * *",
        "schedule.timezone": "Europe/Berlin",
        "guard.percent": 20,
    }


def test_what_was_created_is_told_whole_and_lengths_as_the_file_has_them():
    old, new = differences(None, BEFORE)
    assert old == {}
    assert (new["name"], new["grace"], new["provider.type"]) == ("people", "30d", "scim")
    assert not any(value in ("", None) for value in new.values())
    assert not {"schedule", "channel"} & new.keys()


def test_a_secret_that_is_no_reference_is_never_told():
    literal = ConfigurationSpec(
        name="people",
        provider=ScimSettings(url="https://idp.example", username="u", password="hunter2"),
    )
    old, new = differences(None, literal)
    assert (old, new["provider.password"]) == ({}, "(hidden)")
    assert "hunter2" not in str(differences(BEFORE, literal))
