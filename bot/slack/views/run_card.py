"""The run card: one message per cycle, edited in place, and its thread. No names of people."""

from __future__ import annotations

from datetime import datetime

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    message,
    plan,
    section,
    task,
)
from bot.slack.ids import Act, Stamp
from bot.slack.limits import escape, tidy
from bot.slack.views import words
from core.model.cycle import (
    Cycle,
    CycleResult,
    CycleState,
    HeldState,
    ProblemGroup,
    Severity,
    Step,
    Trigger,
)
from core.model.ownership import OWNED_ELSEWHERE
from core.model.views import CycleView

BIGGEST = 3
SAID_BELOW = frozenset({"people_with_problems", "snapshot_unproven", "held_by_guard"})
TITLES = {
    Step.CONNECT: "Connect",
    Step.READ: "Read",
    Step.COMPARE: "Compare",
    Step.APPLY: "Apply",
    Step.INVITE: "Invite",
    Step.REPORT: "Report",
}
DECIDED = {
    HeldState.RELEASED: "approved{by}",
    HeldState.REJECTED: "rejected{by}, so they stay",
    HeldState.EXPIRED: "nobody decided in time, so they stay",
    HeldState.SUPERSEDED: "replaced by what a later cycle found",
}
_SIGNS = {Severity.ERROR: "❌", Severity.CONFLICT: "⚠️", Severity.WARNING: "🟡"}


def run_card(view: CycleView, now: datetime) -> Message:
    """Return the card of a cycle as it stands at `now`."""
    if view.cycle.state is CycleState.FINISHED:
        return _finished(view, now)
    return _running(view, now)


def _running(view: CycleView, now: datetime) -> Message:
    cycle = view.cycle
    icon, word = words.state(cycle)
    name = cycle.configuration_name
    stop = confirm(
        "Stop this cycle?",
        "What is done stays done. The rest is left for the next cycle.",
        yes="Stop it",
        no="Let it run",
        danger=True,
    )
    row = actions(
        None
        if cycle.cancel_requested_by
        else button("Cancel", Act.CANCEL, Stamp(id=cycle.id).pack(), style="danger", confirm=stop),
        button("Details", Act.DETAILS, Stamp(id=cycle.id).pack()),
    )
    return message(
        f"{icon} {tidy(name)}: {word.lower()}. {_detail(view, _step(cycle))}",
        header(f"{icon} {name}: {word}"),
        plan(f"{_title(cycle)} {name}", [_task(view, step) for step in Step]),
        context(_started(cycle), words.duration(cycle, now), _next(view), f"`{cycle.id}`"),
        row,
    )


def _title(cycle: Cycle) -> str:
    if cycle.trigger is Trigger.ON_DEMAND:
        return "Syncing one person of"
    return "Releasing held changes of" if cycle.trigger is Trigger.RELEASE else "Syncing"


def _step(cycle: Cycle) -> Step | None:
    return None if cycle.progress is None else cycle.progress.step


def _task(view: CycleView, step: Step) -> Block:
    order, current = list(Step), _step(view.cycle)
    if current is None or order.index(step) > order.index(current):
        status = "pending"
    else:
        status = "in_progress" if step is current else "complete"
    return task(step.value, TITLES[step], status, _detail(view, step))


def _detail(view: CycleView, step: Step | None) -> str:
    cycle, order = view.cycle, list(Step)
    current = _step(cycle)
    if step is None or current is None or order.index(step) > order.index(current):
        return "waits for its turn"
    return _under_way(cycle, step) if step is current else _over(cycle, step)


def _under_way(cycle: Cycle, step: Step) -> str:
    progress = cycle.progress
    if progress is None:
        return "begins"
    of = "" if progress.total is None else f" of {progress.total:,}"
    pages = words.several(progress.pages, "page")
    return {
        Step.CONNECT: "signing in at the provider",
        Step.READ: f"{words.people(progress.read)} on {pages} so far",
        Step.COMPARE: f"looking for differences among {words.people(progress.read)}",
        Step.APPLY: f"{progress.done:,}{of} applied",
        Step.INVITE: f"{progress.done:,}{of} invitations on their way",
        Step.REPORT: "writing it down",
    }[step]


def _over(cycle: Cycle, step: Step) -> str:
    counts, progress = cycle.counts, cycle.progress
    read = counts.read or (progress.read if progress else 0)
    pages = progress.pages if progress else 0
    return {
        Step.CONNECT: "signed in",
        Step.READ: f"{words.people(read)} read on {words.several(pages, 'page')}",
        Step.COMPARE: "differences found",
        Step.APPLY: "applied",
        Step.INVITE: "invitations are on their way",
        Step.REPORT: "done",
    }[step]


def _started(cycle: Cycle) -> str:
    verb = "Approved by" if cycle.trigger is Trigger.RELEASE else "Started by"
    if cycle.trigger is Trigger.ON_DEMAND:
        verb = "One person, asked for by"
    again = f", resumed {words.several(cycle.resumed, 'time')}" if cycle.resumed else ""
    return f"{verb} {words.who(cycle.requested_by, cycle.requested_by_name)}{again}"


def _next(view: CycleView) -> str:
    if view.next_slot:
        return f"Next {words.at(view.next_slot, '')}"
    return f"Next {words.no_next(view.configuration)}"


def _finished(view: CycleView, now: datetime) -> Message:
    cycle = view.cycle
    icon, word = words.state(cycle)
    name = cycle.configuration_name
    took = words.duration(cycle, now)
    blocks = [header(f"{icon} {name}: {word}"), *reason(cycle)]
    if _did_something(cycle):
        blocks += counted(words.counts_line(cycle.counts), words.groups_line(cycle.counts))
    blocks += [section(line) for line in _remarks(view)]
    blocks += [section(group_line(group)) for group in view.problem_groups[:BIGGEST]]
    more = len(view.problem_groups) - BIGGEST
    small = f"{words.several(more, 'more cause')} in the details" if more > 0 else ""
    blocks.append(
        context(_started(cycle), took and f"took {took}", _next(view), small, f"`{cycle.id}`")
    )
    blocks.append(_buttons(view))
    return message(f"{icon} {tidy(name)}: {word}. {_summary(view)}", *blocks)


def _did_something(cycle: Cycle) -> bool:
    stopped = cycle.result in (CycleResult.FAILURE, CycleResult.CANCELLED)
    return not stopped or cycle.counts.changed > 0


def _summary(view: CycleView) -> str:
    cycle = view.cycle
    if cycle.result is CycleResult.FAILURE and cycle.error is not None:
        return tidy(cycle.error.message)
    counts = cycle.counts
    said = words.counts_line(counts).replace("*", "").replace(" · ", ", ")
    held = f"{counts.held:,} held" if counts.held else ""
    whole = ", ".join(part for part in (said, held) if part)
    return f"{whole[:1].upper()}{whole[1:]}."


def reason(cycle: Cycle) -> list[Block]:
    """Return why a cycle did not simply succeed, unless the causes below say it themselves."""
    if cycle.result is CycleResult.CANCELLED and cycle.error is None:
        by = words.who(cycle.cancel_requested_by) if cycle.cancel_requested_by else "somebody"
        return [
            section(f"Stopped by {by}. What was done stays done; the rest is for the next cycle.")
        ]
    if cycle.error is None or cycle.error.code in SAID_BELOW:
        return []
    hint = f"\n*What to do:* {escape(cycle.error.hint)}" if cycle.error.hint else ""
    return [section(f"{escape(cycle.error.message)}{hint}")]


def counted(*lines: str) -> list[Block]:
    """Return the lines of numbers that say anything, beginning like a sentence."""
    said = "\n".join(line for line in lines if line)
    return [section(f"{said[:1].upper()}{said[1:]}")] if said else []


def _remarks(view: CycleView) -> list[str]:
    lines = []
    unproven = words.unproven(view.cycle.proof)
    if unproven:
        lines.append(f"🛡️ {escape(unproven)}")
    if view.cycle.counts.held or view.held is not None:
        lines.append(held_line(view))
    lines += words.frozen_lines(view.cycle.postponed)
    if view.undelivered:
        what = words.several(view.undelivered, "invitation")
        lines.append(f"✉️ *{what} could not be delivered*; `/dirsync users` says whose.")
    if view.licenses is not None and _did_something(view.cycle):
        lines.append(words.license_line(view.licenses))
    return [line for line in lines if line]


def held_line(view: CycleView) -> str:
    """Return the line about what the guard kept back, or an empty string."""
    held = view.held
    number = held.size if held is not None else view.cycle.counts.held
    if view.cycle.trigger is Trigger.RELEASE or not number:
        return ""
    said = "waits for an admin to review it" if number == 1 else "wait for an admin to review them"
    if held is not None and held.state is not HeldState.OPEN:
        by = f" by {words.who(held.decided_by)}" if held.decided_by else ""
        said = DECIDED[held.state].format(by=by)
        said += f" (“{escape(held.decided_reason)}”)" if held.decided_reason else ""
    return f"✋ *{words.several(number, 'removal')} held*: {said}."


def group_line(group: ProblemGroup) -> str:
    """Return one cause with its number of people and what to do, without names."""
    hint = f" _{escape(group.hint, 300)}_" if group.hint else ""
    who = words.people(group.people)
    return f"{_SIGNS[group.severity]} *{who}*: {escape(group.message, 300)}{hint}"


def _buttons(view: CycleView) -> Block:
    cycle = view.cycle
    stamp = Stamp(id=cycle.id).pack()
    again = cycle.result is not CycleResult.SUCCESS
    claims = any(group.code == OWNED_ELSEWHERE for group in view.problem_groups)
    return actions(
        button("View errors", Act.ERRORS, stamp) if view.problem_groups else None,
        button("Details", Act.DETAILS, stamp),
        button("Download log", Act.LOG, stamp),
        button("Sync again", Act.AGAIN, stamp) if again else None,
        button("Conflicts", Act.RUN, "conflicts") if claims else None,
        button("History", Act.RUN, f"history {cycle.configuration_name}"),
    )


def thread_details(view: CycleView) -> Message | None:
    """Return the causes for the card's thread (counts and causes only), or None if all is well."""
    lines = [group_line(group) for group in view.problem_groups[:20]]
    proof = view.cycle.proof
    failed = [] if proof is None else [escape(sentence) for _, sentence in proof.failed]
    blocks: list[Block] = []
    if failed:
        proofs = "\n".join(f"• {sentence}" for sentence in failed)
        blocks.append(section(f"*Why nobody was removed*\n{proofs}"))
    if lines:
        blocks += [section("*Errors by cause*"), *(section(line) for line in words.packed(lines))]
    if not blocks:
        return None
    number = len(view.problem_groups)
    text = f"{words.several(number, 'cause')} of errors" if number else "Why nobody was removed"
    return message(f"{text} in {tidy(view.cycle.configuration_name)}.", *blocks)
