"""Freeze windows: when they are over, how they are written, and that nobody is removed in one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.guard import RULES, Load, group_item, judge, key_of
from core.errors import ConfigurationError
from core.model.account import UserStatus
from core.model.configuration import Guard, LicensePolicy
from core.model.cycle import Action, CycleResult, GroupChange, HeldItem
from core.model.directory import ExternalId, ResourceKind
from core.model.freeze import WEEK_MINUTES, Freeze, Frozen, frozen_until
from core.services.configuration_export import export_file
from core.services.configuration_file import parse_file
from tests.support.engine_world import FENCE, World
from tests.support.scripted_directory import people, person, team

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REMOVALS, INVITATIONS = Frozen.REMOVALS, Frozen.INVITATIONS
FILE = """\
configurations:
  - name: people
    provider: {type: csv, file: people.csv}
    freeze:
"""


def read(*windows: str) -> tuple[Freeze, ...]:
    lines = "".join(f"      - {window}\n" for window in windows)
    return parse_file(FILE + lines, source="f.yaml").configurations[0].freeze


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def until(window: str, now: str, what: Frozen = REMOVALS) -> datetime | None:
    return frozen_until(read(window), what, at(now))


def test_a_window_is_over_when_its_last_day_begins_in_its_zone():
    window = "{from: 2026-12-20, until: 2027-01-06, timezone: Europe/Berlin}"
    over = at("2027-01-05T23:00")
    assert until(window, "2026-12-19T22:59") is None
    assert until(window, "2026-12-19T23:00") == over
    assert until(window, "2027-01-05T22:59", INVITATIONS) == over
    assert until(window, "2027-01-05T23:00") is None


def test_a_window_has_only_what_it_names():
    window = "{from: 2026-12-20 18:00, until: 2026-12-21 06:30, of: removals}"
    assert until(window, "2026-12-21T00:00") == at("2026-12-21T06:30")
    assert until(window, "2026-12-21T00:00", INVITATIONS) is None


@pytest.mark.parametrize(
    ("now", "over"),
    [
        ("2026-03-27T16:59", None),
        ("2026-03-27T17:00", "2026-03-30T04:00"),
        ("2026-03-30T03:59", "2026-03-30T04:00"),
        ("2026-03-30T04:00", None),
        ("2026-11-22T12:00", "2026-11-23T05:00"),
    ],
)
def test_a_weekly_window_goes_over_the_turn_of_the_week_and_daylight_saving(now, over):
    window = "{from: fri 18:00, until: mon 06:00, timezone: Europe/Berlin}"
    assert until(window, now) == (at(over) if over else None)


def test_windows_that_follow_each_other_are_waited_for_together():
    windows = read(
        "{from: 2026-12-24, until: 2026-12-26}",
        "{from: 2026-12-26, until: 2026-12-27 12:00}",
        "{from: sun 00:00, until: mon 00:00, of: removals}",
    )
    assert frozen_until(windows, REMOVALS, at("2026-12-25")) == at("2026-12-28")
    assert frozen_until(windows, INVITATIONS, at("2026-12-25")) == at("2026-12-27T12:00")


def test_a_week_that_is_all_frozen_is_frozen_for_long_and_answers_at_once():
    windows = read("{from: mon 00:00, until: fri 00:00}", "{from: fri 00:00, until: mon 00:00}")
    now = at("2026-12-25")
    assert frozen_until(windows, REMOVALS, now) > now + 100 * DAY


REFUSED = {
    "{from: 2026-12-20}": "needs the key until",
    "{from: 2027-01-06, until: 2026-12-20}": "expected two dates, until the later one",
    "{from: 2026-12-20, until: mon 06:00}": "expected two dates",
    "{from: mon 06:00, until: mon 06:00}": "two weekday times",
    "{from: 2026-02-30, until: 2026-03-06}": "line 5: from: expected a date such as 2026-12-20",
    "{from: tomorrow, until: 2026-03-06}": "or a weekday such as fri 18:00",
    "{from: fri 18:00, until: mon 25:00}": "or a weekday such as fri 18:00",
    "{from: fri 18:00, until: mon 06:00, of: [removal]}": "expected removals or invitations",
    "{from: fri 18:00, until: mon 06:00, of: []}": "expected removals or invitations",
    "{from: fri 18:00, until: mon 06:00, timezone: Berlin}": "Did you mean Europe/Berlin?",
    "{from: fri 18:00, untill: mon 06:00}": "Did you mean until?",
    "christmas": "expected keys: from, until, of, timezone",
}


@pytest.mark.parametrize("window", REFUSED)
def test_a_window_that_cannot_be_meant_is_refused_with_its_line(window: str):
    with pytest.raises(ConfigurationError) as caught:
        read(window)
    assert REFUSED[window] in caught.value.message
    assert caught.value.line == 5


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001 - local times
    lambda moment: moment.replace(second=0, microsecond=0)
)
MINUTES = st.integers(0, WEEK_MINUTES - 1)
SPANS = st.tuples(MOMENTS, MOMENTS).filter(lambda pair: pair[0] < pair[1])
WEEKS = st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] != pair[1])
SOME = st.sampled_from([(REMOVALS,), (INVITATIONS,), (REMOVALS, INVITATIONS)])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"])
WINDOWS = st.builds(Freeze, of=SOME, timezone=ZONES, dates=SPANS) | st.builds(
    Freeze, of=SOME, timezone=ZONES, week=WEEKS
)


@given(st.lists(WINDOWS, max_size=4).map(tuple))
def test_windows_survive_export_and_apply(windows: tuple[Freeze, ...]):
    spec = parse_file(FILE.replace("    freeze:\n", ""), source="f").configurations[0]
    stored = replace(spec, freeze=windows)
    text = export_file([stored], licenses_total=1, licenses_policy=LicensePolicy.ASK)
    assert parse_file(text, source="f").configurations == (stored,)


@given(WINDOWS, st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)))  # noqa: DTZ001 - made aware below
def test_a_window_that_is_open_is_open_until_it_is_over(window, now):
    now = now.replace(tzinfo=UTC)
    over = window.end_at(now)
    if over is not None:
        assert over > now
        assert window.end_at(over - timedelta(seconds=1)) == over
        assert over - now <= timedelta(days=7, hours=2) or window.dates is not None


def item(name: str, action: Action = Action.DISABLE) -> HeldItem:
    return HeldItem(
        kind=ResourceKind.USER,
        external_id=ExternalId(name),
        label=name,
        action=action,
        reason="gone",
    )


@given(st.integers(0, 40), st.integers(0, 40), st.booleans(), st.integers(0, 100))
def test_in_a_freeze_only_released_removals_are_let_through(total, count, frozen, provisioned):
    group = GroupChange(external_id=ExternalId("g"), action=Action.DELETE, display_name="G")
    removals = [*(item(f"u{n}") for n in range(total)), group_item(group)]
    released = frozenset(key_of(each) for each in removals[:count])
    load = Load(
        removals=len(removals) - len(released),
        leaving=total,
        creations=0,
        provisioned=provisioned,
        recent=0,
        settled=True,
    )
    ruling = judge(Guard(), load, removals, released=released, rules=RULES, frozen=frozen)
    held = {key_of(each) for each in ruling.held}
    assert ruling.removals | held | ruling.postponed == {key_of(each) for each in removals}
    assert not ruling.removals & (held | ruling.postponed)
    if frozen:
        assert (ruling.removals, held) == (released, set())
    else:
        assert ruling.postponed == frozenset()


async def test_who_left_in_a_freeze_stays_with_their_groups_and_goes_in_the_first_cycle_after_it():
    members = {"u1", "u2", "u3"}
    world = World(people(30), [team("one", members), team("two", members)])
    await world.cycle()
    now = world.clock.time.replace(tzinfo=None)
    freeze = Freeze(dates=(now, now + 2 * DAY), of=(REMOVALS,))
    spec = replace(world.configuration.spec, freeze=(freeze,))
    world.configuration = replace(world.configuration, spec=spec)
    world.directory.remove("u1")
    world.directory.change("u2", active=False)
    world.directory.teams = [team("one", {"u3"})]
    world.directory.people.append(person(77))
    for _ in range(3):
        outcome = await world.cycle()
        assert (outcome.result, outcome.error) == (CycleResult.SUCCESS, None)
        assert (outcome.postponed.removals, outcome.postponed.read) == (3, 1)
        assert outcome.postponed.removals_until == freeze.dates[1].replace(tzinfo=UTC)
        assert (world.directory.asked, world.directory.asked_groups) == ([], [])
    assert world.store.status("u77") is UserStatus.INVITED
    assert world.store.removed() == set()
    assert await world.store.group_members(FENCE, ExternalId("g-one")) == members
    assert await world.store.group_members(FENCE, ExternalId("g-two")) == members
    world.clock.time += 3 * DAY
    outcome = await world.cycle()
    assert outcome.postponed is None
    assert world.store.removed() == {"u1", "u2"}
    assert await world.store.group_members(FENCE, ExternalId("g-one")) == {"u3"}
    assert "g-two" not in world.store.teams


async def test_more_removals_than_the_limit_are_not_held_until_the_freeze_is_over():
    freeze = Freeze(week=(0, WEEK_MINUTES - 1))
    world = World(people(30), freeze=(freeze,))
    await world.cycle()
    world.directory.remove(*(f"u{number}" for number in range(20, 28)))
    outcome = await world.cycle()
    assert (outcome.held_set_id, outcome.postponed.removals) == (None, 8)
    world.configuration = replace(
        world.configuration, spec=replace(world.configuration.spec, freeze=())
    )
    outcome = await world.cycle()
    assert outcome.held_set_id is not None
    assert world.store.removed() == set()


async def test_without_a_proof_nothing_is_postponed_because_nothing_is_known():
    world = World(people(30), freeze=(Freeze(week=(0, WEEK_MINUTES - 1)),))
    await world.cycle()
    world.directory.remove("u1")
    world.directory.bend = lambda pages: pages[:2]
    assert (await world.cycle()).postponed is None
