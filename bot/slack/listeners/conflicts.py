"""`/dirsync conflicts`: who is claimed by a second configuration, and the decisions."""

from __future__ import annotations

from bot.grammar import Command, spell
from bot.slack.ids import Stamp
from bot.slack.listeners.asked import Asked, address
from bot.slack.middleware import Visit
from bot.slack.views import conflicts as views
from core.errors import ConflictError, NotFoundError, UsageError
from core.model.account import Role
from core.model.ownership import Verdict
from core.services.conflicts import PAGE

LIST = spell(Command(verb="conflicts"))
LONGEST_ID = 18


async def conflicts(visit: Visit, asked: Asked) -> None:
    """List conflicts, or show those of one person or what priority would decide."""
    change, person = asked.command.text("change"), asked.command.text("person")
    configuration = asked.command.text("of")
    if change == "priority" and person is None:
        found = await visit.core.conflicts.ruling(visit.actor, configuration)
        await visit.say(views.ruling(found, configuration=configuration))
        return
    if change is not None:
        await _of_person(visit, person, configuration, change)
        return
    page = await visit.core.conflicts.list(
        visit.actor,
        configuration,
        kept=asked.command.has("kept"),
        limit=PAGE,
        offset=asked.offset,
    )
    shown = views.conflicts(page, command=asked.text, role=visit.role)
    await visit.say(shown, replace=asked.replace)


async def _of_person(
    visit: Visit, person: str | None, configuration: str | None, change: str
) -> None:
    """Show what there is to decide about somebody; the button asks and decides."""
    await visit.core.access.require(visit.actor, Role.ADMIN, f"conflicts.{change}")
    if person is None or change == "priority":
        raise UsageError(
            "Say whom, by address, or decide all by priority.",
            hint="For example `/dirsync conflicts move ada@example.com`.",
        )
    wanted = await address(visit, person)
    page = await visit.core.conflicts.of_person(visit.actor, wanted, configuration)
    await visit.say(views.conflicts(page, command=LIST, role=visit.role))


async def stay(visit: Visit) -> None:
    """Leave the person of a button with the owner, then list what is left."""
    await _decide(visit, Verdict.KEEP)


async def move(visit: Visit) -> None:
    """Give the person of a button to the claimant, then list what is left."""
    await _decide(visit, Verdict.MOVE)


async def _decide(visit: Visit, verdict: Verdict) -> None:
    stamp = _stamp(visit)
    try:
        decided = await visit.core.conflicts.decide(
            visit.actor, int(stamp.id), verdict, revision=int(stamp.revision)
        )
    except (ConflictError, NotFoundError) as error:
        await _again(visit, f"⚠️ {error}")
        return
    if verdict is Verdict.KEEP:
        await _again(visit, f"✅ {decided.label} stays with {decided.owner}.")
    else:
        await _again(visit, f"✅ {decided.label} belongs to {decided.claimant} now.")


async def rule(visit: Visit) -> None:
    """Decide by priority what was shown; if it has changed, show it anew."""
    stamp = Stamp.unpack(visit.what.value)
    if stamp is None:
        raise _foreign()
    configuration = None if stamp.id == views.EVERY else stamp.id
    try:
        done = await visit.core.conflicts.rule(visit.actor, configuration, digest=stamp.revision)
    except ConflictError:
        found = await visit.core.conflicts.ruling(visit.actor, configuration)
        await visit.say(views.ruling(found, configuration=configuration), replace=True)
        return
    await visit.say(views.ruled(done), replace=True)


async def _again(visit: Visit, because: str) -> None:
    page = await visit.core.conflicts.list(visit.actor, limit=PAGE)
    shown = views.conflicts(page, command=LIST, role=visit.role, because=because)
    await visit.say(shown, replace=True)


def _stamp(visit: Visit) -> Stamp:
    stamp = Stamp.unpack(visit.what.value)
    numbers = stamp is not None and all(
        each.isdecimal() and len(each) <= LONGEST_ID for each in (stamp.id, stamp.revision)
    )
    if stamp is None or not numbers:
        raise _foreign()
    return stamp


def _foreign() -> UsageError:
    return UsageError(
        "That button is from another version of dirsync.", hint="`/dirsync conflicts` shows it."
    )
