"""What the channel is told of a cycle that goes on, and of a configuration given up."""

from __future__ import annotations

from datetime import datetime

from core.engine.verdict import cycle_alert
from core.model.account import SYSTEM
from core.model.configuration import Configuration
from core.model.cycle import Cycle
from core.model.events import AlertKind, AuditEntry, EventKind, NewOutboxItem
from core.scheduling.quarantine import GIVEN_UP_AFTER


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
    return cycle_alert(AlertKind.CYCLE_RESUMED, configuration, cycle, text)
