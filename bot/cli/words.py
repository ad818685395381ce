"""A cycle in words, with the phrases of the run card."""

from __future__ import annotations

import html
from datetime import datetime

from bot.cli.output import say, table
from bot.control.documents import (
    CycleDocument,
    CycleReport,
    LicensesDocument,
    LostChannelDocument,
)
from bot.control.invitations import QueueDocument
from bot.slack.views import invitation_words, words
from bot.slack.views.notify import what_to_do, why_lost
from bot.slack.views.one_person import STEP_SIGNS, STEPS, asked_for, step_text
from bot.slack.views.run_card import SAID_BELOW
from core.model.account import LicenseSummary
from core.model.cycle import CycleState, HeldState, Proof
from core.model.inviting import InvitationQueue
from core.model.reserves import Reserve

_HELD = {
    HeldState.OPEN: "waiting for an admin",
    HeldState.RELEASED: "approved",
    HeldState.REJECTED: "rejected",
    HeldState.EXPIRED: "expired",
    HeldState.SUPERSEDED: "replaced by a later cycle's",
}


def state_words(cycle: CycleDocument) -> str:
    """Return where a cycle stands, such as "✅ Success" or "🔄 Running"."""
    if cycle.result is not None:
        return " ".join(words.RESULTS[cycle.result])
    if cycle.state is CycleState.QUEUED:
        return "⏳ Queued"
    return "⏹ Stopping" if cycle.cancel_requested else "🔄 Running"


def took(cycle: CycleDocument) -> str:
    """Return how long a finished cycle took, or an empty string."""
    if cycle.started_at is None or cycle.finished_at is None:
        return ""
    return words.lasting((cycle.finished_at - cycle.started_at).total_seconds())


def moment(value: datetime | None, otherwise: str = "-") -> str:
    """Return a time in UTC."""
    return otherwise if value is None else words.stamp(value)


def minute(value: datetime | None, otherwise: str = "-") -> str:
    """Return a time in UTC for a column that says so."""
    return moment(value, otherwise).removesuffix(" UTC")


def counted(cycle: CycleDocument) -> str:
    """Return what a cycle did, or a preview would do, in numbers; empty until it began."""
    if cycle.started_at is None:
        return ""
    if cycle.preview:
        lines = [words.plan_line(cycle.counts), words.groups_line(cycle.counts, due=True)]
    else:
        lines = [words.counts_line(cycle.counts), words.groups_line(cycle.counts)]
    return unmarked(" · ".join(line for line in lines if line))


def lost_words(lost: LostChannelDocument) -> str:
    """Return what is wrong with a channel, and what to do."""
    said = f"{lost.channel} takes no message: {why_lost(lost.code)}."
    return f"{said} {what_to_do(lost.code)}"


def unmarked(text: str) -> str:
    """Return a phrase of a card without its marks for bold."""
    return text.replace("*", "")


def license_words(licenses: LicensesDocument) -> str:
    """Return the license pool in a sentence or two."""
    return html.unescape(unmarked(words.license_line(pool_of(licenses))))


def pool_of(licenses: LicensesDocument) -> LicenseSummary:
    """Return the license pool that a document describes."""
    return LicenseSummary(
        total=licenses.total,
        used=licenses.used,
        invited=licenses.invited,
        waiting=licenses.waiting,
        policy=licenses.policy,
        kept=licenses.kept,
        kept_for_expected=licenses.kept_for_expected,
        kept_for_waiting=licenses.kept_for_waiting,
        reserves=tuple(
            Reserve(
                configuration_id="",
                external_id="",
                group=each.group,
                group_id=0 if each.present else None,
                kept=each.kept,
                used=each.used,
            )
            for each in licenses.kept_for
        ),
    )


def print_report(report: CycleReport) -> None:
    """Print a cycle with its causes, and what a preview would do."""
    cycle = report.cycle
    kind = "preview of " if cycle.preview else ""
    say(f"{state_words(cycle)}: {kind}{cycle.configuration} ({cycle.id})", style="bold")
    if cycle.state is not CycleState.FINISHED:
        return
    for line in _remarks(report):
        say(line)
    _print_steps(report)
    _print_problems(report)
    _print_changes(report)


def _remarks(report: CycleReport) -> list[str]:
    cycle = report.cycle
    lines = [counted(cycle), words.reading(cycle.reading, cycle.reading_note)]
    if cycle.error is not None and cycle.error.code not in SAID_BELOW:
        lines.append(f"{cycle.error.message} {cycle.error.hint}".strip())
    if cycle.proof is not None:
        proof = Proof(
            read=cycle.proof.read,
            announced=cycle.proof.announced,
            pages=cycle.proof.pages,
            failed=cycle.proof.failed,
        )
        lines.append(words.unproven(proof))
    if report.held is not None:
        lines.append(
            f"{words.several(report.held.size, 'removal')} held, {_HELD[report.held.state]}: "
            f"dirsync held {report.held.id}"
        )
    lines += [unmarked(line) for line in words.frozen_lines(cycle.postponed)]
    if report.licenses is not None:
        lines.append(license_words(report.licenses))
    if report.licenses is not None and cycle.preview:
        over = words.over_line(pool_of(report.licenses), cycle.counts.created)
        lines.append(unmarked(over))
    duration = took(cycle)
    lines.append(
        f"Started by {cycle.requested_by_name or cycle.requested_by}"
        + (f", took {duration}" if duration else "")
    )
    return [line for line in lines if line]


def _print_steps(report: CycleReport) -> None:
    if report.person is None:
        return
    rows = [
        (STEPS[each.step], STEP_SIGNS[each.state], step_text(each.text, each.detail))
        for each in report.person.steps
    ]
    table(("Step", "State", "What"), rows)
    if asked := asked_for(report.cycle.requests):
        say(asked)


def _print_problems(report: CycleReport) -> None:
    for group in report.problems:
        say(f"{group.severity.value}: {words.people(group.people)}: {group.message} {group.hint}")
        if group.samples:
            say("  " + ", ".join(group.samples))


def _print_changes(report: CycleReport) -> None:
    rows = [(words.ACTIONS[item.action], item.name, item.reason) for item in report.plan]
    rows += [(words.ACTIONS[each.action], each.name, each.reason) for each in report.changes]
    if rows:
        say("")
        table(("Action", "Who", "Why"), rows)


def queue_words(queue: QueueDocument) -> str:
    """Return how many invitations are on their way and how long that takes."""
    return invitation_words.on_their_way(
        InvitationQueue(mails=queue.mails, chats=queue.slack, per_minute=queue.per_minute)
    )
