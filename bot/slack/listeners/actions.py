"""Buttons and menus: one handler per act. Roles were looked up at this very click."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from bot.grammar import parse
from bot.slack.client import NO_FILES
from bot.slack.ids import Act, PageMark, Stamp, act_of
from bot.slack.listeners import (
    alerts,
    asking,
    audit,
    conflicts,
    held,
    invitations,
    licenses,
    person,
    schedule,
    wizard,
)
from bot.slack.listeners.asked import Asked
from bot.slack.listeners.commands import run, start
from bot.slack.middleware import Visit
from bot.slack.views import answers, history, people
from core.errors import AlreadyRunningError, TerminalRemoteError, UsageError
from core.model.cycle import CycleId

Kind = Literal["log", "plan", "held"]


async def click(visit: Visit) -> None:
    """Do what the button or menu says; one that means nothing any more is told so."""
    act = act_of(visit.what.action_id)
    if act is None:
        await visit.say(answers.unavailable())
        return
    await _ACTS[act](visit)


def _stamp(visit: Visit) -> Stamp:
    stamp = Stamp.unpack(visit.what.value)
    if stamp is None:
        raise UsageError(
            "That button is from another version of dirsync.", hint="`/dirsync` shows fresh ones."
        )
    return stamp


async def _run(visit: Visit) -> None:
    await run(visit, Asked(command=parse(visit.what.value)))


async def _page(visit: Visit) -> None:
    mark = PageMark.unpack(visit.what.value)
    if mark is None:
        await visit.say(answers.unavailable())
        return
    await run(visit, Asked(command=parse(mark.command), offset=mark.offset, replace=True))


async def _apply(visit: Visit) -> None:
    stamp = _stamp(visit)
    view = await visit.core.history.show(visit.actor, stamp.id)
    if view.cycle.plan_digest != stamp.revision:
        await visit.say(history.preview(view, visit.now))
        return
    try:
        cycle = await visit.core.sync.request(
            visit.actor,
            view.cycle.configuration_name,
            bound_plan_of=CycleId(stamp.id),
            channel=visit.what.public,
        )
    except AlreadyRunningError as error:
        await visit.say(answers.already_running(error.cycle_id, None))
        return
    await visit.say(answers.started(cycle))


async def _cancel(visit: Visit) -> None:
    cycle = await visit.core.sync.cancel(visit.actor, _stamp(visit).id, channel=visit.what.public)
    await visit.say(answers.cancelling(cycle))


async def _details(visit: Visit) -> None:
    view = await visit.core.history.show(visit.actor, _stamp(visit).id)
    await visit.say(history.cycle_details(view, visit.now))


async def _errors(visit: Visit) -> None:
    view = await visit.core.history.show(visit.actor, _stamp(visit).id)
    await visit.say(history.errors(view))


async def _again(visit: Visit) -> None:
    view = await visit.core.history.show(visit.actor, _stamp(visit).id)
    await start(visit, view.cycle.configuration_name)


async def _licenses(visit: Visit) -> None:
    stamp = _stamp(visit)
    summary = await visit.core.licenses.summary(visit.actor)
    total = int(stamp.id) if stamp.id.isdecimal() else summary.total
    if str(summary.total) != stamp.revision and total != summary.total:
        await visit.say(people.licenses_question(summary, total), replace=True)
        return
    summary = await visit.core.licenses.set_total(visit.actor, total)
    await visit.say(people.licenses(summary, role=visit.role), replace=True)


async def _person(visit: Visit) -> None:
    act = act_of(visit.what.action_id)
    if act is not None:
        await person.press(visit, act, _stamp(visit))


async def _log(visit: Visit) -> None:
    await _download(visit, "log")


async def _plan(visit: Visit) -> None:
    await _download(visit, "plan")


async def _held_csv(visit: Visit) -> None:
    await _download(visit, "held")


async def _download(visit: Visit, kind: Kind) -> None:
    """Send a CSV in a direct message, or say how to get it where files are not allowed."""
    cycle_id = _stamp(visit).id
    name, data = await visit.core.history.csv(visit.actor, cycle_id, kind=kind)
    direct = await visit.client.direct(visit.what.user)
    try:
        await visit.client.upload(direct, name, data, comment=f"The {kind} of cycle {cycle_id}.")
    except TerminalRemoteError as error:
        if error.code not in NO_FILES:
            raise
        view = await visit.core.history.show(visit.actor, cycle_id)
        await visit.say(answers.no_files(cycle_id))
        await visit.say(history.cycle_details(view, visit.now))
        return
    await visit.say(answers.sent(name))


_ACTS: Mapping[Act, Callable[[Visit], Awaitable[None]]] = {
    Act.RUN: _run,
    Act.PICK: _run,
    Act.APPLY: _apply,
    Act.CANCEL: _cancel,
    Act.DETAILS: _details,
    Act.ERRORS: _errors,
    Act.LOG: _log,
    Act.PLAN: _plan,
    Act.AGAIN: _again,
    Act.PAGE: _page,
    Act.REVIEW: held.review,
    Act.RELEASE: held.ask_release,
    Act.REJECT: held.ask_reject,
    Act.HELD_CSV: _held_csv,
    Act.LICENSES: _licenses,
    Act.KEEP: licenses.keep,
    Act.ASK: asking.ask,
    Act.STILL_NEEDED: asking.answer,
    Act.GIVE_BACK: asking.answer,
    Act.ACTIVATE: _person,
    Act.INVITE: _person,
    Act.ACCEPT: invitations.accept,
    Act.FREE: _person,
    Act.SCHEDULE: schedule.save,
    Act.SEEN: alerts.seen,
    Act.MUTE: alerts.mute,
    Act.UNMUTE: alerts.unmute,
    Act.STEP: wizard.step,
    Act.SIGN_IN: wizard.sign_in,
    Act.ANEW: wizard.anew,
    Act.AUDIT_CSV: audit.download,
    Act.STAY: conflicts.stay,
    Act.MOVE: conflicts.move,
    Act.RULE: conflicts.rule,
}
