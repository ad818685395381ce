"""Lists of people and licenses say when they were last synced."""

from __future__ import annotations

from bot.slack.blocks import Message, message
from bot.slack.middleware import Visit
from bot.slack.views.last_sync import last_sync


async def with_last_sync(visit: Visit, shown: Message) -> Message:
    """Return a message with the line that leads to the last cycle."""
    cycle = await visit.core.history.last_synced(visit.actor)
    return message(shown.text, *shown.blocks, *last_sync(cycle, visit.now, role=visit.role))
