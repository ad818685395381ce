"""Whether a channel is told of something new, and what becomes of a channel that is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import structlog

from bot.slack.client import DEAD_TOKEN, SlackClient
from bot.slack.views import notify as views
from core.app import Core
from core.errors import TerminalRemoteError
from core.model.events import PRIMARY, OutboxItem
from core.model.subscriptions import URGENT, NoticeKind, told_kinds
from core.services.subscriptions import quiet_key

MOST_IN_CHARGE = 5
_SLACK = re.compile(r"slack:([UW][A-Z0-9]+)")
_log = structlog.get_logger(__name__)


class Way(Enum):
    """How something new is told."""

    CHANNEL = "channel"
    PRIVATELY = "privately"
    """Nobody subscribed to it, and somebody must hear of it."""
    NOT = "not"


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What a card is, by what channels subscribe to.

    Attributes:
        kinds: none for what belongs to its own channel, whatever that subscribed to.
        about: the configuration's id, or "" for the account.
    """

    kinds: frozenset[NoticeKind] = frozenset()
    about: str = ""


class Router:
    """Decides by the subscriptions and mutes of this moment."""

    def __init__(self, core: Core, client: SlackClient) -> None:
        self._core = core
        self._client = client

    def channel_of(self, item: OutboxItem) -> str | None:
        """Return the channel that an item is for, or None where none is set."""
        return item.channel or self._core.settings.channel

    async def way(self, item: OutboxItem, news: News) -> Way:
        """Return how a card that does not stand yet is told."""
        if not news.kinds:
            return Way.CHANNEL
        kinds = news.kinds - await self._quiet(news.kinds)
        if not kinds:
            return Way.NOT
        subscriptions = await self._core.store.subscriptions.all()
        channel = self.channel_of(item)
        told = told_kinds(subscriptions, channel or "", news.about)
        if item.copy_of is not None:
            own = str(item.payload.get(PRIMARY) or "") or self._core.settings.channel
            wanted = channel != own and told is not None and not told.isdisjoint(kinds)
            return Way.CHANNEL if wanted else Way.NOT
        if told is None or not told.isdisjoint(kinds):
            return Way.CHANNEL
        elsewhere = any(
            each.channel != channel and each.configuration in (None, news.about)
            for each in subscriptions
            if not each.kinds.isdisjoint(kinds)
        )
        return Way.NOT if elsewhere or kinds.isdisjoint(URGENT) else Way.PRIVATELY

    async def _quiet(self, kinds: frozenset[NoticeKind]) -> frozenset[NoticeKind]:
        muted = await self._core.store.alert_marks.muted(now=self._core.clock.now())
        return frozenset(kind for kind in kinds if quiet_key(kind) in muted)

    async def took(self, channel: str) -> None:
        """Note that a channel took a message."""
        await self._core.store.subscriptions.found(channel)

    async def refused(self, item: OutboxItem, channel: str, code: str) -> None:
        """Note that a channel takes nothing; whoever subscribed it is told, once a reason."""
        now = self._core.clock.now()
        new = await self._core.store.subscriptions.lost(channel, code, now=now)
        if not new or item.copy_of is None:
            return
        mine = [e for e in await self._core.store.subscriptions.all() if e.channel == channel]
        notice = views.lost_notice(channel, code)
        for user in self.people([each.by for each in mine]):
            try:
                await self._client.post(await self._client.direct(user), notice)
            except TerminalRemoteError as error:
                if error.code in DEAD_TOKEN:
                    raise
                _log.info("slack_owner_unreachable", code=error.code)
            else:
                return

    def people(self, actors: list[str]) -> list[str]:
        """Return the Slack ids of whom to tell, one after the other: actors, then admins."""
        found = [_SLACK.fullmatch(actor) for actor in actors]
        people = [match[1] for match in found if match] + [*self._core.settings.admins]
        return list(dict.fromkeys(people))[:MOST_IN_CHARGE]
