"""`/dirsync apps`: who may ask the login API."""

from __future__ import annotations

from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.views import apps as views
from core.errors import UsageError


async def apps(visit: Visit, asked: Asked) -> None:
    """List applications, or make or revoke the token of one."""
    command = asked.command
    change, name = command.text("change") or "list", command.text("name")
    if (name is None) != (change == "list"):
        raise UsageError(
            "Say which application.",
            hint="For example `/dirsync apps create portal` or `/dirsync apps revoke portal`.",
        )
    if name is None:
        await visit.say(views.apps(await visit.core.applications.list(visit.actor)))
    elif change == "create":
        made, token = await visit.core.applications.create(visit.actor, name)
        await visit.say(views.created(made, token))
    else:
        await visit.core.applications.revoke(visit.actor, name)
        await visit.say(views.revoked(name))
