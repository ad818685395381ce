"""Every local slot once, in forty time zones, through every change of the clock of three years.

The oracle knows neither `cronsim` nor the code: it walks through the years, notes where the offset
of a zone changes to the minute, and reads local times off that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest

from core.model.configuration import Schedule
from core.scheduling.slots import due_slot, spread, upcoming
from tests.support.figures import FULL, SEED, figure

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Johannesburg",
    "America/Asuncion",
    "America/Caracas",
    "America/Godthab",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/Miquelon",
    "America/New_York",
    "America/Phoenix",
    "America/Port-au-Prince",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Famagusta",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Norfolk",
)
BEGIN, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVERY_HOUR = frozenset(range(24))
CHANGES = figure("changes of the clock")
SLOTS = figure("local slots over three years")


@dataclass(frozen=True, kw_only=True)
class Form:
    """A cron expression, and the local times that it stands for, written down once more."""

    cron: str
    hours: frozenset[int] = EVERY_HOUR
    minutes: frozenset[int] = frozenset({0})
    weekdays: frozenset[int] = frozenset(range(7))
    days: frozenset[int] = frozenset(range(1, 32))

    def on(self, day: date) -> bool:
        """Whether the form has slots on a day; Monday is 0."""
        return day.weekday() in self.weekdays and day.day in self.days


def fixed(cron: str, hours: set[int], minutes: set[int], **days: frozenset[int]) -> Form:
    return Form(cron=cron, hours=frozenset(hours), minutes=frozenset(minutes), **days)


BY_THE_CLOCK = {
    "daily at midnight": fixed("0 0 * * *", {0}, {0}),
    "daily at half past midnight": fixed("30 0 * * *", {0}, {30}),
    "daily at one": fixed("0 1 * * *", {1}, {0}),
    "daily at a quarter past two": fixed("15 2 * * *", {2}, {15}),
    "daily at half past two": fixed("30 2 * * *", {2}, {30}),
    "daily at three": fixed("0 3 * * *", {3}, {0}),
    "daily at half past eleven": fixed("30 23 * * *", {23}, {30}),
    "weekly on Sunday": fixed("30 2 * * 0", {2}, {30}, weekdays=frozenset({6})),
    "weekly on Friday": fixed("0 0 * * fri", {0}, {0}, weekdays=frozenset({4})),
    "weekly on Saturday": fixed("30 23 * * 6", {23}, {30}, weekdays=frozenset({5})),
    "monthly": fixed("0 2 1 * *", {2}, {0}, days=frozenset({1})),
    "every six hours": fixed("0 */6 * * *", {0, 6, 12, 18}, {0}),
    "thrice in the night": fixed("*/20 2 * * *", {2}, {0, 20, 40}),
    "in office hours": fixed(
        "5 8-18 * * 1-5", set(range(8, 19)), {5}, weekdays=frozenset(range(5))
    ),
}
BY_ELAPSED_TIME = {
    "hourly": Form(cron="0 * * * *"),
    "hourly at a quarter to": Form(cron="45 0-23 * * *", minutes=frozenset({45})),
    "every twenty minutes": Form(cron="*/20 * * * *", minutes=frozenset({0, 20, 40})),
    "hourly on Sundays": Form(cron="30 * * * 7", minutes=frozenset({30}), weekdays=frozenset({6})),
}


@cache
def spans(zone: str) -> tuple[tuple[datetime, timedelta], ...]:
    """Every (start, offset) of a zone: hour by hour, and minute by minute where it changes."""
    local = ZoneInfo(zone)

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(local).utcoffset() or timedelta()

    begin = BEGIN - 3 * DAY
    found = [(begin, offset(begin))]
    moment = begin
    while moment < END + 3 * DAY:
        if offset(moment + HOUR) != found[-1][1]:
            change = next(
                moment + n * MINUTE
                for n in range(1, 61)
                if offset(moment + n * MINUTE) != found[-1][1]
            )
            found.append((change, offset(change)))
        moment += HOUR
    return tuple(found)


def first_shown(zone: str, wall: datetime) -> datetime:
    """Return when clocks first show a local time, or when the gap that it falls into ends."""
    known = spans(zone)
    ends = [start for start, _ in known[1:]] + [END + 9 * DAY]
    shown = [
        utc
        for (start, offset), end in zip(known, ends, strict=True)
        if start <= (utc := wall.replace(tzinfo=UTC) - offset) < end
    ]
    if shown:
        return min(shown)
    return next(
        start
        for (_, before), (start, after) in pairwise(known)
        if (start + before).replace(tzinfo=None) <= wall < (start + after).replace(tzinfo=None)
    )


def by_the_clock(form: Form, zone: str) -> Iterator[datetime]:
    day = BEGIN.date() - DAY
    while day <= END.date() + DAY:
        if form.on(day):
            for hour in form.hours:
                for minute in form.minutes:
                    yield first_shown(zone, datetime.combine(day, time(hour, minute)))
        day += DAY


def by_elapsed_time(form: Form, zone: str) -> Iterator[datetime]:
    known = spans(zone)
    ends = [start for start, _ in known[1:]] + [END + 2 * DAY]
    for (start, offset), end in zip(known, ends, strict=True):
        for utc in minutes_of(form, start, end, offset):
            local = utc + offset
            if form.on(local.date()) and local.minute in form.minutes:
                yield utc


def minutes_of(form: Form, start: datetime, end: datetime, offset: timedelta) -> Iterator[datetime]:
    """Yield the minutes between two changes that show one of the form's minutes."""
    for minute in form.minutes:
        moment = start
        while (moment + offset).minute != minute:
            moment += MINUTE
        while moment < end:
            yield moment
            moment += HOUR


def within(slots: Iterator[datetime]) -> list[datetime]:
    return sorted({slot for slot in slots if BEGIN < slot < END})


def compared(cron: str, zone: str, expected: list[datetime]) -> None:
    schedule = Schedule(cron=cron, timezone=zone)
    found = list(takewhile(lambda slot: slot < END, upcoming(schedule, anchor=BEGIN, after=BEGIN)))
    wrong = set(found) ^ set(expected)
    SLOTS.tried += len(expected)
    SLOTS.wrong += len(wrong) + len(found) - len(set(found))
    assert sorted(wrong) == []
    assert found == sorted(set(found))


def test_there_are_forty_zones_and_the_clock_is_changed_in_most():
    changed = {zone: len(spans(zone)) - 1 for zone in ZONES}
    assert len(set(ZONES)) == 40
    assert sum(number > 0 for number in changed.values()) > 25
    assert changed["Europe/Berlin"] == 6


SOME_ZONES = ZONES if FULL else ZONES[SEED % 10 :: 10]


@pytest.mark.parametrize("name", BY_THE_CLOCK)
def test_a_slot_by_the_clock_is_there_once_on_every_day_in_every_zone(name: str):
    form = BY_THE_CLOCK[name]
    for zone in SOME_ZONES:
        compared(form.cron, zone, within(by_the_clock(form, zone)))


@pytest.mark.parametrize("name", BY_ELAPSED_TIME)
def test_a_slot_in_every_hour_is_there_whenever_clocks_show_its_minute(name: str):
    form = BY_ELAPSED_TIME[name]
    for zone in SOME_ZONES:
        compared(form.cron, zone, within(by_elapsed_time(form, zone)))


@pytest.mark.parametrize("zone", SOME_ZONES)
def test_a_ticker_takes_each_slot_once_while_the_clock_is_changed(zone: str):
    forms = BY_THE_CLOCK | BY_ELAPSED_TIME
    names = list(forms) if FULL else ["daily at half past two", "daily at midnight", "hourly"]
    for change, _ in spans(zone)[1:]:
        if not BEGIN + DAY < change < END - DAY:
            continue
        for name in names:
            form = forms[name]
            find = by_the_clock if name in BY_THE_CLOCK else by_elapsed_time
            first, last = change - 13 * HOUR, change + 13 * HOUR
            expected = [slot for slot in slots_of(name, zone, find, form) if first < slot <= last]
            with CHANGES.trying():
                assert taken(Schedule(cron=form.cron, timezone=zone), first, last) == expected


@cache
def slots_of(name: str, zone: str, find: object, form: Form) -> tuple[datetime, ...]:
    del name
    return tuple(sorted(set(find(form, zone))))


def taken(schedule: Schedule, first: datetime, last: datetime) -> list[datetime]:
    """Return what a ticker takes that looks every five minutes."""
    since, now, found = first, first, []
    while now <= last:
        slot = due_slot(schedule, anchor=first, since=since, now=now)
        if slot is not None:
            found.append(slot)
            since = slot
        now += 5 * MINUTE
    return found


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Chatham"])
def test_an_interval_of_days_with_a_zone_begins_at_the_same_local_time(zone: str):
    schedule = Schedule(every=2 * DAY, timezone=zone)
    anchor = datetime(2025, 1, 1, 10, 17, 40, tzinfo=UTC)
    found = list(
        takewhile(lambda slot: slot < END, upcoming(schedule, anchor=anchor, after=anchor))
    )
    local = [slot.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for slot in found]
    begun = anchor.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert local == [begun + 2 * DAY * n for n in range(1, len(found) + 1)]
    assert len(found) == 547
    assert taken(schedule, anchor, anchor + 9 * DAY) == [
        slot for slot in found if slot <= anchor + 9 * DAY
    ]


def test_a_day_that_a_zone_left_out_has_its_slot_when_the_gap_ends():
    schedule = Schedule(cron="0 2 * * *", timezone="Pacific/Apia")
    after = datetime(2011, 12, 29, 13, tzinfo=UTC)
    found = upcoming(schedule, anchor=after, after=after)
    local = [next(found).astimezone(ZoneInfo("Pacific/Apia")).isoformat() for _ in range(2)]
    assert local == ["2011-12-31T00:00:00+14:00", "2011-12-31T02:00:00+14:00"]


def test_starts_are_spread_over_a_small_part_of_the_time_between_two_slots():
    slot = datetime(2026, 1, 1, tzinfo=UTC)
    keys = [f"f-{n}" for n in range(500)]
    for schedule, most in (
        (Schedule(every=MINUTE), timedelta(seconds=1.8)),
        (Schedule(cron="*/10 * * * *"), timedelta(seconds=18)),
        (Schedule(every=HOUR), timedelta(seconds=60)),
        (Schedule(cron="0 2 * * *"), timedelta(seconds=60)),
    ):
        delays = [spread(schedule, anchor=slot, slot=slot, key=key) for key in keys]
        assert delays == [spread(schedule, anchor=slot, slot=slot, key=key) for key in keys]
        assert timedelta() <= min(delays) < most / 10
        assert most * 0.9 < max(delays) <= most
