"""The Home tab: shown anew whenever somebody opens it."""

from __future__ import annotations

from bot.slack.homes import RecentHomes, home_of
from bot.slack.middleware import Handler, Visit


def opened(recent: RecentHomes) -> Handler:
    """Return what publishes the Home tab for whoever opens it, and remembers them."""

    async def handle(visit: Visit) -> None:
        if visit.what.text not in ("", "home"):
            return
        recent.opened(visit.what.user)
        tab = await home_of(visit.core, visit.person, visit.actor)
        await visit.client.publish_home(visit.what.user, tab)

    return handle


async def nothing(visit: Visit) -> None:
    """Take a form or event that nobody waits for."""
    del visit
