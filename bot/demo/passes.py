"""Short-lived permissions: triggers that open views, and response URLs."""

import itertools
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.demo.refusals import RefusedError

RESPONSE_USES = 5
RESPONSE_SECONDS = 30 * 60
KEPT = 5000


@dataclass(kw_only=True)
class _Trigger:
    user: str
    until: float
    used: bool = False


@dataclass(frozen=True, kw_only=True)
class Answerable:
    """What a response URL answers: a person in a channel, and the message clicked on."""

    user: str
    channel: str
    ts: str | None = None
    thread_ts: str | None = None


@dataclass(kw_only=True)
class _Url:
    to: Answerable
    until: float
    left: int = RESPONSE_USES


class Passes:
    """Issues and redeems trigger ids and response URL tokens. `clock` gives seconds."""

    def __init__(self, *, clock: Callable[[], float], trigger_seconds: float) -> None:
        self._clock = clock
        self._trigger_seconds = trigger_seconds
        self._numbers = itertools.count(1)
        self._triggers: OrderedDict[str, _Trigger] = OrderedDict()
        self._urls: OrderedDict[str, _Url] = OrderedDict()

    def trigger(self, user: str) -> str:
        """Return a new trigger_id of a person."""
        name = f"{next(self._numbers)}.{int(self._clock() * 1000)}.demo"
        self._triggers[name] = _Trigger(user=user, until=self._clock() + self._trigger_seconds)
        if len(self._triggers) > KEPT:
            self._triggers.popitem(last=False)
        return name

    def redeem(self, trigger_id: object) -> str:
        """Use a trigger up and return its person; refuse a wrong, old or used one."""
        trigger = self._triggers.get(trigger_id) if isinstance(trigger_id, str) else None
        if trigger is None:
            said = "[ERROR] invalid `trigger_id` [json-pointer:/trigger_id]"
            raise RefusedError("invalid_arguments", messages=[said])
        if trigger.used:
            raise RefusedError("exchanged_trigger_id")
        if self._clock() > trigger.until:
            raise RefusedError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def response_token(self, to: Answerable) -> str:
        """Return the last part of a new response URL."""
        token = secrets.token_hex(12)
        self._urls[token] = _Url(to=to, until=self._clock() + RESPONSE_SECONDS)
        if len(self._urls) > KEPT:
            self._urls.popitem(last=False)
        return token

    def respond(self, token: str) -> Answerable:
        """Count a use of a response URL; refuse the sixth, and one after 30 minutes."""
        url = self._urls.get(token)
        if url is None or self._clock() > url.until:
            raise RefusedError("expired_url")
        if url.left == 0:
            raise RefusedError("used_url")
        url.left -= 1
        return url.to
