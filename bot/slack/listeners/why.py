"""The verb `why`."""

from __future__ import annotations

from bot.slack.listeners.asked import Asked, address
from bot.slack.middleware import Visit
from bot.slack.views import why as views


async def why(visit: Visit, asked: Asked) -> None:
    """Tell one person's story."""
    wanted = await address(visit, asked.command.text("person") or "")
    await visit.say(views.why(await visit.core.why.explain(visit.actor, wanted)))
