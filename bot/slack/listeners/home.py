"""The Home tab: shown anew whenever somebody opens it."""

from __future__ import annotations

from bot.slack.homes import home_of
from bot.slack.middleware import Visit


async def opened(visit: Visit) -> None:
    """Publish the Home tab for whoever opens it, and remember them."""
    if visit.what.text not in ("", "home"):
        return
    await visit.core.store.home_viewers.opened(visit.what.user, now=visit.now)
    tab = await home_of(visit.core, visit.person, visit.actor)
    await visit.client.publish_home(visit.what.user, tab)


async def nothing(visit: Visit) -> None:
    """Take a form or event that nobody waits for."""
    del visit
