"""`/dirsync licenses`: the license desk, and the question before the total is set."""

from __future__ import annotations

from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.views import license_desk, people
from core.model.account import Role


async def licenses(visit: Visit, asked: Asked) -> None:
    """Show the desk, who could give a license up, or the question about a new total."""
    total, idle = asked.command.number("total"), asked.command.duration("unused")
    if total is not None:
        summary = await visit.core.licenses.summary(visit.actor)
        await visit.core.access.require(visit.actor, Role.ADMIN, "licenses.set", str(total))
        await visit.say(people.licenses_question(summary, total))
    elif idle is not None:
        desk = await visit.core.licenses.desk(visit.actor, idle=idle)
        await visit.say(license_desk.unused(desk))
    else:
        desk = await visit.core.licenses.desk(visit.actor)
        await visit.say(license_desk.license_desk(desk, role=visit.role))
