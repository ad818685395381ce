"""Letting a verb ask Slack about people and user groups, as the running dirsync does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.control.doors import Door, LocalDoor
from core.settings import Settings


@asynccontextmanager
async def slack_people(settings: Settings, door: Door) -> AsyncIterator[None]:
    """Connect roles to Slack until the block ends, if this process carries requests out itself.

    Without a bot token nothing is connected; whoever serves the socket is connected anyway.
    """
    if not isinstance(door, LocalDoor) or settings.slack_bot_token is None:
        yield
        return
    # Most verbs need none of Slack's libraries.
    from bot.slack.client import open_client  # noqa: PLC0415
    from bot.slack.middleware import People  # noqa: PLC0415
    from bot.slack.workspace import SlackWorkspace  # noqa: PLC0415

    async with open_client(settings) as client:
        door.core.access.workspace = SlackWorkspace(client, People(client))
        yield
