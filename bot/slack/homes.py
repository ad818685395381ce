"""What a Home tab shows somebody: when they open it, and anew when something has happened."""

from __future__ import annotations

import structlog

from bot.slack.blocks import Block
from bot.slack.client import Person, SlackClient
from bot.slack.views.home import home_tab
from core.app import Core
from core.errors import TerminalRemoteError
from core.model.account import Actor, Role

LAST = 5
_log = structlog.get_logger(__name__)


async def home_of(core: Core, person: Person, actor: Actor) -> Block:
    """Return somebody's Home tab, with what their role may see. Raises `DirsyncError`."""
    view = history = desk = None
    if person.facts.member:
        view = await core.history.status(actor)
    if actor.role.includes(Role.VIEWER):
        history = await core.history.list(actor, limit=LAST)
        desk = await core.licenses.desk(actor)
    return home_tab(view, history, role=actor.role, now=core.clock.now(), desk=desk)


async def show_anew(core: Core, client: SlackClient, user: str) -> None:
    """Publish the Home tab of somebody who opened it lately, asking again who they are.

    One that Slack refuses is left as it is. Raises `TransientRemoteError`.
    """
    if user not in await core.store.home_viewers.recent(now=core.clock.now()):
        return
    try:
        person = await client.person(user)
        role = await core.access.role_of(person.facts, fresh=False)
        actor = Actor(id=f"slack:{user}", name=person.facts.name, role=role, door="slack")
        await client.publish_home(user, await home_of(core, person, actor))
    except TerminalRemoteError as error:
        _log.info("slack_home_not_refreshed", code=error.code)
