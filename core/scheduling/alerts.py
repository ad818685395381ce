"""Which alerts a cycle's end is worth: once per reason, and once on recovery."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime

from core.model.account import SYSTEM
from core.model.configuration import Configuration
from core.model.cycle import Cycle, CycleError, CycleResult
from core.model.events import AlertKind, AuditEntry, EventKind, NewOutboxItem
from core.scheduling.quarantine import GIVEN_UP_AFTER

SIGN_IN_CODES = frozenset({"sign_in_needed"})
"""Errors that stop a schedule until somebody signs the configuration in again."""

_TRIES = "It is tried again in a few minutes, then less and less often; a sync by hand tries now."


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a cycle's end means for its configuration.

    Attributes:
        success: the directory could be read and the cycle was carried through, or None if this
            cycle says nothing about that.
        stopped_reason: the error that stops the schedule, or None.
        alerts: what the channel is told beside the card.
    """

    success: bool | None
    stopped_reason: str | None = None
    alerts: tuple[NewOutboxItem, ...] = ()


def judge_end(
    configuration: Configuration,
    cycle: Cycle,
    *,
    result: CycleResult,
    error: CycleError | None,
    told: Container[str] = (),
) -> Verdict:
    """Judge a cycle's end. `told` are the codes of the failures since the last success.

    A preview, or a cycle for one person, tells that credentials are lost, but counts neither as a
    failure nor as a recovery.
    """
    if result is CycleResult.CANCELLED:
        return Verdict(success=None)
    if result is CycleResult.FAILURE:
        return _failed(configuration, cycle, error, told)
    if not cycle.whole:
        return Verdict(success=None)
    troubled = configuration.failures > 0 or configuration.stopped_reason is not None
    recovered = _alert(AlertKind.RECOVERED, configuration, cycle, "Syncs work again.", "")
    return Verdict(success=True, alerts=(recovered,) if troubled else ())


def _failed(
    configuration: Configuration,
    cycle: Cycle,
    error: CycleError | None,
    told: Container[str],
) -> Verdict:
    code = error.code if error else "internal_error"
    signed_out = code in SIGN_IN_CODES
    if not cycle.whole and not signed_out:
        return Verdict(success=None)
    known = (
        configuration.stopped_reason == code
        if signed_out
        else configuration.failures > 0 and code in told
    )
    kind = AlertKind.SIGN_IN_NEEDED if signed_out else AlertKind.SYNC_FAILED
    text = error.message if error else "The cycle failed."
    hint = error.hint if error else ""
    if not signed_out and configuration.spec.schedule is not None:
        hint = f"{hint} {_TRIES}".strip()
    alert = _alert(kind, configuration, cycle, text, hint)
    return Verdict(
        success=False,
        stopped_reason=code if signed_out else None,
        alerts=() if known else (alert,),
    )


def given_up(configuration: Configuration, *, since: datetime, now: datetime) -> NewOutboxItem:
    """Return the notice that a configuration is disabled because it failed for so long."""
    return NewOutboxItem(
        key=f"alert:{AlertKind.GIVEN_UP}:{configuration.id}:{int(since.timestamp())}",
        stream=f"alert:{configuration.id}",
        kind=EventKind.ALERT,
        subject=str(configuration.id),
        channel=configuration.spec.channel,
        payload={
            "kind": AlertKind.GIVEN_UP.value,
            "message": f"Every sync has failed for {(now - since).days} days, so it was disabled.",
            "hint": "Mend the cause, enable it again and sync. People stay as they are.",
            "configuration_id": str(configuration.id),
        },
    )


def given_up_entry(configuration: Configuration, *, now: datetime) -> AuditEntry:
    """Return what the audit keeps of it."""
    return AuditEntry(
        at=now,
        actor=SYSTEM.id,
        door=SYSTEM.door,
        action="config.disable",
        subject=configuration.name,
        allowed=True,
        detail={"failures": configuration.failures},
        reason=f"failed for {GIVEN_UP_AFTER.days} days",
    )


def resumed_alert(configuration: Configuration, cycle: Cycle) -> NewOutboxItem:
    """Return the notice that another worker goes on with a cycle."""
    text = "The cycle was interrupted and goes on from a fresh read."
    return _alert(AlertKind.CYCLE_RESUMED, configuration, cycle, text, "")


def _alert(
    kind: AlertKind, configuration: Configuration, cycle: Cycle, message: str, hint: str
) -> NewOutboxItem:
    return NewOutboxItem(
        key=f"alert:{kind.value}:{cycle.id}",
        stream=str(cycle.id),
        kind=EventKind.ALERT,
        subject=str(cycle.id),
        channel=cycle.channel or configuration.spec.channel,
        payload={
            "kind": kind.value,
            "message": message,
            "hint": hint,
            "configuration_id": str(configuration.id),
            "cycle_id": str(cycle.id),
        },
    )
