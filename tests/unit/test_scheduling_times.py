"""When slots are due, what an end is worth telling, how long to pause."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.verdict import judge_end
from core.model.configuration import Schedule
from core.model.cycle import Cycle, CycleError, CycleId, CycleResult, CycleState, Trigger
from core.model.events import AlertKind
from core.model.verdict import Verdict
from core.scheduling.bell import Bell
from core.scheduling.outbox import LONGEST_PAUSE, pause_after
from core.scheduling.slots import due_slot, next_slot
from tests.support.engine_world import START, configuration

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Kolkata",
    "UTC",
)
DAILY = ("30 2 * * *", "15 1 * * *", "0 0 * * *", "30 0 * * *")


def ticks(schedule: Schedule, start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """Every slot that a ticker would take between two times, looking every so often."""
    since, now, taken = start, start, []
    while now <= end:
        slot = due_slot(schedule, anchor=start, since=since, now=now)
        if slot is not None:
            taken.append(slot)
            since = slot
        now += step
    return taken


def test_slots_of_an_interval_are_counted_from_the_beginning():
    every = Schedule(every=timedelta(hours=1))
    now = START + timedelta(hours=5, minutes=20)
    assert due_slot(every, anchor=START, since=START, now=now) == START + timedelta(hours=5)
    assert next_slot(every, anchor=START, now=now) == START + timedelta(hours=6)


def test_however_long_the_downtime_there_is_one_slot_to_catch_up():
    every = Schedule(every=timedelta(hours=1))
    end = START + timedelta(days=30)
    assert ticks(every, START, end, timedelta(days=30)) == [end]


def test_a_slot_that_was_taken_is_not_due_again():
    every = Schedule(every=timedelta(hours=1))
    slot = START + timedelta(hours=5)
    assert due_slot(every, anchor=START, since=slot, now=slot + timedelta(minutes=59)) is None


def test_a_configuration_without_a_schedule_has_no_slots():
    assert due_slot(Schedule(), anchor=START, since=START, now=START) is None
    assert next_slot(Schedule(), anchor=START, now=START) is None


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", DAILY[:2])
def test_a_daily_slot_runs_once_on_every_local_day_of_the_year(zone: str, cron: str):
    local = ZoneInfo(zone)
    start = datetime(2025, 1, 1, 12, tzinfo=local).astimezone(UTC)
    end = datetime(2026, 1, 1, 12, tzinfo=local).astimezone(UTC)
    taken = ticks(Schedule(cron=cron, timezone=zone), start, end, timedelta(hours=7))
    days = [slot.astimezone(local).date() for slot in taken]
    assert len(days) == len(set(days)) == 365


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    cron=st.sampled_from((*DAILY, "*/20 * * * *", "0 */3 * * *", "30 0 * * 0", "0 5 1 * *")),
    hours=st.integers(0, 365 * 24),
    down=st.integers(1, 24 * 40),
)
def test_after_a_downtime_the_latest_slot_is_the_one_that_is_due(zone, cron, hours, down):
    since = datetime(2025, 1, 1, 0, 7, tzinfo=UTC) + timedelta(hours=hours)
    now = since + timedelta(hours=down)
    missed = []
    for slot in CronSim(cron, since.astimezone(ZoneInfo(zone))):
        if slot > now:
            break
        missed.append(slot.astimezone(UTC))
    due = due_slot(Schedule(cron=cron, timezone=zone), anchor=since, since=since, now=now)
    assert due == (missed[-1] if missed else None)


def cycle(**changes: object) -> Cycle:
    base = Cycle(
        id=CycleId("c-1"),
        configuration_id=configuration().id,
        configuration_name="people",
        state=CycleState.FINISHED,
        trigger=Trigger.SCHEDULED,
        dry_run=False,
        requested_by="system:schedule",
        requested_by_name="the schedule",
        requested_at=START,
    )
    return replace(base, **changes)


def judged(
    result: CycleResult,
    code: str | None = None,
    *,
    told: tuple[str, ...] = (),
    dry_run: bool = False,
    **known: object,
) -> tuple[Verdict, list[str]]:
    def error(name: str | None) -> CycleError | None:
        return CycleError(code=name, message="It failed.") if name else None

    verdict = judge_end(
        replace(configuration(), **known),
        cycle(dry_run=dry_run, result=result, error=error(code)),
        told,
    )
    return verdict, [str(alert.payload["kind"]) for alert in verdict.alerts]


def test_lost_credentials_stop_the_schedule_and_are_told_once():
    verdict, told = judged(CycleResult.FAILURE, "sign_in_needed")
    assert (verdict.success, verdict.stopped_reason) == (False, "sign_in_needed")
    assert told == [AlertKind.SIGN_IN_NEEDED]
    known = {"failures": 1, "stopped_reason": "sign_in_needed"}
    assert judged(CycleResult.FAILURE, "sign_in_needed", **known)[1] == []


def test_a_failure_is_told_once_per_reason():
    assert judged(CycleResult.FAILURE, "remote_unavailable")[1] == [AlertKind.SYNC_FAILED]
    same = {"told": ("remote_unavailable", "remote_timeout"), "failures": 1}
    assert judged(CycleResult.FAILURE, "remote_unavailable", **same)[1] == []
    assert judged(CycleResult.FAILURE, "remote_timeout", **same)[1] == []
    assert judged(CycleResult.FAILURE, "remote_refused", **same)[1] == [AlertKind.SYNC_FAILED]


def test_a_recovery_is_told_once():
    assert judged(CycleResult.PARTIAL_SUCCESS, failures=2)[1] == [AlertKind.RECOVERED]
    assert judged(CycleResult.SUCCESS, stopped_reason="sign_in_needed")[1] == [AlertKind.RECOVERED]
    assert judged(CycleResult.SUCCESS)[1] == []


def test_a_preview_counts_neither_as_failure_nor_as_recovery():
    assert judged(CycleResult.SUCCESS, dry_run=True, failures=1) == (Verdict(success=None), [])
    assert judged(CycleResult.FAILURE, "remote_unavailable", dry_run=True)[0].success is None
    assert judged(CycleResult.FAILURE, "sign_in_needed", dry_run=True)[0].success is False


def test_a_cancelled_cycle_says_nothing_about_the_directory():
    assert judged(CycleResult.CANCELLED, failures=3) == (Verdict(success=None), [])


def test_pauses_grow_to_a_bound_unless_the_other_side_asked():
    pauses = [pause_after(attempts) for attempts in range(50)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[3], pauses[-1]) == (1.0, 8.0, LONGEST_PAUSE)
    assert pause_after(7, asked=2.5) == 2.5


async def test_a_bell_that_rang_before_anybody_waited_wakes_the_next_one():
    bell = Bell()
    bell.ring()
    await bell.wait(5)
    await bell.wait(0.01)
