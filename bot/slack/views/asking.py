"""Asking people first: the admin's question, the direct message, and how the answers stand."""

from __future__ import annotations

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
from bot.slack.views import words
from core.model.asking import Answer, Asking, Question
from core.model.desk import UnusedLicense

ANSWERS = {
    Answer.PENDING: "about to be asked",
    Answer.ASKED: "asked, no answer yet",
    Answer.UNREACHABLE: "cannot be asked in Slack",
    Answer.KEPT: "still needs it",
    Answer.GIVEN_BACK: "gave it back",
    Answer.VOID: "had none any more",
}


def answer_of(person: UnusedLicense) -> str:
    """Return what is known of somebody's answer; plain text."""
    if person.answer is None or person.asked_at is None:
        return ""
    return f"{ANSWERS[person.answer]} ({person.asked_at:%Y-%m-%d})"


def effect(asking: Asking) -> str:
    """Return what asking would mean, in numbers; plain text."""
    days = words.several(asking.idle_days, "day")
    lately = ""
    if asking.lately:
        were = "was" if asking.lately == 1 else "were"
        lately = f" {asking.lately:,} more {were} asked within the last 30 days and not again."
    if not asking.due:
        return f"There is nobody to ask: without a login for {days}.{lately}"
    hold = "holds a license and has" if asking.due == 1 else "hold a license and have"
    return (
        f"{words.people(asking.due)} {hold} not logged in for {days}. Each gets a direct message "
        f"with the buttons “I still need it” and “Give it back”.{lately}"
    )


def ask_question(asking: Asking) -> Message:
    """Return the question whether to ask them."""
    said = effect(asking)
    if not asking.due:
        return message(said, section(said))
    number = words.people(asking.due)
    sure = confirm(
        f"Ask {number}?", "Nobody loses a license by it.", yes="Ask", no="Not now", danger=False
    )
    stamp = Stamp(id=str(asking.idle_days), revision=str(asking.due)).pack()
    ask = button(f"Ask {number}", Act.ASK, stamp, style="primary", confirm=sure)
    return message(f"Ask {number}? {said}", section(said), actions(ask))


def asked(count: int) -> Message:
    """Return that people are being asked."""
    text = f"{words.people(count)} {'is' if count == 1 else 'are'} being asked."
    answers = button("See the answers", Act.RUN, "licenses --unused=30d")
    return message(text, section(text), actions(answers))


def question(given: Question) -> Message:
    """Return the direct message to somebody who has not used their license."""
    stamp = Stamp(id=str(given.id)).pack()
    sure = confirm(
        "Give it back?",
        "You lose access until you activate again, as soon as a license is free.",
        yes="Give it back",
        no="Keep it",
        danger=False,
    )
    text = "Do you still need your license?"
    return message(
        f"{text} You have not signed in for a while.",
        header(f"🎫 {text}"),
        paragraph(
            f"The account {given.email} holds a license and has not signed in for a while. Others "
            "may be waiting for one."
        ),
        actions(
            button("I still need it", Act.STILL_NEEDED, stamp, style="primary"),
            button("Give it back", Act.GIVE_BACK, stamp, confirm=sure),
        ),
        context("Nothing happens if you do not answer. The buttons are yours alone."),
    )


def answered(said: Answer | None, stamp: Stamp) -> Message:
    """Return what the message says once it was answered; who needs it may still give it back."""
    if said is Answer.KEPT:
        text = "✅ Noted: you still need your license, and keep it."
        back = button("Give it back after all", Act.GIVE_BACK, stamp.pack())
        return message(text, section(text), actions(back))
    if said is Answer.GIVEN_BACK:
        text = "Thank you: the license is free for somebody else. If you need one again, sign in."
        return message(text, section(text))
    text = "This question is over: it was answered, or there is no license to give back."
    return message(text, section(text))
