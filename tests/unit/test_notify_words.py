"""What is typed after `notify`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import UsageError
from core.model.events import AlertKind, EventKind
from core.model.subscriptions import NoticeKind, kinds_of
from core.services.notify_words import (
    EVERYTHING,
    LONGEST_MUTE,
    USUAL_MUTE,
    NotifyAct,
    NotifyWords,
    parse_notify,
)

NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
"""A Wednesday, 18:00 in Berlin."""
HELD, FAILURES, LICENSES = NoticeKind.HELD, NoticeKind.FAILURES, NoticeKind.LICENSES
CHANNEL = "C0123456789"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", NotifyWords(act=NotifyAct.SHOW)),
        ("list", NotifyWords(act=NotifyAct.SHOW)),
        ("test", NotifyWords(act=NotifyAct.TEST)),
        (f"test #{CHANNEL}", NotifyWords(act=NotifyAct.TEST, channel=CHANNEL)),
        (f"#{CHANNEL}", NotifyWords(act=NotifyAct.ADD, channel=CHANNEL)),
        (f"#{CHANNEL} all", NotifyWords(act=NotifyAct.ADD, channel=CHANNEL)),
        (
            f"#{CHANNEL} on failure,held",
            NotifyWords(act=NotifyAct.ADD, channel=CHANNEL, kinds=frozenset({FAILURES, HELD})),
        ),
        (
            f"people {CHANNEL} lic",
            NotifyWords(
                act=NotifyAct.ADD,
                channel=CHANNEL,
                configuration="people",
                kinds=frozenset({LICENSES}),
            ),
        ),
        (f"off #{CHANNEL}", NotifyWords(act=NotifyAct.REMOVE, channel=CHANNEL)),
        (
            f"off people #{CHANNEL}",
            NotifyWords(act=NotifyAct.REMOVE, channel=CHANNEL, configuration="people"),
        ),
        ("unmute", NotifyWords(act=NotifyAct.UNMUTE)),
        ("unmute held", NotifyWords(act=NotifyAct.UNMUTE, kinds=frozenset({HELD}))),
    ],
)
def test_typed_words_say_what_is_to_be_done(text, expected):
    assert parse_notify(text.split(), now=NOW) == expected


@pytest.mark.parametrize(
    ("text", "kinds", "until"),
    [
        ("mute", EVERYTHING, NOW + USUAL_MUTE),
        ("mute 2h", EVERYTHING, NOW + timedelta(hours=2)),
        ("mute licenses for 4h", {LICENSES}, NOW + timedelta(hours=4)),
        (
            "mute held,licenses until 18:00",
            {HELD, LICENSES},
            datetime(2026, 11, 25, 18, tzinfo=UTC),
        ),
        ("mute held until 16:00", {HELD}, datetime(2026, 11, 26, 16, tzinfo=UTC)),
        ("mute until tomorrow 08:00", EVERYTHING, datetime(2026, 11, 26, 8, tzinfo=UTC)),
        ("mute until mon 08:00 Europe/Berlin", EVERYTHING, datetime(2026, 11, 30, 7, tzinfo=UTC)),
        ("mute until wed", EVERYTHING, datetime(2026, 12, 2, tzinfo=UTC)),
        ("mute until 2026-11-27", EVERYTHING, datetime(2026, 11, 27, tzinfo=UTC)),
        ("mute for 99d", EVERYTHING, NOW + LONGEST_MUTE),
        ("mute until 19:30 Europe/Berlin", EVERYTHING, datetime(2026, 11, 25, 18, 30, tzinfo=UTC)),
    ],
)
def test_a_mute_ends_when_it_was_said(text, kinds, until):
    found = parse_notify(text.split(), now=NOW)
    assert (found.act, found.kinds, found.until) == (NotifyAct.MUTE, kinds, until)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#general", "no channel that I know"),
        ("people", "does not fit here"),
        ("people held", "does not fit here"),
        (f"#{CHANNEL} parrots", "“parrots” is no kind"),
        (f"#{CHANNEL} held,x", "no kind"),
        ("off", "which channel"),
        ("off people groups", "which channel"),
        ("test #general", "no channel"),
        (f"test #{CHANNEL} more", "“more” is too much"),
        ("mute until 2020-01-01", "over already"),
        ("mute until yesterday 08:00", "no day"),
        ("mute until mon tue 08:00", "too much"),
        ("mute until 08:00 Europe/Berln", "Europe/Berlin"),
        ("mute 0m", "over already"),
        ("unmute for 4h", "too much"),
    ],
)
def test_what_cannot_be_read_is_told(text, said):
    with pytest.raises(UsageError) as caught:
        parse_notify(text.split(), now=NOW)
    assert said in str(caught.value) + caught.value.hint


def test_every_alert_and_card_but_a_test_is_of_a_kind_that_channels_subscribe_to():
    for alert in AlertKind:
        kinds = kinds_of(EventKind.ALERT, {"kind": alert.value})
        assert bool(kinds) is (alert is not AlertKind.TEST)
    for event in (EventKind.CYCLE_CARD, EventKind.HELD_CARD, EventKind.RECORD):
        assert kinds_of(event, {"text_key": "schedule_set"})
    for event in (EventKind.HOME, EventKind.INVITATION):
        assert not kinds_of(event, {})
    assert not kinds_of(EventKind.RECORD, {"text_key": "thread"})
