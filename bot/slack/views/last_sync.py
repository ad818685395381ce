"""When something was last synced, always with a way to that very cycle."""

from __future__ import annotations

from datetime import datetime

from bot.slack.blocks import Block, button, section
from bot.slack.ids import Act, Stamp
from bot.slack.views import words
from core.model.account import Role
from core.model.cycle import Cycle


def last_of(cycle: Cycle | None, now: datetime) -> str:
    """Return how the last cycle ended, and how long ago."""
    if cycle is None or cycle.finished_at is None:
        return "none yet"
    ago = words.ago((now - cycle.finished_at).total_seconds())
    return f"{words.state(cycle)[1]}, {ago}"


def show_button(label: str, cycle: Cycle) -> Block:
    """Return the button that shows a cycle to whoever may see it."""
    return button(label, Act.DETAILS, Stamp(id=cycle.id).pack())


def last_sync(cycle: Cycle | None, now: datetime, *, role: Role) -> list[Block]:
    """Return the line under a list of people or licenses; nothing to whoever may not follow it."""
    if cycle is None or not role.includes(Role.VIEWER):
        return []
    text = f"🕘 Last synced: {last_of(cycle, now)}"
    return [section(text, accessory=show_button("Show it", cycle))]
