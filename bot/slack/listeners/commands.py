"""The slash command: one handler per verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bot.grammar import parse, spec_of
from bot.slack.client import Posted
from bot.slack.listeners import (
    apps,
    audit,
    conflicts,
    invitations,
    licenses,
    lifecycle,
    notify,
    person,
    roles,
    schedule,
    wizard,
)
from bot.slack.listeners.asked import Asked, address
from bot.slack.listeners.last_sync import with_last_sync
from bot.slack.listeners.one_person import one_person
from bot.slack.listeners.why import why
from bot.slack.middleware import Visit
from bot.slack.received import Received
from bot.slack.views import answers, held, history, people, status
from core.errors import AlreadyRunningError, NotFoundError, UsageError
from core.model.account import Role, UserStatus
from core.model.cycle import Cycle, CycleState

PEOPLE_PER_PAGE = 20
CYCLES_PER_PAGE = 10


async def slash(visit: Visit) -> None:
    """Run what was typed."""
    await run(visit, Asked(command=parse(visit.what.text)))


def changes_something(what: Received) -> bool:
    """Whether who it is must be asked anew before this text is run."""
    try:
        command = parse(what.text if what.kind == "command" else what.value)
    except UsageError:
        return False
    return not spec_of(command.verb).reads or "change" in command.arguments


async def run(visit: Visit, asked: Asked) -> None:
    """Run a command; several configurations that it could be about become a menu."""
    try:
        await _VERBS[asked.command.verb](visit, asked)
    except UsageError as error:
        if error.code != "which_configuration" or not error.choices:
            raise
        await visit.say(status.picker(asked.command, error.choices))


async def _status(visit: Visit, asked: Asked) -> None:
    view = await visit.core.history.status(visit.actor, channel=visit.what.public)
    if asked.command.configuration is not None:
        chosen = await visit.core.configurations.resolve(
            asked.command.configuration, channel=visit.what.public
        )
        view = status.only(view, chosen.id)
    await visit.say(status.status(view, role=visit.role, now=visit.now), replace=asked.replace)


async def _sync(visit: Visit, asked: Asked) -> None:
    command = asked.command
    if command.text("user") is not None:
        await one_person(visit, asked)
        return
    if command.has("preview"):
        await _preview(visit, asked)
        return
    await start(visit, command.configuration, full=command.has("full"))


async def start(visit: Visit, configuration: str | None, *, full: bool = False) -> None:
    """Start a cycle, or say where the one that runs can be watched."""
    try:
        cycle = await visit.core.sync.request(
            visit.actor, configuration, full=full, channel=visit.what.public
        )
    except AlreadyRunningError as error:
        link = await card_link(visit, error.cycle_id)
        await visit.say(answers.already_running(error.cycle_id, link))
        return
    await visit.say(answers.started(cycle))


async def card_link(visit: Visit, cycle_id: str) -> str | None:
    """Return a link to a cycle's card, or None while it has none."""
    card = await visit.core.store.outbox.delivery(f"cycle:{cycle_id}")
    if card is None or not card.ts:
        return None
    return await visit.client.permalink(Posted(channel=card.channel, ts=card.ts))


async def _preview(visit: Visit, asked: Asked) -> None:
    try:
        cycle = await visit.core.sync.request(
            visit.actor, asked.command.configuration, preview=True, channel=visit.what.public
        )
    except AlreadyRunningError as error:
        link = await card_link(visit, error.cycle_id)
        await visit.say(answers.already_running(error.cycle_id, link))
        return
    await visit.say(answers.previewing(cycle))
    finished = await _finished(visit, cycle)
    view = await visit.core.history.show(visit.actor, finished.id)
    await visit.say(history.preview(view, visit.now))


async def _finished(visit: Visit, cycle: Cycle) -> Cycle:
    async for seen in visit.core.sync.wait(cycle.id):
        cycle = seen
        if seen.state is CycleState.FINISHED:
            break
    return cycle


async def _history(visit: Visit, asked: Asked) -> None:
    command = asked.command
    page = await visit.core.history.list(
        visit.actor,
        command.configuration,
        result=command.text("status"),
        since=command.duration("since"),
        limit=CYCLES_PER_PAGE,
        offset=asked.offset,
    )
    await visit.say(history.history(page, command=asked.text, now=visit.now), replace=asked.replace)


async def _show(visit: Visit, asked: Asked) -> None:
    view = await visit.core.history.show(visit.actor, asked.command.text("cycle"))
    shown = history.preview if view.cycle.dry_run else history.cycle_details
    await visit.say(shown(view, visit.now))


async def _cancel(visit: Visit, asked: Asked) -> None:
    cycle = await visit.core.sync.cancel(
        visit.actor, asked.command.text("cycle"), channel=visit.what.public
    )
    await visit.say(answers.cancelling(cycle))


async def _release(visit: Visit, asked: Asked) -> None:
    await visit.core.access.require(visit.actor, Role.ADMIN, "release")
    wanted = asked.command.text("held")
    if wanted is None:
        open_sets = await visit.core.held.open(visit.actor)
        if not open_sets:
            raise NotFoundError("Nothing is held.", hint="What the guard keeps back waits here.")
        if len(open_sets) > 1:
            await visit.say(held.held_choice(open_sets))
            return
        wanted = open_sets[0].id
    await visit.say(held.held_review(await visit.core.held.show(visit.actor, wanted)))


async def _users(visit: Visit, asked: Asked) -> None:
    page = await visit.core.people.search(
        visit.actor,
        text=asked.command.text("search"),
        status=asked.command.text("status"),
        limit=PEOPLE_PER_PAGE,
        offset=asked.offset,
    )
    waiting = asked.command.text("status") == UserStatus.WAITING.value
    pool = await visit.core.licenses.summary(visit.actor) if waiting else None
    shown = people.users(page, command=asked.text, pool=pool)
    await visit.say(await with_last_sync(visit, shown), replace=asked.replace)


async def _activate(visit: Visit, asked: Asked) -> None:
    names, waiting = asked.command.texts("people"), asked.command.number("waiting")
    if (waiting is None) == (not names):
        raise UsageError(
            "Name people by their addresses, or say how many of those who wait.",
            hint="`/dirsync activate ada@example.com` or `/dirsync activate --waiting 10`.",
        )
    if waiting is not None:
        found = await visit.core.activation.activate_waiting(visit.actor, waiting)
    else:
        chosen = [await address(visit, each) for each in names]
        found = await visit.core.activation.activate(visit.actor, chosen)
    await visit.say(people.results(found, did="activated"))


async def _help(visit: Visit, asked: Asked) -> None:
    await visit.say(answers.help_page(asked.command.text("topic"), visit.role))


_VERBS: Mapping[str, Callable[[Visit, Asked], Awaitable[None]]] = {
    "": _status,
    "sync": _sync,
    "preview": _preview,
    "status": _status,
    "history": _history,
    "show": _show,
    "cancel": _cancel,
    "release": _release,
    "users": _users,
    "user": person.user,
    "why": why,
    "licenses": licenses.licenses,
    "activate": _activate,
    "invite": invitations.invite,
    "setup": wizard.setup,
    "edit": wizard.edit,
    "enable": lifecycle.enable,
    "disable": lifecycle.disable,
    "delete": lifecycle.delete,
    "free": person.free,
    "conflicts": conflicts.conflicts,
    "apps": apps.apps,
    "notify": notify.notify,
    "roles": roles.roles,
    "schedule": schedule.typed,
    "audit": audit.audit,
    "help": _help,
}
