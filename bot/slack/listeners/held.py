"""Held removals: looked at by name, then approved or rejected in a form that asks why."""

from __future__ import annotations

from bot.slack.ids import Stamp
from bot.slack.middleware import Visit
from bot.slack.received import Payload, Received
from bot.slack.views import held as view
from bot.slack.views.fields import REASON, Entered
from bot.slack.views.lifecycle import working
from core.app import Core
from core.errors import ConflictError, UsageError
from core.model.cycle import HeldState


async def review(visit: Visit) -> None:
    """Show a held set by name."""
    shown = await visit.core.held.show(visit.actor, _of_button(visit).id)
    await visit.say(view.held_review(shown))


async def ask_release(visit: Visit) -> None:
    """Ask whether to approve what was shown."""
    await _ask(visit, HeldState.RELEASED)


async def ask_reject(visit: Visit) -> None:
    """Ask whether to reject what was shown."""
    await _ask(visit, HeldState.REJECTED)


async def check_release(_what: Received, _core: Core) -> Payload | None:
    """Accept: there is nothing to be entered wrongly."""
    return {"response_action": "update", "view": working(view.TITLES[HeldState.RELEASED])}


async def check_reject(_what: Received, _core: Core) -> Payload | None:
    """Accept, likewise."""
    return {"response_action": "update", "view": working(view.TITLES[HeldState.REJECTED])}


async def released(visit: Visit) -> None:
    """Approve what the form was about."""
    stamp, why = _of_form(visit), Entered(visit.what.values).text(REASON)
    cycle = await visit.core.held.release(visit.actor, stamp.id, digest=stamp.revision, reason=why)
    await visit.show(view.released(cycle))


async def rejected(visit: Visit) -> None:
    """Reject what the form was about."""
    stamp, why = _of_form(visit), Entered(visit.what.values).text(REASON)
    held = await visit.core.held.reject(visit.actor, stamp.id, digest=stamp.revision, reason=why)
    await visit.show(view.rejected(held))


async def _ask(visit: Visit, decision: HeldState) -> None:
    stamp = _of_button(visit)
    try:
        held = await visit.core.held.decidable(
            visit.actor, stamp.id, decision, digest=stamp.revision
        )
    except ConflictError as error:
        shown = await visit.core.held.show(visit.actor, stamp.id)
        await visit.say(view.held_review(shown, because=str(error)), replace=True)
        return
    await visit.open(view.decision_form(held, decision), again=f"release {held.id}")


def _of_button(visit: Visit) -> Stamp:
    stamp = Stamp.unpack(visit.what.value)
    if stamp is None:
        raise UsageError(
            "That button is from another version of dirsync.", hint="`/dirsync` shows fresh ones."
        )
    return stamp


def _of_form(visit: Visit) -> Stamp:
    stamp = Stamp.unpack(visit.what.metadata)
    if stamp is None:
        raise UsageError("That form is from another version of dirsync.", hint="Open it again.")
    return stamp
