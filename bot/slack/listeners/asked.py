"""What somebody asked for, as the handlers of verbs get it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.grammar import Command, mentioned, spell
from bot.slack.blocks import Message
from bot.slack.client import Posted
from bot.slack.middleware import Visit
from core.errors import NotFoundError, RemoteError


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A command with where its list starts, and whether it takes the clicked message's place."""

    command: Command
    offset: int = 0
    replace: bool = False

    @property
    def text(self) -> str:
        """The command as text, for buttons."""
        return spell(self.command)


async def address(visit: Visit, person: str) -> str:
    """Return what was typed, or the e-mail address of somebody who was mentioned."""
    user = mentioned(person)
    if user is None:
        return person
    email = (await visit.people.look_up(user, fresh=False)).email
    if not email:
        raise NotFoundError(
            "Slack does not tell that person's e-mail.", hint="Give the e-mail address itself."
        )
    return email


async def in_place(visit: Visit, shown: Message) -> None:
    """Put the answer in the place of the direct message that was answered; else below it."""
    what = visit.what
    if what.ts and what.channel.startswith("D"):
        try:
            await visit.client.update(Posted(channel=what.channel, ts=what.ts), shown)
        except RemoteError:
            await visit.say(shown)
        return
    await visit.say(shown)
