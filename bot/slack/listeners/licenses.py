"""`/dirsync licenses`: the license desk, and the questions before something is changed."""

from __future__ import annotations

from bot.slack.ids import ReserveMark
from bot.slack.listeners import asking, trend
from bot.slack.listeners.asked import Asked
from bot.slack.listeners.last_sync import with_last_sync
from bot.slack.middleware import Visit
from bot.slack.views import license_desk, people, reserves
from core.errors import ConflictError, UsageError
from core.model.account import Role
from core.services.licenses import IDLE


async def licenses(visit: Visit, asked: Asked) -> None:
    """Show the desk, who could give a license up, or the question about a change."""
    change, idle = asked.command.text("change"), asked.command.duration("unused")
    total, group = asked.command.number("total"), asked.command.text("group")
    if (group is not None) != (change in ("keep", "release")):
        raise UsageError(
            "Licenses are kept for a group, and released by it.",
            hint='For example `/dirsync licenses keep 10 --group "Leadership"`.',
        )
    if change == "ask":
        await asking.question(visit, idle or IDLE)
    elif group is not None:
        await _reserve(visit, group, total if change == "keep" else 0)
    elif total is not None:
        summary = await visit.core.licenses.summary(visit.actor)
        await visit.core.access.require(visit.actor, Role.ADMIN, "licenses.set", str(total))
        await visit.say(people.licenses_question(summary, total))
    elif asked.command.has("trend"):
        await trend.show(visit)
    elif idle is not None:
        desk = await visit.core.licenses.desk(visit.actor, idle=idle)
        await visit.say(license_desk.unused(desk, role=visit.role))
    else:
        desk = await visit.core.licenses.desk(visit.actor)
        shown = license_desk.license_desk(desk, role=visit.role)
        await visit.say(await with_last_sync(visit, shown))


async def _reserve(visit: Visit, group: str, count: int | None, *, replace: bool = False) -> None:
    change = await visit.core.reserves.look(visit.actor, group, count or 0)
    await visit.say(reserves.question(change), replace=replace)


async def keep(visit: Visit) -> None:
    """Keep what the button says, unless the licenses were changed since it was shown."""
    mark = ReserveMark.unpack(visit.what.value)
    if mark is None:
        raise UsageError(
            "That button is from another version of dirsync.", hint="`/dirsync` shows fresh ones."
        )
    try:
        change = await visit.core.reserves.keep(
            visit.actor, mark.group, mark.count, seen=(mark.total, mark.kept)
        )
    except ConflictError:
        await _reserve(visit, mark.group, mark.count, replace=True)
        return
    await visit.say(reserves.done(change), replace=True)
