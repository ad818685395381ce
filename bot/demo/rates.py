"""Slack's rate limits as token buckets: per method, and per channel for posting."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.demo.refusals import RefusedError

BUCKETS = 2000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `burst` calls at once, refilled by `per_second`."""

    burst: int
    per_second: float


def tier(per_minute: int) -> Rate:
    """Return the rate of one of Slack's tiers."""
    return Rate(burst=per_minute, per_second=per_minute / 60)


TIER_2, TIER_3, TIER_4 = tier(20), tier(50), tier(100)
POSTING = Rate(burst=5, per_second=1.0)
SLACK_RATES: Mapping[str, Rate] = MappingProxyType(
    {
        "chat.postMessage": POSTING,
        "chat.update": TIER_3,
        "chat.delete": TIER_3,
        "chat.postEphemeral": TIER_4,
        "chat.getPermalink": Rate(burst=500, per_second=10),
        "conversations.open": TIER_3,
        "conversations.info": TIER_3,
        "conversations.join": TIER_3,
        "users.info": TIER_4,
        "users.lookupByEmail": TIER_3,
        "usergroups.users.list": TIER_2,
        "views.open": TIER_4,
        "views.push": TIER_4,
        "views.update": TIER_4,
        "views.publish": TIER_4,
        "files.getUploadURLExternal": TIER_4,
        "files.completeUploadExternal": TIER_4,
        "apps.connections.open": TIER_2,
    }
)
UNLIMITED: Mapping[str, Rate] = MappingProxyType({})
"""For tests that are about something else."""


@dataclass(kw_only=True)
class _Bucket:
    left: float
    at: float


@dataclass(kw_only=True)
class Limiter:
    """Counts calls against `rates`; `clock` gives seconds that never go back."""

    rates: Mapping[str, Rate]
    clock: Callable[[], float]
    _buckets: OrderedDict[tuple[str, str], _Bucket] = field(default_factory=OrderedDict)

    def count(self, method: str, channel: str = "") -> None:
        """Count a call, or refuse it with `ratelimited` and the seconds to wait."""
        rate = self.rates.get(method)
        if rate is None:
            return
        key = (method, channel if method == "chat.postMessage" else "")
        now = self.clock()
        bucket = self._buckets.pop(key, None) or _Bucket(left=rate.burst, at=now)
        bucket.left = min(rate.burst, bucket.left + (now - bucket.at) * rate.per_second)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > BUCKETS:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            wait = max(1, math.ceil((1 - bucket.left) / rate.per_second))
            raise RefusedError("ratelimited", retry_after=wait)
        bucket.left -= 1
