"""Which alerts a cycle's end is worth: once per reason, and once on recovery."""

from __future__ import annotations

from dataclasses import dataclass

from core.model.configuration import Configuration
from core.model.cycle import Cycle, CycleError, CycleResult
from core.model.events import AlertKind, EventKind, NewOutboxItem

SIGN_IN_CODES = frozenset({"sign_in_needed"})
"""Errors that stop a schedule until somebody signs the configuration in again."""


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
    previous: CycleError | None,
) -> Verdict:
    """Judge a cycle's end. `previous` is the error of the failure before, if that was one.

    A preview tells that credentials are lost, but neither counts as a failure nor as a recovery.
    """
    if result is CycleResult.CANCELLED:
        return Verdict(success=None)
    if result is CycleResult.FAILURE:
        return _failed(configuration, cycle, error, previous)
    if cycle.dry_run:
        return Verdict(success=None)
    troubled = configuration.failures > 0 or configuration.stopped_reason is not None
    recovered = _alert(AlertKind.RECOVERED, configuration, cycle, "Syncs work again.", "")
    return Verdict(success=True, alerts=(recovered,) if troubled else ())


def _failed(
    configuration: Configuration,
    cycle: Cycle,
    error: CycleError | None,
    previous: CycleError | None,
) -> Verdict:
    code = error.code if error else "internal_error"
    signed_out = code in SIGN_IN_CODES
    if cycle.dry_run and not signed_out:
        return Verdict(success=None)
    known = (
        configuration.stopped_reason == code
        if signed_out
        else configuration.failures > 0 and previous is not None and previous.code == code
    )
    kind = AlertKind.SIGN_IN_NEEDED if signed_out else AlertKind.SYNC_FAILED
    text = error.message if error else "The cycle failed."
    hint = error.hint if error else ""
    alert = _alert(kind, configuration, cycle, text, hint)
    return Verdict(
        success=False,
        stopped_reason=code if signed_out else None,
        alerts=() if known else (alert,),
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
