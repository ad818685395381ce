"""What the log says of libraries that try again and again."""

from __future__ import annotations

import logging

from bot.cli.logs import QUIET_SECONDS, Outages


def record(
    at: float, fault: BaseException | None, said: str = "Failed to connect"
) -> logging.LogRecord:
    info = None if fault is None else (type(fault), fault, None)
    made = logging.LogRecord("sdk", logging.ERROR, __file__, 1, said, (), info)
    made.created = at
    return made


def test_an_outage_is_told_without_a_traceback_and_again_only_after_a_while():
    outages = Outages()
    first = record(1_000, OSError("no route"))
    assert outages.filter(first)
    assert first.exc_info is None
    times = (1_004, 1_000 + QUIET_SECONDS - 1, 1_000 + QUIET_SECONDS)
    assert [outages.filter(record(at, OSError("no route"))) for at in times] == [False, False, True]
    assert outages.filter(record(1_005, OSError("refused"), "Failed to send"))


def test_whatever_is_no_outage_keeps_its_traceback_and_is_told_each_time():
    outages = Outages()
    for at in (1, 2):
        bug = record(at, KeyError("blocks"))
        assert outages.filter(bug)
        assert bug.exc_info is not None
        assert outages.filter(record(at, None))
