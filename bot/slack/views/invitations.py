"""The direct message of an invitation, and what it says once its button was pressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.slack.blocks import (
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    message,
    paragraph,
    section,
)
from bot.slack.ids import Act, Stamp
from bot.slack.limits import escape, tidy
from bot.slack.views import words
from bot.slack.views.invitation_words import WAYS, on_their_way
from core.model.account import Invited, LicenseSummary, UserStatus
from core.model.configuration import InvitationWay
from core.model.inviting import ChatInvitation, InvitationQueue, StagedPeople
from core.model.wording import admins_to_ask


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedQuestion:
    """What is to be decided: who would be invited, by which way, and why it is asked again."""

    staged: StagedPeople
    pool: LicenseSummary
    by: InvitationWay | None = None
    because: str = ""


def staged_question(asked: StagedQuestion, command: str) -> Message:
    """Return the question whether to invite everybody who is not yet; `command` is what does it."""
    staged = asked.staged
    nowhere = f"{words.people(staged.nowhere)} without an address cannot be invited."
    if not staged.ready:
        text = "Everybody is invited already." if not staged.nowhere else nowhere
        return message(text, section(text))
    number = words.people(staged.ready)
    how = (
        WAYS[asked.by] if asked.by else "as each configuration says, by mail where it says neither"
    )
    short = max(0, staged.ready + asked.pool.invited + asked.pool.waiting - asked.pool.free)
    lines = [
        asked.because,
        f"*Invite {number}* who were not invited yet, {how}?",
        nowhere if staged.nowhere else "",
        f"{short:,} of all who are invited or waiting would find no free license." if short else "",
    ]
    sure = confirm(
        f"Invite {number}?",
        "Messages that are sent cannot be taken back.",
        yes=f"Invite {number}",
        danger=False,
    )
    go = button(f"Invite {number}", Act.RUN, command, style="primary", confirm=sure)
    said = "\n".join(line for line in lines if line)
    return message(f"Invite {number}?", section(said), actions(go))


def with_queue(results: Message, queue: InvitationQueue) -> Message:
    """Return the summary of an act with how long its invitations take."""
    said = on_their_way(queue)
    if not queue.minutes:
        return results
    return message(f"{results.text} {said}", *results.blocks, context(said))


def invitation(given: ChatInvitation, contacts: Sequence[str]) -> Message:
    """Return an invitation with the button that accepts it."""
    stamp = Stamp(id=str(given.id), revision=str(given.version)).pack()
    text = "You are invited"
    return message(
        f"{text}. Press Accept to take a license, or a place in line.",
        header(f"👋 {text}"),
        paragraph(
            f"An account has been prepared for you under the address {given.email}, by "
            f"{whom(contacts)}."
        ),
        actions(button("Accept", Act.ACCEPT, stamp, style="primary")),
        context(
            "Who accepts first gets a license first. If none is free, you get a place in line.",
            "The button is yours alone and works for 14 days.",
        ),
    )


def standing(found: Invited, contacts: Sequence[str], stamp: Stamp) -> Message:
    """Return what the message says after its button was pressed; who waits may press it again."""
    if found.status is UserStatus.ACTIVE:
        return _in(found.email, "You are in")
    place = f"Your place in line: {found.place or 1:,}"
    return message(
        f"All licenses are in use. {place}.",
        header("⏳ You are in line"),
        section(
            f"All licenses are in use at the moment. That is not your fault. *{place}.*\n"
            "You keep it, and you are told as soon as a license is yours."
        ),
        paragraph(f"To ask for a license: {whom(contacts)}."),
        actions(button("Is one free by now?", Act.ACCEPT, stamp.pack())),
    )


def void() -> Message:
    """Return what the message says if its button means nothing any more."""
    text = "This invitation is over: it was used, taken back, or is older than 14 days."
    return message(text, section(text), context("Ask your admin for a new one, if you need it."))


def replaced() -> Message:
    """Return what an earlier message says once the invitation was sent anew."""
    text = "This invitation was sent anew: please use the newer message."
    return message(text, context(text))


def welcome(given: ChatInvitation) -> Message:
    """Return the message that a license has become free for somebody who waited."""
    return _in(given.email, "You have a license now")


def _in(email: str, title: str) -> Message:
    return message(
        f"✅ {title}: the account {escape(tidy(email))} is active.",
        header(f"✅ {title}"),
        section(f"The account *{escape(email)}* is active. Sign in as usual."),
    )


def whom(contacts: Sequence[str]) -> str:
    """Return whom one may ask, as plain text."""
    return admins_to_ask(contacts) if contacts else "an admin"
