"""Held removals: the public card, and the review that names people to admins."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    header,
    message,
    modal,
    section,
    table,
    when,
)
from bot.slack.ids import Act, Stamp, ViewId
from bot.slack.limits import escape, tidy
from bot.slack.views import fields, words
from core.model.cycle import Cycle, HeldSet, HeldState
from core.model.views import HeldView

SHOWN = 50
TITLES = {HeldState.RELEASED: "Approve removals", HeldState.REJECTED: "Reject removals"}
ENDS = {
    HeldState.RELEASED: ("✅", "Approved{by}"),
    HeldState.REJECTED: ("🛡️", "Rejected{by}: these people stay"),
    HeldState.EXPIRED: ("⌛", "Expired: nobody decided in time, so nobody was removed"),
    HeldState.SUPERSEDED: ("🔁", "Replaced: a later cycle found something else"),
}


def held_card(held: HeldSet) -> Message:
    """Return the public card of a held set: numbers and what happens next, no names."""
    number = words.several(held.size, "removal")
    if held.state is not HeldState.OPEN:
        icon, said = _ending(held)
        return message(
            f"{icon} {number} of {tidy(held.configuration_name)}: {said}.",
            header(f"{icon} {held.configuration_name}: {number}"),
            section(f"{said}."),
            *_reason(held),
            context(f"`{held.id}`", f"from cycle `{held.cycle_id}`"),
        )
    return message(
        f"✋ {tidy(held.configuration_name)}: {number} held until an admin reviews them.",
        header(f"✋ {held.configuration_name}: {number} held"),
        section(why(held)),
        context(f"Until {when(held.expires_at)}, then they stay.", f"`{held.id}`"),
        actions(button("Review", Act.REVIEW, Stamp(id=held.id).pack(), style="primary")),
    )


def why(held: HeldSet) -> str:
    """Return in mrkdwn why a set is held."""
    limit = words.several(held.limit, "removal")
    return (
        f"*{held.size:,} of {words.people(held.provisioned)}* would be removed; more than "
        f"{limit} at once needs an admin. Everything else was applied.\n{escape(held.reason)}"
    )


def held_review(view: HeldView, *, because: str = "") -> Message:
    """Return the set by name for an admin's own eyes, with the buttons to decide.

    `because` says why it is shown instead of what was asked for.
    """
    first = [section(f"⚠️ {escape(because)}")] if because else []
    text = f"{words.several(view.held.size, 'removal')} to review. {tidy(because, empty='')}"
    return message(text, *first, *_review(view))


def held_choice(held: Sequence[HeldSet]) -> Message:
    """Return the open sets, each with a button to look at it."""
    text = "Several sets are held. Which one?"
    rows = [
        section(
            f"*{escape(each.configuration_name)}*: {words.several(each.size, 'removal')}",
            accessory=button("Review", Act.REVIEW, Stamp(id=each.id).pack()),
        )
        for each in held[:20]
    ]
    return message(text, section(text), *rows)


def _review(view: HeldView) -> list[Block]:
    held = view.held
    rows = [
        (item.label, words.ACTIONS[item.action], item.reason, item.kind.value)
        for item in view.items[:SHOWN]
    ]
    blocks = [header(f"✋ {held.configuration_name}: {words.several(held.size, 'removal')}")]
    blocks += [section(why(held)), table(("Who", "Would", "Because", "Kind"), rows)]
    blocks += _more(view, len(rows))
    if held.state is HeldState.OPEN:
        return [*blocks, actions(*_decide(held)), context(f"Until {when(held.expires_at)}")]
    return [*blocks, section(_over(held)), *_reason(held)]


def _over(held: HeldSet) -> str:
    icon, said = _ending(held)
    return f"{icon} {said}. There is nothing left to decide."


def _reason(held: HeldSet) -> list[Block]:
    """Return what whoever decided gave as the reason."""
    return [context(f"Why: {escape(held.decided_reason)}")] if held.decided_reason else []


def _ending(held: HeldSet) -> tuple[str, str]:
    icon, said = ENDS.get(held.state, ("", held.state.value))
    by = f" by {words.who(held.decided_by)}" if held.decided_by else ""
    return icon, said.format(by=by)


def _more(view: HeldView, shown: int) -> list[Block]:
    left = view.held.size - shown
    if left <= 0:
        return []
    return [context(f"{left:,} more are not shown here: *Download list* has them all.")]


def _decide(held: HeldSet) -> tuple[Block, ...]:
    stamp = _stamp(held)
    return (
        button(f"Approve all {held.size:,}", Act.RELEASE, stamp, style="danger"),
        button("Reject", Act.REJECT, stamp),
        button("Download list", Act.HELD_CSV, Stamp(id=held.cycle_id).pack()),
    )


def _stamp(held: HeldSet) -> str:
    return Stamp(id=held.id, revision=held.digest).pack()


def decision_form(held: HeldSet, decision: HeldState) -> Block:
    """Return the question whether to release or to reject exactly this set, and why."""
    what = f"*{words.several(held.size, 'removal')}* of *{escape(held.configuration_name)}*"
    release = decision is HeldState.RELEASED
    means = (
        "The provider is read again first. Only those of the list who are still gone lose access; "
        "they can be enabled again."
        if release
        else "These people stay, and this cause will not remove them until they are seen again."
    )
    return modal(
        TITLES[decision],
        [section(what), section(means), fields.reason(optional=True, hint="Name nobody.")],
        callback_id=ViewId.RELEASE if release else ViewId.REJECT,
        submit=f"Approve all {held.size:,}" if release else "Reject",
        close="Not now",
        metadata=_stamp(held),
    )


def released(cycle: Cycle) -> Block:
    """Return what was done, in place of the question."""
    card = f" Its card is in <#{cycle.channel}>." if cycle.channel else ""
    text = (
        f"✅ Approved. Cycle `{cycle.id}` reads the provider again and removes those of the list "
        f"who are still gone.{card}"
    )
    return modal(TITLES[HeldState.RELEASED], [section(text)], callback_id=ViewId.NOTE)


def rejected(held: HeldSet) -> Block:
    """Return what was done, in place of the question."""
    stay = "that person stays" if held.size == 1 else f"all {held.size:,} stay"
    text = f"🛡️ Rejected: {stay}."
    return modal(TITLES[HeldState.REJECTED], [section(text)], callback_id=ViewId.NOTE)
