"""When the account was last synced, with the command that shows that cycle."""

from __future__ import annotations

from collections.abc import Iterable

from bot.cli.output import note
from bot.cli.runner import ask
from bot.cli.words import state_words
from bot.control import requests
from bot.control.documents import CycleDocument, StatusDocument
from bot.slack.views import words
from core.app import SystemClock


async def note_last_sync() -> None:
    """Say when the account was last synced, and what to type to see it."""
    document = await ask(requests.Status(), StatusDocument)
    newest = _newest(line.last for line in document.configurations)
    if newest is not None:
        note(f"Last synced: {ended(newest)}. To see it: dirsync show {newest.id}")


def ended(cycle: CycleDocument) -> str:
    """Return how a cycle ended, and how long ago."""
    if cycle.finished_at is None:
        return state_words(cycle)
    ago = (SystemClock().now() - cycle.finished_at).total_seconds()
    return f"{state_words(cycle)}, {words.ago(ago)}"


def _newest(cycles: Iterable[CycleDocument | None]) -> CycleDocument | None:
    found = [each for each in cycles if each is not None and each.finished_at is not None]
    return max(found, key=lambda each: each.finished_at or each.requested_at, default=None)
