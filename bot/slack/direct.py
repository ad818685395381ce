"""Direct messages to people of the account, who are known by their address alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.slack.blocks import Message
from bot.slack.client import Person, Posted, SlackClient
from bot.slack.middleware import UNSEEN
from core.errors import TerminalRemoteError, TransientRemoteError
from core.model.inviting import CHATS_PER_MINUTE, ChatMatch

REMEMBERED = 600.0
"""Seconds for which somebody who was found is not looked up again."""
MOST_REMEMBERED = 5_000
MINUTE = 60.0


class DirectMessages:
    """Finds full members by their confirmed address, and writes to them.

    Attributes:
        per_minute: how many people are looked up in a minute at most.
    """

    def __init__(self, client: SlackClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = CHATS_PER_MINUTE
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}
        self._asked: list[float] = []

    async def find(self, email: str) -> ChatMatch:
        """Return the full member whose confirmed address this is, or why there is none.

        Slack tells nothing of people who were deactivated. Raises `TransientRemoteError` when it
        is too much at once, and as `SlackClient` does.
        """
        key, now = email.strip().casefold(), self._clock()
        known = self._known.get(key)
        if known is not None and now - known[0] < REMEMBERED:
            return ChatMatch(person=known[1])
        self._keep_pace(now)
        person = await self._ask(email.strip())
        why = _why_not(person, key)
        if person is None or why:
            return ChatMatch(why=why)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = (now, person.facts.id)
        return ChatMatch(person=person.facts.id)

    async def send(self, person: str, message: Message, *, key: str) -> Posted:
        """Write to somebody; `key` travels along, so that a duplicate can be told."""
        return await self._client.post(await self._client.direct(person), message, key=key)

    async def _ask(self, email: str) -> Person | None:
        try:
            return await self._client.person_of(email)
        except TerminalRemoteError as error:
            if error.code not in UNSEEN:
                raise
            return None

    def _keep_pace(self, now: float) -> None:
        self._asked = [at for at in self._asked if now - at < MINUTE]
        if len(self._asked) >= self.per_minute:
            wait = MINUTE - (now - self._asked[-self.per_minute])
            raise TransientRemoteError(
                "Slack would be asked too often.", code="slack_ratelimited", retry_after=wait
            )
        self._asked.append(now)


def _why_not(person: Person | None, email: str) -> str:
    """Return the code for why somebody is not written to, or an empty string."""
    if person is None or person.facts.deleted or not person.facts.id:
        return "chat_unknown"
    if person.facts.is_bot:
        return "chat_bot"
    if person.facts.is_stranger:
        return "chat_elsewhere"
    if person.facts.is_guest:
        return "chat_guest"
    return "" if person.confirmed and person.email.casefold() == email else "chat_unconfirmed"
