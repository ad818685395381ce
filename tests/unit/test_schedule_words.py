"""Schedules in words: read, spelled, and refused with what is wrong."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.grammar import parse, spell, split
from core.errors import UsageError
from core.model.configuration import Schedule
from core.services.schedule_words import name_and_words, parse_schedule, spell_schedule

BERLIN = "Europe/Berlin"
READ = {
    "off": None,
    "every 1h": Schedule(every=timedelta(hours=1)),
    "every 90 minutes": Schedule(every=timedelta(minutes=90)),
    "every 2 days Europe/Berlin": Schedule(every=timedelta(days=2), timezone=BERLIN),
    "every 1w": Schedule(every=timedelta(weeks=1)),
    "HOURLY": Schedule(cron="0 * * * *"),
    "daily 02:00": Schedule(cron="0 2 * * *"),
    "daily at 2:05 europe/berlin": Schedule(cron="5 2 * * *", timezone=BERLIN),
    "weekly mon 02:00 Europe/Berlin": Schedule(cron="0 2 * * 1", timezone=BERLIN),
    "weekly Friday,mon 18:30": Schedule(cron="30 18 * * 1,5"),
    'cron "0 2 * * *"': Schedule(cron="0 2 * * *"),
    "cron 0 2 1 * * Europe/Berlin": Schedule(cron="0 2 1 * *", timezone=BERLIN),
}
REFUSED = {
    "": "A schedule is missing",
    "sometimes": "“sometimes” is no kind of schedule",
    "every": "length of time such as `30m`",
    "every 10": "length of time such as `30m`",
    "every 30 seconds": "length of time such as `30m`",
    "every 0m": "from 1m to 3650d",
    "every 1h Europe/Berlin": "zone matters to days only",
    "daily": "The time of day is missing",
    "daily 24:00": "“24:00” is no time of day",
    "daily 02:00 Europe/Berlim": "“Europe/Berlim” is no time zone. Did you mean Europe/Berlin?",
    "daily 02:00 Berlin": "Did you mean Europe/Berlin?",
    "daily 02:00 New York": "“York” is too much here",
    "daily 02:00 UTC again": "“again” is too much here",
    "weekly 02:00": "“02:00” is no day of the week",
    "weekly mon": "The time of day is missing",
    "weekly mondy 02:00": "“mondy” is no day of the week",
    'cron "0 2 * *"': "five fields (minute, hour, day, month, weekday), at most 100 characters in",
    'cron "61 2 * * *"': "Field 1 of the cron expression is the minute, 0 to 59: “61” is none",
    'cron "0 2 * * eights"': "Field 5 of the cron expression is the day of the week",
    'cron "0 2 30 2 *"': "never comes",
    "off now": "“now” is too much here",
}


@pytest.mark.parametrize("text", READ)
def test_a_schedule_is_read_as_people_write_it(text: str):
    assert parse_schedule(split(text)) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_schedule_is_refused_with_the_word_that_is_wrong(text: str):
    with pytest.raises(UsageError) as caught:
        parse_schedule(split(text))
    assert REFUSED[text] in caught.value.message


def test_a_schedule_without_a_zone_stays_in_the_present_one():
    assert parse_schedule(["daily", "02:00"], zone=BERLIN) == Schedule(
        cron="0 2 * * *", timezone=BERLIN
    )
    assert parse_schedule(["every", "1h"], zone=BERLIN) == Schedule(every=timedelta(hours=1))


ZONES = st.sampled_from(["UTC", BERLIN, "America/Argentina/Buenos_Aires", "Etc/GMT+3"])
FIELDS = st.tuples(
    st.sampled_from(["0", "5", "59", "*", "*/20", "1,31"]),
    st.sampled_from(["0", "23", "*", "2-4", "*/6"]),
    st.sampled_from(["*", "1", "L", "28"]),
    st.sampled_from(["*", "1-6"]),
    st.sampled_from(["*", "0", "1-5", "fri", "mon#1", "1,3"]),
)
SCHEDULES = st.one_of(
    st.none(),
    st.builds(Schedule, every=st.integers(1, 60 * 24).map(lambda n: timedelta(minutes=n))),
    st.builds(
        Schedule, every=st.integers(1, 3650).map(lambda n: timedelta(days=n)), timezone=ZONES
    ),
    st.builds(Schedule, cron=FIELDS.map(" ".join), timezone=ZONES),
)


@given(SCHEDULES)
def test_a_schedule_that_is_spelled_and_typed_again_is_the_same(schedule: Schedule | None):
    words = tuple(split(spell_schedule(schedule)))
    assert parse_schedule(words, zone="Asia/Tokyo") == schedule
    typed = parse(f"schedule people {spell_schedule(schedule)}")
    assert typed.texts("words") == words
    assert parse(spell(typed)) == typed


@given(st.lists(st.text(max_size=12), max_size=8), st.sampled_from(list(READ)))
def test_whatever_is_typed_is_a_schedule_or_refused(words: list[str], text: str):
    for given_words in (words, [*split(text), *words]):
        with suppress(UsageError):
            found = parse_schedule(given_words)
            assert parse_schedule(split(spell_schedule(found)), zone="Asia/Tokyo") == found


@pytest.mark.parametrize(
    ("typed", "name", "words"),
    [
        ("", None, ()),
        ("people", "people", ()),
        ("daily 02:00", None, ("daily", "02:00")),
        ("off", None, ("off",)),
        ("people off", "people", ("off",)),
        ("daily off", "daily", ("off",)),
        ("hourly daily 02:00", "hourly", ("daily", "02:00")),
    ],
)
def test_the_configuration_may_be_left_out(typed, name, words):
    command = parse(f"schedule {typed}")
    assert name_and_words(command.configuration, command.texts("words")) == (name, words)
