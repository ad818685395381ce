"""The button of an invitation in Slack: only the person's own, and the message says what it did."""

from __future__ import annotations

from bot.slack.blocks import Message
from bot.slack.client import Posted
from bot.slack.ids import Stamp
from bot.slack.middleware import Visit
from bot.slack.views import invitations
from core.errors import RemoteError

LONGEST = 18


async def accept(visit: Visit) -> None:
    """Take a license for whoever was written to, or a place in line."""
    await _show(visit, await _accepted(visit))


async def _accepted(visit: Visit) -> Message:
    stamp = Stamp.unpack(visit.what.value)
    if stamp is None or not (_is_number(stamp.id) and _is_number(stamp.revision)):
        return invitations.void()
    found = await visit.core.activation.accept_in_chat(
        visit.actor, visit.what.user, int(stamp.id), version=int(stamp.revision)
    )
    if found is None:
        return invitations.void()
    return invitations.standing(found, await visit.core.activation.contacts(), stamp)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST


async def _show(visit: Visit, shown: Message) -> None:
    """Put the answer in the place of the invitation; where that fails, below it."""
    what = visit.what
    if what.ts and what.channel.startswith("D"):
        try:
            await visit.client.update(Posted(channel=what.channel, ts=what.ts), shown)
        except RemoteError:
            await visit.say(shown)
        return
    await visit.say(shown)
