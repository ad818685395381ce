"""What the app listens to; the manifests list the same."""

from __future__ import annotations

import re

from slack_bolt.async_app import AsyncApp

from bot.slack.ids import COMMAND
from bot.slack.listeners import actions, commands, forms, home
from bot.slack.middleware import Gate
from bot.slack.received import Received

COMMANDS = (COMMAND,)
EVENTS = ("app_home_opened",)
SHORTCUTS: tuple[str, ...] = ()
ANYTHING = re.compile(".*", re.DOTALL)


def register(app: AsyncApp, gate: Gate) -> None:
    """Register every listener, the catch-alls for actions, views and shortcuts last."""
    app.command(COMMAND)(gate.listener("command", commands.slash, fresh=commands.changes_something))
    app.event("app_home_opened")(gate.listener("event", home.opened, fresh=_remembered))
    app.action({"type": "block_actions", "action_id": ANYTHING})(
        gate.listener("action", actions.click)
    )
    app.view(ANYTHING)(gate.form(forms.check, forms.submitted))
    app.view_closed(ANYTHING)(gate.listener("view", home.nothing))
    app.shortcut(ANYTHING)(gate.listener("action", actions.click))


def _remembered(_what: Received) -> bool:
    return False
