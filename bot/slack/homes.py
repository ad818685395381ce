"""Home tabs that may still be looked at: shown anew when something has happened."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from bot.slack.blocks import Block
from bot.slack.client import Person, SlackClient
from bot.slack.views.home import home_tab
from core.app import Core
from core.errors import DirsyncError
from core.model.account import Actor, Role

LAST = 5
MOST = 20
GATHERED = 0.5
"""Seconds in which what happens is gathered into one publication."""
RECENT = 1800.0
"""Seconds for which a Home tab that was opened is kept up to date, for so many people at most."""
_log = structlog.get_logger(__name__)


class RecentHomes:
    """Who opened the Home tab lately, the latest last.

    Attributes:
        due: they are about to be shown anew.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.due = False
        self._opened: OrderedDict[str, float] = OrderedDict()

    def opened(self, user: str) -> None:
        """Remember that somebody opened it now; whoever opened it longest ago is forgotten."""
        self._opened[user] = self._clock()
        self._opened.move_to_end(user)
        while len(self._opened) > MOST:
            self._opened.popitem(last=False)

    def users(self) -> list[str]:
        """Return who opened it within the last half an hour."""
        since = self._clock() - RECENT
        return [user for user, moment in self._opened.items() if moment >= since]


async def home_of(core: Core, person: Person, actor: Actor) -> Block:
    """Return somebody's Home tab, with what their role may see. Raises `DirsyncError`."""
    view = history = None
    if person.facts.member:
        view = await core.history.status(actor)
    if actor.role.includes(Role.VIEWER):
        history = await core.history.list(actor, limit=LAST)
    return home_tab(view, history, role=actor.role, now=core.clock.now())


async def refresh(core: Core, client: SlackClient, recent: RecentHomes) -> None:
    """Publish the Home tab anew for all who opened it lately, asking again who they are.

    What happens in the next moment is shown with it. One that cannot be published is logged and
    left as it is.
    """
    if recent.due:
        return
    recent.due = True
    await asyncio.sleep(GATHERED)
    recent.due = False
    for user in recent.users():
        try:
            person = await client.person(user)
            role = await core.access.role_of(person.facts, fresh=False)
            actor = Actor(id=f"slack:{user}", name=person.facts.name, role=role, door="slack")
            await client.publish_home(user, await home_of(core, person, actor))
        except DirsyncError as error:
            _log.info("slack_home_not_refreshed", code=error.code)
