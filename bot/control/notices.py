"""Where what goes, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.control.documents import Document, LostChannelDocument
from core.model.subscriptions import LostChannel, NoticeKind, NoticeView, Subscription


class SubscriptionDocument(Document, frozen=True, kw_only=True):
    """What a channel is told of; without a configuration, of all and of the account."""

    channel: str
    configuration: str | None
    kinds: tuple[NoticeKind, ...]
    by: str
    at: datetime


class DefaultDocument(Document, frozen=True, kw_only=True):
    """A channel that is told without a subscription: of these configurations, null the account."""

    channel: str
    configurations: tuple[str | None, ...]


class MuteDocument(Document, frozen=True, kw_only=True):
    """What is quiet until when."""

    kind: NoticeKind | None
    about: str
    by: str
    until: datetime


class NotifyDocument(Document, frozen=True, kw_only=True):
    """Where what goes; `unheard` are kinds that no channel is told of.

    `unchecked`: the channel could not be tried, because Slack is not connected here.
    """

    defaults: tuple[DefaultDocument, ...]
    subscriptions: tuple[SubscriptionDocument, ...]
    mutes: tuple[MuteDocument, ...]
    lost: tuple[LostChannelDocument, ...]
    unheard: tuple[NoticeKind, ...]
    unchecked: bool


def notify_document(view: NoticeView) -> NotifyDocument:
    """Describe where what goes."""
    return NotifyDocument(
        defaults=tuple(
            DefaultDocument(channel=channel, configurations=tuple(owners))
            for channel, owners in view.defaults.items()
        ),
        subscriptions=tuple(_subscription(each, view) for each in view.subscriptions),
        mutes=tuple(
            MuteDocument(kind=each.kind, about=each.about, by=each.by, until=each.until)
            for each in view.mutes
        ),
        lost=lost_documents(view.lost),
        unheard=_ordered(view.unheard),
        unchecked=view.unchecked,
    )


def lost_documents(lost: Sequence[LostChannel]) -> tuple[LostChannelDocument, ...]:
    """Describe channels that take no message."""
    return tuple(
        LostChannelDocument(channel=each.channel, code=each.code, since=each.since) for each in lost
    )


def _subscription(each: Subscription, view: NoticeView) -> SubscriptionDocument:
    name = None if each.configuration is None else view.names.get(each.configuration, "deleted")
    return SubscriptionDocument(
        channel=each.channel,
        configuration=name,
        kinds=_ordered(each.kinds),
        by=each.by,
        at=each.at,
    )


def _ordered(kinds: frozenset[NoticeKind]) -> tuple[NoticeKind, ...]:
    return tuple(kind for kind in NoticeKind if kind in kinds)
