"""Enable, disable and delete: the verbs, and the forms that ask first."""

from __future__ import annotations

from bot.slack.ids import Stamp
from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.received import Payload, Received
from bot.slack.views import lifecycle as view
from bot.slack.views.fields import REASON, Entered
from core.app import Core
from core.errors import UsageError
from core.model.configuration import LeaveBehind


async def enable(visit: Visit, asked: Asked) -> None:
    """Enable a configuration at once: that takes nothing away."""
    service = visit.core.lifecycle
    name = asked.command.configuration
    found = await service.consequences(visit.actor, name, channel=visit.what.public)
    done = await service.enable(
        visit.actor, found.configuration.name, revision=found.configuration.revision
    )
    await visit.say(view.enabled(done))


async def disable(visit: Visit, asked: Asked) -> None:
    """Ask whether to disable."""
    found = await visit.core.lifecycle.consequences(
        visit.actor, asked.command.configuration, channel=visit.what.public
    )
    if not found.configuration.enabled:
        raise UsageError(
            f"{found.configuration.name} is disabled already.", hint="`enable` starts it again."
        )
    await visit.open(view.disable_form(found, now=visit.now), again=asked.text)


async def delete(visit: Visit, asked: Asked) -> None:
    """Ask whether to delete."""
    found = await visit.core.lifecycle.consequences(
        visit.actor, asked.command.configuration, channel=visit.what.public
    )
    await visit.open(view.delete_form(found, now=visit.now), again=asked.text)


async def check_disable(_what: Received, _core: Core) -> Payload | None:
    """Accept: there is nothing to be entered wrongly."""
    return {"response_action": "update", "view": view.working("Disable configuration")}


async def check_delete(what: Received, _core: Core) -> Payload | None:
    """Check that the name was typed and a reason given."""
    entered, stamp = Entered(what.values), Stamp.unpack(what.metadata)
    errors = {}
    if stamp is not None and entered.text(view.NAME) != stamp.id:
        errors[view.NAME] = f"Type the name exactly as it is written: {stamp.id}"
    if not entered.text(REASON):
        errors[REASON] = "Say why; the audit keeps it."
    if errors:
        return {"response_action": "errors", "errors": errors}
    return {"response_action": "update", "view": view.working("Delete configuration")}


async def disabled(visit: Visit) -> None:
    """Disable what the form showed."""
    stamp, entered = _stamp(visit), Entered(visit.what.values)
    done = await visit.core.lifecycle.disable(
        visit.actor, stamp.id, revision=int(stamp.revision), reason=entered.text(REASON)
    )
    await visit.show(view.disabled(done))


async def deleted(visit: Visit) -> None:
    """Delete what the form showed."""
    stamp, entered = _stamp(visit), Entered(visit.what.values)
    chosen = entered.choice(view.PEOPLE)
    people = LeaveBehind(chosen) if chosen in set(LeaveBehind) else LeaveBehind.STAY
    had = await visit.core.lifecycle.delete(
        visit.actor,
        stamp.id,
        typed=entered.text(view.NAME),
        people=people,
        reason=entered.text(REASON),
        revision=int(stamp.revision),
    )
    await visit.show(view.deleted(had, people))


def _stamp(visit: Visit) -> Stamp:
    stamp = Stamp.unpack(visit.what.metadata)
    if stamp is None or not stamp.revision.isdecimal():
        raise UsageError("That form is from another version of dirsync.", hint="Open it again.")
    return stamp
