"""The port through which roles ask Slack about people and user groups."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

from bot.slack.client import NO_CHANNEL, SlackClient
from bot.slack.middleware import KNOWN_FOR, UNSEEN, People
from bot.slack.views import words
from bot.slack.views.notify import greeting, what_to_do, why_lost
from core.errors import (
    ConflictError,
    NotFoundError,
    PermissionMissingError,
    TerminalRemoteError,
)
from core.model.account import Actor
from core.model.views import PersonFacts

NO_SCOPE = frozenset({"missing_scope", "not_allowed_token_type", "no_permission"})


class SlackWorkspace:
    """Answers from Slack; memberships are remembered for seconds, for reading only."""

    def __init__(
        self,
        client: SlackClient,
        people: People,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._people = people
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def facts(self, user: str, *, fresh: bool) -> PersonFacts:
        """Return what is known of somebody; raises `NotFoundError` where there is nobody."""
        try:
            return (await self._people.look_up(user, fresh=fresh)).facts
        except TerminalRemoteError as error:
            raise _nobody(error) from None

    async def find(self, email: str) -> PersonFacts:
        """Return what is known of the member with this address; raises `NotFoundError`."""
        try:
            return (await self._client.person_of(email)).facts
        except TerminalRemoteError as error:
            raise _nobody(error) from None

    async def members(self, group: str, *, fresh: bool) -> frozenset[str]:
        """Return the ids of a user group's people.

        Whoever asks at once shares one answer, provided that it was asked for after they came:
        Slack allows 20 of these calls a minute. Raises `PermissionMissingError` and
        `NotFoundError`.
        """
        came = self._clock()
        known = self._known.get(group)
        if known is not None and not fresh and came - known[0] < KNOWN_FOR:
            return known[1]
        async with self._turns[group]:
            known = self._known.pop(group, None)
            if known is None or known[0] <= came:
                asked = self._clock()
                known = asked, await self._ask(group)
            self._known[group] = known
        return known[1]

    async def greet(self, channel: str, *, by: Actor, text: str) -> None:
        """Tell a channel what somebody did to it; raises `ConflictError` (``cannot_post``)."""
        try:
            await self._client.post(channel, greeting(words.who(by.id, by.name), text))
        except TerminalRemoteError as error:
            if error.code not in NO_CHANNEL:
                raise
            raise ConflictError(
                f"I cannot post to that channel: {why_lost(error.code)}.",
                code="cannot_post",
                hint=what_to_do(error.code),
            ) from None

    async def _ask(self, group: str) -> frozenset[str]:
        try:
            return await self._client.usergroup(group)
        except TerminalRemoteError as error:
            if error.code in NO_SCOPE:
                raise PermissionMissingError(
                    "This app may not ask Slack who is in a user group.",
                    code="usergroups_scope_missing",
                    hint="Add the scope `usergroups:read` to the app and install it again.",
                ) from None
            if error.code == "no_such_subteam":
                raise NotFoundError(
                    "Slack knows no such user group, or it was disabled.", code="no_such_group"
                ) from None
            if error.code == "plan_upgrade_required":
                raise NotFoundError(
                    "This workspace's plan has no user groups.", code="no_such_group"
                ) from None
            raise


def _nobody(error: TerminalRemoteError) -> Exception:
    if error.code not in UNSEEN:
        return error
    return NotFoundError("Slack knows nobody of that name or address.", code="no_such_person")
