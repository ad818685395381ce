"""`/dirsync audit`: who did what, as a table and as a file, and whether the list is whole."""

from __future__ import annotations

from dataclasses import replace

from bot.grammar import parse
from bot.slack.client import NO_FILES
from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.views import answers
from bot.slack.views import audit as views
from core.errors import RemoteError, TerminalRemoteError
from core.model.audit import AuditPage

PER_PAGE = 10


async def audit(visit: Visit, asked: Asked) -> None:
    """List the audit, or verify it."""
    if asked.command.text("check") is not None:
        await visit.say(views.verdict(await visit.core.audit_log.verify(visit.actor)))
        return
    page = await visit.core.audit_log.page(
        visit.actor,
        since=asked.command.duration("since"),
        limit=PER_PAGE,
        offset=asked.offset,
    )
    named = replace(page, names=await _names(visit, page))
    await visit.say(views.audit(named, command=asked.text), replace=asked.replace)


async def download(visit: Visit) -> None:
    """Send as a CSV what the button's command lists."""
    command = parse(visit.what.value)
    name, data, whole = await visit.core.audit_log.csv(visit.actor, since=command.duration("since"))
    direct = await visit.client.direct(visit.what.user)
    comment = "The audit." if whole else "The newest entries of the audit; it is longer."
    try:
        await visit.client.upload(direct, name, data, comment=comment)
    except TerminalRemoteError as error:
        if error.code not in NO_FILES:
            raise
        await visit.say(views.no_files())
        return
    await visit.say(answers.sent(name))


async def _names(visit: Visit, page: AuditPage) -> dict[str, str]:
    """Return names for the page: Slack knows those whom nobody has seen as admins."""
    names = dict(page.names)
    for actor in {entry.actor for entry in page.entries} - names.keys():
        door, _, user = actor.partition(":")
        if door != "slack":
            continue
        try:
            names[actor] = (await visit.people.look_up(user, fresh=False)).facts.name
        except RemoteError:
            continue
    return names
