"""`/dirsync notify`: where what goes, subscribed, ended, muted and tried."""

from __future__ import annotations

from bot.slack.blocks import when
from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.views import answers
from bot.slack.views import notify as views
from core.model.account import Role
from core.model.subscriptions import NoticeView
from core.services.notify_words import NotifyAct, NotifyWords, parse_notify


async def notify(visit: Visit, asked: Asked) -> None:
    """Do what was typed and show where what goes then."""
    await visit.core.access.require(visit.actor, Role.ADMIN, "notify")
    words = parse_notify(asked.command.texts("words"), now=visit.now)
    if words.act is NotifyAct.TEST:
        channel = words.channel or visit.what.public
        await visit.core.notices.test(visit.actor, channel)
        await visit.say(answers.test_sent(channel or visit.core.settings.channel))
        return
    view, done = await _done(visit, words)
    await visit.say(views.notify(view, done=done), replace=asked.replace)


async def _done(visit: Visit, words: NotifyWords) -> tuple[NoticeView, str]:
    service, channel = visit.core.subscriptions, words.channel or ""
    named = views.kinds_said(words.kinds)
    if words.act is NotifyAct.ADD:
        view = await service.subscribe(visit.actor, channel, words.kinds, words.configuration)
        return view, f"✅ From now on <#{channel}> is told of: {named}."
    if words.act is NotifyAct.REMOVE:
        view = await service.unsubscribe(visit.actor, channel, words.configuration)
        return view, f"✅ <#{channel}> is told of nothing more."
    if words.act is NotifyAct.MUTE and words.until is not None:
        view = await service.mute(visit.actor, words.kinds, until=words.until)
        return view, f"🔕 Muted until {when(words.until)}: {named}."
    if words.act is NotifyAct.UNMUTE:
        return await service.unmute(visit.actor, words.kinds), f"🔔 Heard again: {named}."
    return await service.show(visit.actor), ""
