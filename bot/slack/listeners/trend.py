"""`/dirsync licenses --trend`: the last 90 days as a picture in a direct message, or as text."""

from __future__ import annotations

import asyncio

from bot.slack.client import NO_FILES
from bot.slack.middleware import Visit
from bot.slack.pictures import can_draw, trend_picture
from bot.slack.views import answers, trend
from core.errors import TerminalRemoteError

NAME = "license-trend.png"
NO_CHARTS = "There is a picture of it once `slack-dirsync[charts]` is installed on the host."
NO_SCOPE = "A picture of it takes the scope `files:write`."


async def show(visit: Visit) -> None:
    """Send the picture with its description; where none can be made or sent, say it in text."""
    desk = await visit.core.licenses.desk(visit.actor)
    days = trend.daily(desk.days, desk.as_of)
    if not can_draw() or not days:
        why = NO_CHARTS if days else ""
        await visit.say(trend.trend_text(desk.days, desk.as_of, why=why))
        return
    picture = await asyncio.to_thread(trend_picture, days)
    said = trend.in_words(desk.days, desk.as_of)
    direct = await visit.client.direct(visit.what.user)
    try:
        await visit.client.upload(direct, NAME, picture, comment=said, alt=said)
    except TerminalRemoteError as error:
        if error.code not in NO_FILES:
            raise
        await visit.say(trend.trend_text(desk.days, desk.as_of, why=NO_SCOPE))
        return
    await visit.say(answers.sent(NAME))
