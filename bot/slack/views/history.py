"""Past cycles: the list, and one cycle in detail with names for those who may see them."""

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
    section,
    table,
)
from bot.slack.ids import Act, PageMark, Stamp
from bot.slack.limits import escape, tidy
from bot.slack.views import one_person, words
from bot.slack.views.run_card import counted, group_line, held_line, reason
from core.model.cycle import Counts, Cycle, CycleResult, CycleState
from core.model.views import CycleView, HistoryPage

HEAD = ("Cycle", "Configuration", "Result", "Started", "Took", "Changed", "Problems")


def history(page: HistoryPage, *, command: str, now: datetime) -> Message:
    """Return a page of cycles; `command` is what listed them, for Prev and Next."""
    if not page.cycles:
        text = "No cycle matches." if page.offset == 0 else "There is nothing further back."
        return message(text, section(text), *pager(page.offset, page.limit, page.total, command))
    first, last = page.offset + 1, page.offset + len(page.cycles)
    newest = page.cycles[0]
    return message(
        f"Cycles {first} to {last} of {page.total:,}.",
        table(HEAD, [_row(cycle, now) for cycle in page.cycles], right=(5, 6)),
        context(shown_of(first, last, page.total), "`/dirsync show &lt;cycle&gt;` tells more"),
        *pager(page.offset, page.limit, page.total, command),
        actions(button(f"Show {newest.id}", Act.DETAILS, Stamp(id=newest.id).pack())),
    )


def _row(cycle: Cycle, now: datetime) -> tuple[str, ...]:
    word = " ".join(words.state(cycle)) + (" (preview)" if cycle.dry_run else "")
    problems = cycle.counts.errors + cycle.counts.conflicts + cycle.counts.warnings
    return (
        cycle.id,
        cycle.configuration_name,
        word,
        words.stamp(cycle.started_at or cycle.requested_at),
        words.duration(cycle, now),
        f"{cycle.counts.changed:,}",
        f"{problems:,}",
    )


def shown_of(first: int, last: int, total: int) -> str:
    """Return which part of a list is shown: "11 to 20 of 43", or "7 in all"."""
    if first == 1 and last == total:
        return f"{total:,} in all"
    return f"{first:,} to {last:,} of {total:,}"


def pager(offset: int, limit: int, total: int, command: str) -> list[Block]:
    """Return Prev and Next as far as there is anything that way."""
    back = PageMark(command=command, offset=max(0, offset - limit)).pack()
    on = PageMark(command=command, offset=offset + limit).pack()
    row = [button("← Prev", Act.PAGE, back)] if offset > 0 else []
    row += [button("Next →", Act.PAGE, on)] if offset + limit < total else []
    return [actions(*row)] if row else []


def cycle_details(view: CycleView, now: datetime) -> Message:
    """Return one cycle with causes and samples of people, for a viewer's own eyes."""
    cycle = view.cycle
    icon, word = words.state(cycle)
    kind = "preview" if cycle.dry_run else "cycle"
    blocks = [
        header(f"{icon} {cycle.configuration_name}: {word}"),
        *_facts(view),
        *reason(cycle),
        *[section(line) for line in (_proof(view), held_line(view), _reading(view)) if line],
        *[section(line) for line in words.frozen_lines(cycle.postponed)],
        *_problems(view),
        *([*one_person.steps(view.person)] if view.person else _samples(view)),
        _buttons(view),
        context(
            f"{kind} `{cycle.id}`",
            words.at(cycle.started_at, ""),
            _took(cycle, now),
            one_person.asked_for(cycle.requests) if view.person else "",
        ),
    ]
    return message(f"{icon} {tidy(cycle.configuration_name)}: {word}.", *blocks)


def _facts(view: CycleView) -> list[Block]:
    cycle, counts = view.cycle, view.cycle.counts
    by = words.who(cycle.requested_by, cycle.requested_by_name)
    read = f"{words.people(counts.read)} read"
    if cycle.proof is not None:
        announced = cycle.proof.announced
        of = f" of {announced:,} announced" if announced is not None else ""
        read = f"{words.people(cycle.proof.read)} read{of}"
    line = words.plan_line if cycle.dry_run else words.counts_line
    groups = words.groups_line(counts, due=cycle.dry_run)
    begun = cycle.started_at is not None
    return counted(line(counts) if begun else "", groups, f"{read} · started by {by}")


def _reading(view: CycleView) -> str:
    said = words.reading(view.cycle.reading, view.cycle.reading_note)
    return escape(said) if said else ""


def _proof(view: CycleView) -> str:
    said = words.unproven(view.cycle.proof)
    return f"🛡️ {escape(said)}" if said else ""


def _problems(view: CycleView) -> list[Block]:
    blocks = []
    for group in view.problem_groups[:10]:
        names = ", ".join(escape(name, 60) for name in group.samples)
        blocks.append(section(group_line(group) + (f"\nFor example {names}" if names else "")))
    return blocks


def _samples(view: CycleView) -> list[Block]:
    rows = [
        (item.label, words.ACTIONS[item.action], item.kind.value, item.reason)
        for item in view.plan_sample[:20]
    ] or [
        (change.label, words.ACTIONS[change.action], change.kind.value, change.reason)
        for change in view.changes_sample[:20]
    ]
    return [table(("Who or what", "Action", "Kind", "Because"), rows)] if rows else []


def _buttons(view: CycleView) -> Block:
    cycle, stamp = view.cycle, Stamp(id=view.cycle.id).pack()
    if cycle.dry_run:
        return actions(button("Download plan", Act.PLAN, stamp), *_apply(view))
    return actions(
        button("View errors", Act.ERRORS, stamp) if view.problem_groups else None,
        button("Download log", Act.LOG, stamp),
        button("History", Act.RUN, "history"),
    )


def _apply(view: CycleView) -> list[Block]:
    cycle = view.cycle
    if cycle.plan_digest is None or cycle.state is not CycleState.FINISHED:
        return []
    ask = confirm(
        "Apply this plan?",
        f"{_short(cycle.counts)}. If the directory has changed since, nothing that is not in "
        "this plan is done.",
        yes="Apply",
        no="Not now",
        danger=False,
    )
    stamp = Stamp(id=cycle.id, revision=cycle.plan_digest).pack()
    return [button("Apply this plan", Act.APPLY, stamp, style="primary", confirm=ask)]


def _short(counts: Counts) -> str:
    held = f"{words.several(counts.held, 'removal')} to hold" if counts.held else ""
    lines = [words.plan_line(counts), words.groups_line(counts, due=True), held]
    said = " · ".join(line for line in lines if line).replace("*", "").replace(" · ", ", ")
    return f"{said[:1].upper()}{said[1:]}"


def _licenses(view: CycleView) -> list[Block]:
    if view.licenses is None:
        return []
    over = words.over_line(view.licenses, view.cycle.counts.created)
    return [section("\n".join(line for line in (words.license_line(view.licenses), over) if line))]


def preview(view: CycleView, now: datetime) -> Message:
    """Return the plan of a finished dry run: counts, sample, download, and Apply bound to it."""
    cycle = view.cycle
    unfinished = cycle.result in (None, CycleResult.FAILURE, CycleResult.CANCELLED)
    if unfinished or cycle.plan_digest is None:
        return cycle_details(view, now)
    name = cycle.configuration_name
    nothing = cycle.counts.changed == 0
    said = f"{_short(cycle.counts)}."
    blocks = [
        header(f"🔎 Preview of {name}"),
        *counted(words.plan_line(cycle.counts), words.groups_line(cycle.counts, due=True)),
        *[section(line) for line in (_proof(view), _would_hold(view)) if line],
        *[section(line) for line in words.frozen_lines(cycle.postponed)],
        *_licenses(view),
        *[section(group_line(group)) for group in view.problem_groups[:3]],
        *_samples(view),
        actions(
            *([] if nothing else _apply(view)),
            button("Download plan", Act.PLAN, Stamp(id=cycle.id).pack()),
        ),
        context(
            "Nothing has been changed.",
            _sampled(view),
            f"preview `{cycle.id}`",
            _took(cycle, now),
        ),
    ]
    return message(f"Preview of {tidy(name)}: {said} Nothing has been changed.", *blocks)


def _sampled(view: CycleView) -> str:
    """Say that the table is not all of the plan, where it is not."""
    counts = view.cycle.counts
    shown, whole = len(view.plan_sample[:20]), counts.changed + counts.held + counts.postponed
    return f"The first {shown} of {whole:,} are shown." if 0 < shown < whole else ""


def _took(cycle: Cycle, now: datetime) -> str:
    took = words.duration(cycle, now)
    return f"took {took}" if took else ""


def _would_hold(view: CycleView) -> str:
    held = view.cycle.counts.held
    if not held:
        return ""
    return f"✋ *{words.several(held, 'removal')}* would be held for an admin to review."


def errors(view: CycleView) -> Message:
    """Return every cause with examples of people, for a viewer's own eyes."""
    if not view.problem_groups:
        text = f"Nothing is wrong in cycle {view.cycle.id}."
        return message(text, section(text))
    stamp = Stamp(id=view.cycle.id).pack()
    number = words.several(len(view.problem_groups), "cause")
    return message(
        f"{number} of errors in {tidy(view.cycle.configuration_name)}.",
        header(f"Errors of {view.cycle.configuration_name}"),
        *_problems(view),
        actions(button("Download log", Act.LOG, stamp)),
        context(f"cycle `{view.cycle.id}`", "The log lists everybody."),
    )
