"""Asking people first whether they still need their license, and what they answer."""

from __future__ import annotations

from datetime import timedelta

from bot.slack.blocks import Message
from bot.slack.ids import Act, Stamp, act_of
from bot.slack.listeners.asked import in_place
from bot.slack.middleware import Visit
from bot.slack.views import asking
from core.errors import ConflictError, UsageError

LONGEST = 18


async def question(visit: Visit, idle: timedelta, *, replace: bool = False) -> None:
    """Show how many would be asked, with the button that does it."""
    found = await visit.core.asking.look(visit.actor, idle=idle)
    await visit.say(asking.ask_question(found), replace=replace)


async def ask(visit: Visit) -> None:
    """Ask as many as the button says, unless it would be another number by now."""
    stamp = Stamp.unpack(visit.what.value)
    if stamp is None or not (_is_number(stamp.id) and _is_number(stamp.revision)):
        raise UsageError("That button is from another version of dirsync.")
    idle = timedelta(days=min(int(stamp.id), 36_500))
    try:
        count = await visit.core.asking.ask(visit.actor, idle=idle, seen=int(stamp.revision))
    except ConflictError:
        await question(visit, idle, replace=True)
        return
    await visit.say(asking.asked(count), replace=True)


async def answer(visit: Visit) -> None:
    """Take the answer of whoever was asked, and nobody else's."""
    await in_place(visit, await _answered(visit))


async def _answered(visit: Visit) -> Message:
    stamp = Stamp.unpack(visit.what.value)
    if stamp is None or not _is_number(stamp.id):
        return asking.answered(None, Stamp(id="0"))
    said = await visit.core.asking.answer(
        visit.actor,
        visit.what.user,
        int(stamp.id),
        give_back=act_of(visit.what.action_id) is Act.GIVE_BACK,
    )
    return asking.answered(said, stamp)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST
