"""What a cycle's end means: a failure, a recovery, and alerts once per reason. Pure."""

from __future__ import annotations

from collections.abc import Container

from core.model.configuration import Configuration
from core.model.cycle import Cycle, CycleResult
from core.model.events import AlertKind, EventKind, NewOutboxItem
from core.model.verdict import Verdict

SIGN_IN_CODES = frozenset({"sign_in_needed"})
"""Errors that stop a schedule until somebody signs the configuration in again."""

_TRIES = "It is tried again in a few minutes, then less and less often; a sync by hand tries now."


def judge_end(configuration: Configuration, cycle: Cycle, told: Container[str] = ()) -> Verdict:
    """Judge a finished cycle. `told` are the codes of the failures since the last success.

    A preview, or a cycle for one person, tells that credentials are lost, but counts neither as a
    failure nor as a recovery.
    """
    if cycle.result is CycleResult.CANCELLED:
        return Verdict(success=None)
    if cycle.result is CycleResult.FAILURE:
        return _failed(configuration, cycle, told)
    if not cycle.whole:
        return Verdict(success=None)
    troubled = configuration.failures > 0 or configuration.stopped_reason is not None
    recovered = cycle_alert(AlertKind.RECOVERED, configuration, cycle, "Syncs work again.")
    return Verdict(success=True, alerts=(recovered,) if troubled else ())


def _failed(configuration: Configuration, cycle: Cycle, told: Container[str]) -> Verdict:
    error = cycle.error
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
    alert = cycle_alert(kind, configuration, cycle, text, hint)
    return Verdict(
        success=False,
        stopped_reason=code if signed_out else None,
        alerts=() if known else (alert,),
    )


def cycle_alert(
    kind: AlertKind, configuration: Configuration, cycle: Cycle, message: str, hint: str = ""
) -> NewOutboxItem:
    """Return an alert about a cycle; the same one, put twice, is told once."""
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
