"""Freezes as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.model.freeze import WEEK_MINUTES, Freeze, Frozen
from core.services.freeze_words import parse_freezes, spell_freeze
from core.services.schedule_words import name_and_words

NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
"""A Wednesday."""
BERLIN = "Europe/Berlin"
ALWAYS = Freeze(week=(0, 10))
ZONES = st.sampled_from(["UTC", BERLIN, "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"])
WEEKLY = st.tuples(st.integers(0, WEEK_MINUTES - 1), st.integers(0, WEEK_MINUTES - 1)).filter(
    lambda pair: pair[0] != pair[1]
)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("fri 18:00 until mon 06:00", f"fri 18:00 until mon 06:00 {BERLIN}"),
        ("from Friday 18:00 to monday", f"fri 18:00 until mon 00:00 {BERLIN}"),
        ("sat until mon removals utc", "sat 00:00 until mon 00:00 removals UTC"),
        ("2026-12-20 until 2027-01-06", f"2026-12-20 until 2027-01-06 {BERLIN}"),
        (
            "2026-12-20 12:30 until 2026-12-21 invitations Asia/Kolkata",
            "2026-12-20 12:30 until 2026-12-21 invitations Asia/Kolkata",
        ),
        ("mon until tue removals, invitations", f"mon 00:00 until tue 00:00 {BERLIN}"),
    ],
)
def test_a_typed_freeze_takes_its_place_at_the_end(text, spelled):
    *before, made = parse_freezes(text.split(), [ALWAYS], zone=BERLIN, now=NOW)
    assert before == [ALWAYS]
    assert spell_freeze(made) == spelled
    assert parse_freezes(spelled.split(), [], zone="UTC", now=NOW) == (made,)


def test_off_ends_all_or_the_one_of_that_number():
    other = Freeze(week=(5, 6))
    assert parse_freezes(["off"], [ALWAYS, other], zone="UTC", now=NOW) == ()
    assert parse_freezes(["off", "1"], [ALWAYS, other], zone="UTC", now=NOW) == (other,)
    assert parse_freezes([], [ALWAYS], zone="UTC", now=NOW) == (ALWAYS,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fri 18:00", "`until` is missing"),
        ("until mon", "A day is due: say when it begins"),
        ("fri until", "A day is due: say when it ends"),
        ("frday until mon", "“frday” is neither a date nor a weekday"),
        ("fri 25:00 until mon", "“25:00” is too much"),
        ("2026-02-30 until 2026-03-01", "“2026-02-30” is no day"),
        ("2026-12-21 until 2026-12-20", "between two dates"),
        ("fri until 2026-12-20", "between two dates"),
        ("2020-01-01 until 2020-02-01", "over already"),
        ("mon 00:00 until mon 00:10 UTC", "that freeze already"),
        ("fri until mon everything", "no time zone"),
        ("fri until mon removals UTC more", "“more” is too much"),
        ("off 2", "from 1 to 1"),
        ("off one", "from 1 to 1"),
    ],
)
def test_what_cannot_be_read_is_told(text, said):
    with pytest.raises(UsageError) as caught:
        parse_freezes(text.split(), [ALWAYS], zone="UTC", now=NOW)
    assert said in caught.value.message


def test_a_freeze_may_follow_a_configurations_name_or_none():
    words = ("fri", "until", "mon")
    assert name_and_words("freeze", ("off", "1")) == (None, ("freeze", "off", "1"))
    assert name_and_words("freeze", words) == (None, ("freeze", *words))
    assert name_and_words("people", ("freeze", *words)) == ("people", ("freeze", *words))
    assert name_and_words("freeze", ("freeze", *words)) == ("freeze", ("freeze", *words))


@given(week=WEEKLY, zone=ZONES, minutes=st.integers(0, 3 * WEEK_MINUTES))
def test_the_next_window_is_the_one_in_which_it_is_frozen(week, zone, minutes):
    freeze, now = Freeze(week=week, timezone=zone), NOW + timedelta(minutes=minutes)
    begin, end = freeze.window(now)
    assert end > now
    assert freeze.end_at(now) == (end if begin <= now else None)
    if begin > now:
        assert freeze.end_at(begin) == end
        assert freeze.end_at(begin - timedelta(minutes=1)) is None


def test_a_window_of_dates_is_over_when_its_end_has_come():
    begin, end = datetime(2026, 12, 1), datetime(2026, 12, 2)  # noqa: DTZ001 - local times
    freeze = Freeze(dates=(begin, end), timezone=BERLIN, of=(Frozen.REMOVALS,))
    over = end.replace(tzinfo=ZoneInfo(BERLIN))
    assert freeze.window(NOW) == (begin.replace(tzinfo=ZoneInfo(BERLIN)), over)
    assert freeze.window(over - timedelta(seconds=1)) is not None
    assert freeze.window(over) is None
