"""Licenses kept back for groups: how many are left, and who finds one."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from core.model.account import LicenseSummary, UserId
from core.model.reserves import Reserve, untaken
from core.store.room import Room
from tests.support.matching import most_matched

LIMITS = st.lists(st.integers(0, 4), max_size=4)
MASKS = st.lists(st.integers(0, 15), max_size=9)


def groups_of(mask: int, limits: list[int]) -> list[int]:
    return [n for n in range(len(limits)) if mask >> n & 1]


@given(LIMITS, MASKS)
def test_as_many_kept_licenses_are_taken_as_members_can_be_matched_with(limits, masks):
    masks = [mask % (1 << len(limits)) for mask in masks]
    matched = most_matched([groups_of(mask, limits) for mask in masks], limits)
    assert untaken(limits, Counter(masks)) == sum(limits) - matched


@given(LIMITS, MASKS, st.integers(0, 12))
def test_a_line_that_is_served_in_order_gets_as_many_as_any_choice_of_it_could(
    limits, masks, unused
):
    masks = [mask % (1 << len(limits)) for mask in masks][:6]

    def fits(chosen: tuple[int, ...]) -> bool:
        own = most_matched([groups_of(masks[n], limits) for n in chosen], limits)
        free = max(0, unused - sum(limits))
        return len(chosen) <= unused and len(chosen) - own <= free

    sizes = range(len(masks), -1, -1)
    most = next(n for n in sizes if any(map(fits, itertools.combinations(range(len(masks)), n))))
    room = Room(unused=unused, limits=tuple(limits), belongs=dict(enumerate(masks)))
    assert len(room.first(range(len(masks)), len(masks))) == most


def test_a_member_takes_a_kept_license_first_and_others_do_not_see_it():
    room = Room(unused=3, limits=(2,), belongs={1: 1, 2: 1, 3: 1})
    assert [room.take(UserId(n)) for n in (1, 7, 8, 2, 3)] == [True, True, False, True, False]


def test_whoever_is_behind_finds_what_those_ahead_cannot_take():
    room = Room(unused=2, limits=(2,), belongs={9: 1})
    assert room.admits(UserId(9), ahead=[1, 2, 3])
    assert not room.admits(UserId(4), ahead=[])
    assert room.unused == 2


def test_whoever_is_ahead_gets_the_last_one_that_is_free_for_everybody():
    room = Room(unused=3, limits=(2,), belongs={9: 1})
    assert room.admits(UserId(4))
    assert not room.admits(UserId(4), ahead=[1])
    assert room.admits(UserId(9), ahead=[1, 2])


def test_a_pool_with_kept_licenses_says_what_is_free_for_whom():
    board = Reserve(
        configuration_id="c", external_id="g", group="Board", group_id=1, kept=10, used=7
    )
    pool = LicenseSummary(
        total=100,
        used=95,
        invited=4,
        waiting=3,
        kept=3,
        kept_for_expected=2,
        kept_for_waiting=1,
        reserves=(board,),
    )
    assert (pool.unused, pool.free, pool.ready, pool.shortfall, board.left) == (5, 2, 3, 3, 3)
