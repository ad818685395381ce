"""The button of an invitation in Slack: only the person's own, and the message says what it did."""

from __future__ import annotations

from bot.grammar import Command, spell
from bot.slack.blocks import Message
from bot.slack.ids import Stamp
from bot.slack.listeners.asked import Asked, address, in_place
from bot.slack.middleware import Visit
from bot.slack.views import invitations, people
from core.errors import ConflictError, UsageError
from core.model.configuration import InvitationWay

LONGEST = 18


async def invite(visit: Visit, asked: Asked) -> None:
    """Invite people who are named, or, once the number is confirmed, all who are not yet."""
    command = asked.command
    names, by = command.texts("people"), command.text("by")
    if command.has("all") == bool(names):
        raise UsageError(
            "Name people by their addresses, or say `--all` for who is not invited yet.",
            hint="For example `/dirsync invite ada@example.com` or `/dirsync invite --all`.",
        )
    way = None if by is None else InvitationWay(by)
    if command.has("all"):
        await _everybody(visit, asked, way)
        return
    chosen = [await address(visit, each) for each in names]
    found = await visit.core.activation.invite(
        visit.actor, chosen, resend=command.has("resend"), by=way
    )
    await _done(visit, people.results(found, did="invited"), replace=False)


async def _everybody(visit: Visit, asked: Asked, by: InvitationWay | None) -> None:
    expected = asked.command.number("sure")
    if expected is None:
        await _ask(visit, by)
        return
    try:
        found = await visit.core.activation.invite_staged(visit.actor, expected=expected, by=by)
    except ConflictError as error:
        if error.code != "staged_changed":
            raise
        await _ask(visit, by, because=error.message)
        return
    await _done(visit, people.results(found, did="invited"), replace=True)


async def _ask(visit: Visit, by: InvitationWay | None, *, because: str = "") -> None:
    staged = await visit.core.activation.staged(visit.actor)
    arguments: dict[str, object] = {"all": True, "sure": staged.ready}
    if by is not None:
        arguments["by"] = by.value
    command = spell(Command(verb="invite", arguments=arguments))
    pool = await visit.core.licenses.summary(visit.actor)
    asking = invitations.StagedQuestion(staged=staged, pool=pool, by=by, because=because)
    await visit.say(invitations.staged_question(asking, command), replace=bool(because))


async def _done(visit: Visit, results: Message, *, replace: bool) -> None:
    queue = await visit.core.activation.on_their_way()
    await visit.say(invitations.with_queue(results, queue), replace=replace)


async def accept(visit: Visit) -> None:
    """Take a license for whoever was written to, or a place in line."""
    await in_place(visit, await _accepted(visit))


async def _accepted(visit: Visit) -> Message:
    stamp = Stamp.unpack(visit.what.value)
    if stamp is None or not (_is_number(stamp.id) and _is_number(stamp.revision)):
        return invitations.void()
    found = await visit.core.activation.accept_in_chat(
        visit.actor, visit.what.user, int(stamp.id), version=int(stamp.revision)
    )
    if found is None:
        return invitations.void()
    return invitations.standing(found, await visit.core.activation.contacts(), stamp)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST
