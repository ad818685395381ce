"""The Home tab: shown anew whenever somebody opens it."""

from __future__ import annotations

from bot.slack.middleware import Visit
from bot.slack.views.status import home_tab
from core.model.account import Role

LAST = 5


async def opened(visit: Visit) -> None:
    """Publish the Home tab for whoever opened it, with what their role may see."""
    if visit.what.text not in ("", "home"):
        return
    view = history = None
    if visit.person.facts.member:
        view = await visit.core.history.status(visit.actor)
    if visit.role.includes(Role.VIEWER):
        history = await visit.core.history.list(visit.actor, limit=LAST)
    tab = home_tab(view, history, role=visit.role, now=visit.now)
    await visit.client.publish_home(visit.what.user, tab)


async def nothing(visit: Visit) -> None:
    """Take a form or event that nobody waits for."""
    del visit
