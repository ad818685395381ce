"""People whom several configurations mean: the list, and the questions before a decision."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from bot.grammar import Command, spell
from bot.slack.blocks import Block, Message, actions, button, confirm, context, message, section
from bot.slack.ids import Act, Stamp
from bot.slack.limits import LIMITS, clip, escape
from bot.slack.views import words
from bot.slack.views.history import pager, shown_of
from core.model.account import Role
from core.model.ownership import (
    Conflict,
    ConflictCount,
    ConflictPage,
    ConflictState,
    Ruling,
    Verdict,
)

NAMED = 3
LONGEST_VALUE = 40
VERDICTS = {Verdict.KEEP: "Keep with", Verdict.MOVE: "Move to"}
EVERY = "every"
"""Stands for all configurations where a button is bound to one or all."""


def attributes(names: Collection[str]) -> str:
    """Return which attributes a move would change; plain text."""
    shown = list(names)[:NAMED]
    more = len(names) - len(shown)
    listed = ", ".join(name.replace("_", " ") for name in shown)
    return f"{listed} and {more:,} more" if more else listed or "nothing"


def change_lines(changes: Mapping[str, tuple[object, object]]) -> list[str]:
    """Return what a move would change, an attribute a line; plain text."""
    return [
        f"{name.replace('_', ' ')}: {_value(now)} → {_value(then)}"
        for name, (now, then) in changes.items()
    ]


def _value(value: object) -> str:
    return "nothing" if value in (None, "", []) else clip(str(value), LONGEST_VALUE)


def becomes(owner: str, claimant: str, verdict: Verdict) -> str:
    """Return what a decision means from then on; plain text."""
    if verdict is Verdict.KEEP:
        return f"{claimant} leaves them alone and does not ask again while {owner} has them."
    return (
        f"Nobody is disabled now. Whether they are in {claimant} counts from now on; "
        f"whether they are in {owner} does not. The next sync of {claimant} updates them."
    )


def conflicts(page: ConflictPage, *, command: str, role: Role, because: str = "") -> Message:
    """Return a page of conflicts; whoever decides gets the buttons.

    `because` says why it is shown.
    """
    first = [section(escape(because))] if because else []
    if not page.conflicts:
        text = (
            "There is no conflict between configurations: nobody is claimed by a second one. "
            "People of one directory with the same address are in `/dirsync show`."
        )
        return message(
            text, *first, section(text), *pager(page.offset, page.limit, page.total, command)
        )
    blocks = [block for each in page.conflicts for block in _conflict(each, page, role)]
    begin, end = page.offset + 1, page.offset + len(page.conflicts)
    told, rest = _heading(page)
    return message(
        f"{because} {told}".strip(),
        *first,
        section(f"*{told}* {rest}"),
        *blocks,
        context(shown_of(begin, end, page.total), "oldest first"),
        *pager(page.offset, page.limit, page.total, command),
        *_by_priority(page, role),
    )


def _heading(page: ConflictPage) -> tuple[str, str]:
    if all(each.state is ConflictState.KEPT for each in page.conflicts):
        told = f"{words.several(page.total, 'conflict')} decided for the owner."
        return told, "That can be changed at any time."
    told = f"{words.several(page.total, 'conflict')} to decide."
    return (
        told,
        "A second configuration claims these people; it changes nothing of them until then.",
    )


def _conflict(conflict: Conflict, page: ConflictPage, role: Role) -> list[Block]:
    owner, claimant = escape(conflict.owner), escape(conflict.claimant)
    gone = " (which does not have them any more)" if conflict.absent else ""
    first = owner if page.favoured(conflict) is Verdict.KEEP else claimant
    decided = ""
    if conflict.state is ConflictState.KEPT:
        by = f" by {words.who(conflict.decided_by)}" if conflict.decided_by else ""
        decided = f"\nDecided{by}: they stay with {owner}."
    text = (
        f"*{escape(conflict.label)}* ({words.STATUSES[conflict.status]}) belongs to *{owner}*{gone}"
        f" and is claimed by *{claimant}* since {words.at(conflict.since, '')}.\n"
        f"A move would change {escape(attributes(conflict.changes))}. "
        f"Priority: {first}.{decided}"
    )
    return [section(text), *([actions(*_buttons(conflict))] if role is Role.ADMIN else [])]


def _buttons(conflict: Conflict) -> Iterable[Block]:
    stamp = Stamp(id=str(conflict.id), revision=str(conflict.revision)).pack()
    for verdict, act in ((Verdict.KEEP, Act.STAY), (Verdict.MOVE, Act.MOVE)):
        if verdict is Verdict.KEEP and conflict.state is ConflictState.KEPT:
            continue
        whom = conflict.owner if verdict is Verdict.KEEP else conflict.claimant
        ask = confirm(
            f"{VERDICTS[verdict]} {whom}?",
            _effect(conflict, verdict),
            yes="Keep" if verdict is Verdict.KEEP else "Move",
            no="Not now",
            danger=False,
        )
        yield button(f"{VERDICTS[verdict]} {whom}", act, stamp, confirm=ask)


def _effect(conflict: Conflict, verdict: Verdict) -> str:
    """Return what a decision does, within the length of a confirmation."""
    after = becomes(conflict.owner, conflict.claimant, verdict)
    if verdict is Verdict.KEEP:
        return clip(after, LIMITS["confirm.text"])
    lines = change_lines(conflict.changes)
    room = LIMITS["confirm.text"] - len(after)
    shown: list[str] = []
    for line in lines:
        rest = f"and {len(lines) - len(shown):,} more"
        if sum(len(each) + 2 for each in shown) + len(line) + len(rest) + 2 > room:
            shown.append(rest)
            break
        shown.append(line)
    changed = "; ".join(shown)
    return clip(f"{changed}. {after}" if changed else after, LIMITS["confirm.text"])


def _by_priority(page: ConflictPage, role: Role) -> list[Block]:
    undecided = any(each.state is ConflictState.OPEN for each in page.conflicts)
    if role is not Role.ADMIN or not undecided:
        return []
    return [actions(button("Decide all by priority …", Act.RUN, "conflicts priority"))]


def ruling(found: Ruling, *, configuration: str | None) -> Message:
    """Return how priority would decide, in numbers, with the button that does it."""
    if not found.rows:
        text = "There is no conflict to decide."
        return message(text, section(text))
    lines = []
    for row in found.rows:
        keeps = row.verdict is Verdict.KEEP
        owner, claimant = escape(row.owner), escape(row.claimant)
        said = (
            f"stay with *{owner}*, not {claimant}"
            if keeps
            else f"move from {owner} to *{claimant}*"
        )
        lines.append(f"• {words.people(row.people)}: {said}")
    ask = confirm(
        "Decide all by priority?",
        f"{found.moves:,} would move and {found.keeps:,} stay. Nobody is disabled by it; "
        "the next syncs update whoever moves.",
        yes="Decide",
        no="Not now",
        danger=False,
    )
    stamp = Stamp(id=configuration or EVERY, revision=found.digest).pack()
    number = found.keeps + found.moves
    return message(
        f"By priority {words.people(found.moves)} would move and {found.keeps:,} stay.",
        section("*By priority*"),
        *(section(text) for text in words.packed(lines)),
        context("The priority stands in each configuration; without one, the older goes first."),
        actions(button(f"Decide these {number:,}", Act.RULE, stamp, style="primary", confirm=ask)),
    )


def ruled(done: Ruling) -> Message:
    """Return what was decided by priority."""
    text = f"✅ Decided: {words.people(done.moves)} moved, {words.people(done.keeps)} kept."
    return message(text, section(text))


def conflicts_of(count: ConflictCount, role: Role) -> list[Block]:
    """Return the button to the list, for whoever may see names."""
    if not count.people or not role.includes(Role.VIEWER):
        return []
    label = f"Conflicts: {words.people(count.people)}"
    return [actions(button(label, Act.RUN, spell(Command(verb="conflicts"))))]
