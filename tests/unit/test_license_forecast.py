"""The forecast of the licenses, and the bar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.views.license_desk import CELLS, bar, outlook
from core.model.account import LicenseSummary
from core.model.desk import Forecast, LicenseDay, Outlook
from core.services.forecast import forecast

TODAY = date(2026, 7, 31)


def pool(used: int, total: int = 100) -> LicenseSummary:
    return LicenseSummary(total=total, used=used, invited=0, waiting=0)


def day(ago: int, used: int) -> LicenseDay:
    return LicenseDay(day=TODAY - timedelta(days=ago), total=100, used=used, waiting=0)


def test_the_day_is_that_on_which_the_growth_so_far_has_taken_what_is_free():
    found = forecast([day(20, 40), day(10, 55), day(0, 60)], pool(60), TODAY)
    assert found == Forecast(
        outlook=Outlook.RUNS_OUT, day=TODAY + timedelta(days=40), per_day=1.0, over=20
    )
    assert outlook(found) == (
        "They run out about 09 September 2026 at the present rate (+1.0 a day over the last "
        "20 days)."
    )


def test_a_rate_that_is_hardly_one_has_no_sign_of_its_own():
    slow = Forecast(outlook=Outlook.LASTS, per_day=-0.03, over=30)
    assert "(+0.0 a day" in outlook(slow)


def test_only_the_last_thirty_days_count_from_how_it_stood_when_they_began():
    found = forecast([day(80, 0), day(45, 30), day(5, 60)], pool(60), TODAY)
    assert (found.over, found.per_day) == (30, 1.0)


@pytest.mark.parametrize(
    ("days", "used", "expected"),
    [
        ([day(20, 100)], 100, Outlook.EXHAUSTED),
        ([day(20, 100)], 120, Outlook.EXHAUSTED),
        ([], 10, Outlook.TOO_EARLY),
        ([day(6, 1)], 10, Outlook.TOO_EARLY),
        ([day(7, 10)], 10, Outlook.LASTS),
        ([day(7, 30)], 10, Outlook.LASTS),
        ([day(7, 3)], 10, Outlook.RUNS_OUT),
    ],
)
def test_without_a_growth_no_day_is_named(days, used, expected):
    found = forecast(days, pool(used), TODAY)
    assert found.outlook is expected
    assert (found.day is None) == (expected is not Outlook.RUNS_OUT)
    assert outlook(found)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 300)), max_size=8),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_a_day_that_is_named_is_ahead_and_takes_what_is_free(history, used, total):
    days = [day(ago, count) for ago, count in sorted(history, reverse=True)]
    found = forecast(days, pool(used, total), TODAY)
    if found.day is None:
        return
    ahead = (found.day - TODAY).days
    assert ahead >= 1
    assert (ahead - 1) * found.per_day < total - used <= ahead * found.per_day + 1e-6


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_the_bar_is_full_exactly_when_none_is_free_and_empty_when_none_is_used(used, total):
    drawn = bar(used, total)
    assert drawn.count("█") + drawn.count("░") == CELLS
    assert ("░" not in drawn) == (used >= total > 0)
    assert ("█" not in drawn) == (used == 0 or total == 0)
