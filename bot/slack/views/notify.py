"""Where what goes: subscriptions, mutes, and channels that take nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    message,
    section,
    when,
)
from bot.slack.ids import Act
from bot.slack.limits import escape
from bot.slack.views import words
from core.model.subscriptions import LostChannel, NoticeKind, NoticeView, Subscription

MOST_LINES = 60
WHY_LOST = {
    "is_archived": "it is archived",
    "not_in_channel": "I was removed from it",
    "channel_not_found": "it is gone, or private and without me",
}
_HOW = (
    "`/dirsync notify #channel failures held` tells a channel of these kinds only\n"
    "`/dirsync notify people #channel` tells it of the configuration people only\n"
    "`/dirsync notify off #channel` tells it of nothing\n"
    "Kinds: " + ", ".join(kind.value for kind in NoticeKind) + "."
)


def kinds_said(kinds: Iterable[NoticeKind]) -> str:
    """Return kinds as people read them."""
    chosen = frozenset(kinds)
    if chosen == frozenset(NoticeKind):
        return "everything"
    return ", ".join(kind.value for kind in NoticeKind if kind in chosen) or "nothing"


def notify(view: NoticeView, *, done: str = "") -> Message:
    """Return where what goes; `done` says what was changed just now, in mrkdwn."""
    lines = _lines(view)
    shown = lines[:MOST_LINES]
    more = len(lines) - len(shown)
    blocks = [section(done)] if done else []
    if view.unchecked:
        blocks.append(section("⚠️ Slack is not connected here, so the channel was not tried."))
    if not lines:
        lines = shown = ["No channel is set: cards go where a sync is typed."]
    blocks += [section(text) for text in words.packed(["*Where what goes*", *shown])]
    blocks += [context(f"{more:,} more: `dirsync notify list` on the host.")] if more else []
    if view.unheard:
        blocks.append(section(f"⚠️ No channel is told of {kinds_said(view.unheard)}."))
    blocks += _muted(view)
    blocks += [actions(_test_button()), context(_HOW)]
    return message(done or "Where what goes.", *blocks)


def _lines(view: NoticeView) -> list[str]:
    lost = {each.channel: each for each in view.lost}
    subscribed = {each.channel for each in view.subscriptions if each.configuration is None}
    found = [
        f"• <#{channel}> everything{_whose(owners)}{_trouble(lost.get(channel))}"
        for channel, owners in view.defaults.items()
        if channel not in subscribed
    ]
    return found + [
        f"• <#{each.channel}> {kinds_said(each.kinds)}{_about(each, view)}"
        f"{_trouble(lost.get(each.channel))}"
        for each in view.subscriptions
    ]


def _whose(owners: Collection[str | None]) -> str:
    named = [f"*{escape(owner)}*" for owner in owners if owner]
    rest = ["whatever has no channel of its own"] if None in owners else []
    return f" of {' and of '.join([', '.join(named), *rest] if named else rest)}"


def _about(subscription: Subscription, view: NoticeView) -> str:
    if subscription.configuration is None:
        return ""
    return f" of *{escape(view.names.get(subscription.configuration, 'a deleted one'))}*"


def _trouble(lost: LostChannel | None) -> str:
    return "" if lost is None else f" · ⚠️ takes no message: {why_lost(lost.code)}"


def why_lost(code: str) -> str:
    """Return why a channel takes no message."""
    return WHY_LOST.get(code, f"Slack says {code}")


def lost_line(lost: LostChannel) -> str:
    """Return what is wrong with a channel and what to do, in mrkdwn."""
    return f"<#{lost.channel}> takes no message: {why_lost(lost.code)}. {what_to_do(lost.code)}"


def what_to_do(code: str) -> str:
    """Return what brings a lost channel back; plain text."""
    if code == "is_archived":
        return "Unarchive it, or choose another channel."
    if code in ("not_in_channel", "channel_not_found"):
        return "Type /invite @dirsync there, or choose another channel."
    return "Let dirsync post there, or choose another channel."


def lost_notice(channel: str, code: str) -> Message:
    """Return the direct message to whoever subscribed a channel that is lost."""
    text = (
        f"⚠️ I can no longer post to <#{channel}>: {why_lost(code)}. {what_to_do(code)} "
        f"`/dirsync notify off` with that channel ends its subscription."
    )
    return message(text, section(text))


def greeting(who: str, text: str) -> Message:
    """Return the first line that a subscribed channel gets; `who` is in mrkdwn."""
    said = f"📣 {who} {escape(text)}."
    return message(said, section(said), context("`/dirsync notify` shows and changes it."))


def _muted(view: NoticeView) -> list[Block]:
    lines = [
        f"🔕 {escape(each.about)} until {when(each.until)}, by {words.who(each.by)}"
        for each in view.mutes
    ]
    if not lines:
        return []
    loud = button("Unmute all", Act.RUN, "notify unmute")
    return [*[section(text) for text in words.packed(lines)], actions(loud)]


def _test_button() -> Block:
    ask = confirm(
        "Send a test message?",
        "It goes to this channel, and everybody there sees it.",
        yes="Send it",
        no="Not now",
        danger=False,
    )
    return button("Test message", Act.RUN, "notify test", confirm=ask)
