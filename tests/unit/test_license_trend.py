"""The last 90 days of the licenses: a figure a day, a line of text, words, a picture."""

from __future__ import annotations

import struct
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import pictures
from bot.slack.views.trend import CELLS, DAYS, LEVELS, daily, in_words, sparkline, trend_text
from core.model.desk import LicenseDay

TODAY = date(2026, 3, 31)


def day(ago: int, used: int, *, total: int = 100, waiting: int = 0) -> LicenseDay:
    return LicenseDay(day=TODAY - timedelta(days=ago), total=total, used=used, waiting=waiting)


def test_between_two_changes_the_pool_stood_as_before():
    known = daily([day(40, 10), day(38, 20), day(0, 30)], TODAY)
    assert len(known) == 41
    assert [each.used for each in known[:4]] == [10, 10, 20, 20]
    assert (known[-1].day, known[-1].used) == (TODAY, 30)


def test_the_line_rises_with_the_use_and_words_say_the_same():
    days = [day(60, 0), day(30, 50), day(0, 100, waiting=20)]
    line = sparkline(days, TODAY)
    assert len(line) == CELLS
    assert (line[0], line[-1]) == (LEVELS[0], LEVELS[-1])
    assert [*line] == sorted(line)
    assert in_words(days, TODAY) == (
        "Licenses in use: 0 of 100 on 2026-01-30, 100 of 100 on 2026-03-31. "
        "The most were 100, on 2026-03-31. At most 20 waited, on 2026-03-31."
    )


def test_a_pool_that_is_new_has_no_line():
    assert sparkline([day(0, 5)], TODAY) == ""
    assert sparkline([], TODAY) == ""
    assert "known from today on" in trend_text([], TODAY).text


FIGURES = st.integers(0, 10_000_000)
PAST = st.lists(st.tuples(st.integers(0, 200), FIGURES, FIGURES), max_size=20)


@given(PAST)
def test_any_past_has_a_line_of_blocks_within_the_days_that_are_shown(past):
    days = [day(ago, used, total=total) for ago, used, total in past]
    known = daily(days, TODAY)
    assert len(known) <= DAYS + 1
    assert {*sparkline(days, TODAY)} <= {*LEVELS}
    assert len(sparkline(days, TODAY)) <= CELLS


def test_the_picture_is_a_png_of_the_size_that_was_asked_for():
    pytest.importorskip("matplotlib", reason="the extra charts is not installed")
    days = daily([day(80, 3), day(20, 90), day(1, 100, waiting=7)], TODAY)
    data = pictures.trend_picture(days)
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert (width, height) == tuple(int(each * 120) for each in pictures.SIZE)
