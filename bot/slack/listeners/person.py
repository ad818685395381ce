"""One person: the card, its buttons, and the verb that frees licenses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bot.grammar import Command, spell
from bot.slack.ids import Act, Stamp
from bot.slack.limits import LIMITS
from bot.slack.listeners.asked import Asked, address
from bot.slack.middleware import Visit
from bot.slack.views import people, words
from core.errors import NotFoundError, UsageError
from core.model.account import PersonOutcome, PersonResult, Role, UserId

LONGEST_ID = 18

_DONE = {
    PersonOutcome.ACTIVATED: "Activated just now.",
    PersonOutcome.INVITED: "An invitation is on its way.",
    PersonOutcome.FREED: "The license is free, and a new invitation is on its way.",
}


async def user(visit: Visit, asked: Asked) -> None:
    """Show one person."""
    wanted = await address(visit, asked.command.text("person") or "")
    view = await visit.core.people.find(visit.actor, wanted)
    await visit.say(people.person(view, role=visit.role))


async def press(visit: Visit, act: Act, stamp: Stamp) -> None:
    """Do what a button of the card says, unless the person stands elsewhere by now.

    The card is shown anew, with what became of it.
    """
    if not stamp.id.isdecimal() or len(stamp.id) > LONGEST_ID:
        raise NotFoundError("There is no such person.", code="person_not_found")
    id_ = UserId(int(stamp.id))
    view = await visit.core.people.get(visit.actor, id_)
    if view.user.status.value != stamp.revision:
        because = "Meanwhile this has changed, so nothing was done."
        await visit.say(people.person(view, role=visit.role, because=because), replace=True)
        return
    (result,) = await _DO[act](visit, view.user.email)
    view = await visit.core.people.get(visit.actor, id_)
    said = _DONE.get(result.outcome) or _not_done(result)
    await visit.say(people.person(view, role=visit.role, because=said), replace=True)


def _not_done(result: PersonResult) -> str:
    return f"Nothing was done: {words.outcome(result.outcome, result.place)}."


async def _activate(visit: Visit, email: str) -> list[PersonResult]:
    return await visit.core.activation.activate(visit.actor, [email])


async def _invite(visit: Visit, email: str) -> list[PersonResult]:
    return await visit.core.activation.invite(visit.actor, [email], resend=True)


async def _free(visit: Visit, email: str) -> list[PersonResult]:
    return await visit.core.activation.free(visit.actor, [email])


_DO: Mapping[Act, Callable[[Visit, str], Awaitable[list[PersonResult]]]] = {
    Act.ACTIVATE: _activate,
    Act.INVITE: _invite,
    Act.FREE: _free,
}


async def free(visit: Visit, asked: Asked) -> None:
    """Take people's licenses, once it is said for sure."""
    await visit.core.access.require(visit.actor, Role.ADMIN, "licenses.free")
    chosen = tuple([await address(visit, each) for each in asked.command.texts("people")])
    if asked.command.has("sure"):
        found = await visit.core.activation.free(visit.actor, chosen)
        await visit.say(people.results(found, did="freed"), replace=asked.replace)
        return
    command = spell(Command(verb="free", arguments={"people": chosen, "sure": True}))
    if len(command) > LIMITS["button.value"]:
        raise UsageError("That is too many people for one question.", hint="Name fewer at once.")
    await visit.say(people.free_question(chosen, command))
