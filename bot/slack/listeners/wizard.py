"""Setup and edit: the verbs, and the form's steps as they are submitted, left and come back to."""

from __future__ import annotations

from bot.grammar import Command, spell
from bot.slack.ids import StepMark
from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.received import Payload, Received
from bot.slack.views import wizard as view
from bot.slack.views import wizard_summary as end
from bot.slack.views.fields import Entered
from core.app import Core
from core.errors import AlreadyRunningError, ConflictError, DirsyncError, UsageError
from core.model.configuration import Draft
from core.services.draft_fields import wrong_in

ASKING = frozenset({"signin", "mapping"})
"""Steps after which the provider is asked."""


async def setup(visit: Visit, asked: Asked) -> None:
    """Open the form for a new configuration, where it was left."""
    draft = await visit.core.wizard.setup(visit.actor)
    await visit.open(view.step(draft, view.ORDER[0]), again=asked.text)


async def edit(visit: Visit, asked: Asked) -> None:
    """Open the form for a stored configuration."""
    draft = await visit.core.wizard.edit(
        visit.actor, asked.command.configuration, channel=visit.what.public
    )
    await visit.open(await _summary(visit, draft), again=asked.text)


async def sign_in(visit: Visit) -> None:
    """Open the form of a configuration where one signs in."""
    draft = await visit.core.wizard.edit(visit.actor, visit.what.value)
    command = Command(verb="edit", configuration=visit.what.value)
    await visit.open(view.step(draft, "signin"), again=spell(command))


async def check(what: Received, core: Core) -> Payload | None:
    """Judge what was entered in a step; errors stand at their fields."""
    mark = StepMark.unpack(what.metadata)
    if mark is None:
        return None
    entered = view.entered(mark.step, what.values)
    errors = {}
    if entered:
        kind = entered.get("kind", mark.kind)
        errors = wrong_in(mark.step, entered, kind=kind, kept=mark.kept and kind == mark.kind)
    if mark.step == view.ORDER[0] and "name" not in errors:
        owner = f"slack:{what.user}"
        other = await core.wizard.taken(owner, mark.draft, entered.get("name", ""))
        if other is not None:
            errors["name"] = f"There is one called {other} already; case does not count."
    shown = {field: text[:150] for field, text in errors.items() if field in what.values}
    if shown:
        return {"response_action": "errors", "errors": shown}
    return {"response_action": "update", "view": view.working(mark.step)}


async def submitted(visit: Visit) -> None:
    """Keep what was entered, and show what comes next."""
    mark = _mark(visit)
    if mark.step.startswith(end.CONFIRM):
        await _confirmed(visit, mark)
        return
    draft = await visit.core.wizard.put(
        visit.actor, mark.draft, view.entered(mark.step, visit.what.values)
    )
    if mark.step == view.SUMMARY:
        entered = Entered(visit.what.values)
        sync = entered.choice(end.AFTER) == end.SYNC
        remove = entered.choice(end.LEAVERS) == end.REMOVE
        await _save(visit, draft, sync=sync, remove=remove)
    elif mark.step in ASKING:
        await _ask(visit, draft, mark.step)
    elif mark.step == view.ORDER[0] and draft.fields.get("kind") != mark.kind:
        await visit.show(view.step(draft, "signin"))
    else:
        asked = mark.step.removeprefix(view.CHECKED)
        await _go_on(visit, draft, asked)


async def step(visit: Visit) -> None:
    """Show another step; what was entered in this one is kept, right or wrong."""
    mark, wanted = _mark(visit), visit.what.value
    draft = await visit.core.wizard.put(
        visit.actor, mark.draft, view.entered(mark.step, visit.what.values)
    )
    if wanted == view.SUMMARY:
        await _show_summary(visit, draft)
    elif wanted in view.TITLES:
        await visit.show(view.step(draft, wanted))
    else:
        raise UsageError("There is no such step.")


async def anew(visit: Visit) -> None:
    """Forget what was entered, and begin with an empty form."""
    draft = await visit.core.wizard.anew(visit.actor)
    await visit.show(view.step(draft, view.ORDER[0]))


async def _ask(visit: Visit, draft: Draft, asked: str) -> None:
    try:
        found = await visit.core.wizard.check(visit.actor, draft)
    except DirsyncError as error:
        await visit.show(view.step(draft, asked, error=str(error)))
        return
    await visit.show(end.checked(draft, found, asked=asked))


async def _go_on(visit: Visit, draft: Draft, done: str) -> None:
    """Show the step after one; whoever edits comes back to the summary."""
    following = view.after(done) if done in view.ORDER else view.SUMMARY
    if draft.configuration is not None or following == view.SUMMARY:
        await _show_summary(visit, draft)
    else:
        await visit.show(view.step(draft, following))


async def _show_summary(visit: Visit, draft: Draft) -> None:
    """Show the summary at once, and with the effect on people when that is known."""
    _, errors = await visit.core.wizard.judge(draft)
    if errors:
        await visit.show(await _summary(visit, draft))
        return
    await visit.show(view.reading(draft))
    effect, remark = None, ""
    try:
        effect = await visit.core.wizard.effect(visit.actor, draft)
    except DirsyncError as error:
        remark = f"What this means for people is not known: {error}"
    slots = visit.core.wizard.slots(draft)
    await visit.show(end.summary(draft, errors={}, slots=slots, effect=effect, remark=remark))


async def _summary(visit: Visit, draft: Draft) -> dict[str, object]:
    _, errors = await visit.core.wizard.judge(draft)
    remark = "" if errors else "Change something to see what it means for people."
    return end.summary(draft, errors=errors, slots=visit.core.wizard.slots(draft), remark=remark)


async def _confirmed(visit: Visit, mark: StepMark) -> None:
    draft = await visit.core.wizard.get(visit.actor, mark.draft)
    if Entered(visit.what.values).choice(end.COMPANY) != "yes":
        await visit.show(view.step(draft, "signin"))
        return
    choices = mark.step.removeprefix(end.CONFIRM)
    await _save(visit, draft, sync="s" in choices, remove="r" in choices, other_company=True)


async def _save(
    visit: Visit, draft: Draft, *, sync: bool, remove: bool, other_company: bool = False
) -> None:
    try:
        saved = await visit.core.wizard.save(
            visit.actor, draft.id, remove=remove, other_company=other_company
        )
    except ConflictError as error:
        if error.code != "other_company":
            raise
        asked = end.other_company(draft, error.message, error.hint, sync=sync, remove=remove)
        await visit.show(asked)
        return
    cycle = ""
    if sync:
        try:
            cycle = (await visit.core.sync.request(visit.actor, saved.name)).id
        except AlreadyRunningError as error:
            cycle = error.cycle_id
    await visit.show(end.saved(saved, visit.core.wizard.slots(draft), cycle=cycle))


def _mark(visit: Visit) -> StepMark:
    mark = StepMark.unpack(visit.what.metadata)
    if mark is None:
        raise UsageError("That form is from another version of dirsync.", hint="Open it again.")
    return mark
