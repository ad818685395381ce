"""Which channel is told of what: kinds of notices, subscriptions, mutes, channels that are lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.model.configuration import ConfigurationId
from core.model.events import AlertKind, EventKind


class NoticeKind(StrEnum):
    """What a channel can be told of."""

    RESULTS = "results"
    """The card of every cycle, from its start."""
    PARTIAL = "partial"
    """The card of a cycle that ended with errors of single people."""
    FAILURES = "failures"
    """Syncs that fail, work again, were resumed or given up."""
    SIGN_IN = "sign-in"
    """The provider asks for a new sign-in."""
    HELD = "held"
    """Removals that wait for a decision."""
    LICENSES = "licenses"
    """Licenses that run short."""
    CHANGES = "changes"
    """What somebody changed: configurations, roles, licenses, people by hand."""


URGENT = frozenset({NoticeKind.FAILURES, NoticeKind.SIGN_IN, NoticeKind.HELD, NoticeKind.LICENSES})
"""Somebody must hear of these: where no channel does, whoever is in charge is told directly."""

UNSUBSCRIBED = frozenset({"thread", "resolved", "notify"})
"""Text keys of records that belong to one channel, whatever it subscribed to."""

_ALERTS = {
    AlertKind.SIGN_IN_NEEDED: NoticeKind.SIGN_IN,
    AlertKind.LICENSES: NoticeKind.LICENSES,
}


def kind_of_alert(kind: AlertKind) -> NoticeKind | None:
    """Return what an alert is told as; a test message is told to the channel it was made for."""
    if kind is AlertKind.TEST:
        return None
    return _ALERTS.get(kind, NoticeKind.FAILURES)


def kinds_of(kind: EventKind, payload: Mapping[str, object]) -> frozenset[NoticeKind]:
    """Return what an item of the outbox is, or may yet become; nothing if it is for one place."""
    if kind is EventKind.CYCLE_CARD:
        return frozenset({NoticeKind.RESULTS, NoticeKind.PARTIAL})
    if kind is EventKind.HELD_CARD:
        return frozenset({NoticeKind.HELD})
    if kind is EventKind.RECORD:
        alone = payload.get("text_key") in UNSUBSCRIBED
        return frozenset() if alone else frozenset({NoticeKind.CHANGES})
    if kind is EventKind.ALERT:
        told = kind_of_alert(AlertKind(str(payload.get("kind", AlertKind.SYNC_FAILED.value))))
        return frozenset() if told is None else frozenset({told})
    return frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """What a channel is told of.

    A channel that nobody subscribed is told of everything that has it as its channel, and of
    nothing else. Without kinds it is told of nothing.

    Attributes:
        configuration: the one that it is about, or None for all and for the account.
        by: the actor's id.
    """

    channel: str
    configuration: ConfigurationId | None
    kinds: frozenset[NoticeKind]
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LostChannel:
    """A channel that Slack takes no message for; `code` is Slack's reason."""

    channel: str
    code: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Mute:
    """A kind of notice that is quiet for a while.

    Attributes:
        kind: None for a kind of alert of one configuration, muted on its card.
        about: what is quiet, for people.
        by: the actor's id.
    """

    key: str
    kind: NoticeKind | None
    about: str
    by: str
    until: datetime


def told_kinds(
    subscriptions: Iterable[Subscription], channel: str, about: str
) -> frozenset[NoticeKind] | None:
    """Return what a channel is told of a configuration, or of the account ("").

    None if nobody subscribed it for that.
    """
    mine = [
        each.kinds
        for each in subscriptions
        if each.channel == channel and each.configuration in (None, about)
    ]
    return frozenset().union(*mine) if mine else None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeView:
    """Where what goes.

    Attributes:
        defaults: channel -> the names of the configurations whose channel it is; the account's
            is under None.
        names: configuration id -> name.
        unheard: kinds that no channel is told of.
        unchecked: it could not be tried whether the channel takes messages.
    """

    subscriptions: Sequence[Subscription]
    defaults: Mapping[str, Sequence[str | None]]
    names: Mapping[ConfigurationId, str]
    mutes: Sequence[Mute]
    lost: Sequence[LostChannel]
    unheard: frozenset[NoticeKind]
    unchecked: bool = False
