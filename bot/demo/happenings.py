"""What can befall the demo's directory: the actions, the troubles, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.demo.company import Person


class Condition(StrEnum):
    """How the provider answers."""

    NORMAL = "normal"
    DOWN = "down"  # 503 on everything
    REFUSING = "refusing"  # the connection breaks without an answer
    HALF = "half"  # announces all people, sends half of them, then nothing
    CUT = "cut"  # the second half breaks off inside a page
    SLOW = "slow"  # waits before each answer
    WRONG_TOKEN = "wrong-token"  # noqa: S105 - the name of a condition


@dataclass(frozen=True, kw_only=True)
class Happening:
    """What an action did, in words for the person who pressed the button.

    Attributes:
        text: what is now so.
        next_step: what to type in the chat to see the effect.
    """

    action: str
    text: str
    next_step: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that can befall the directory, as a button and as a door.

    Attributes:
        name: the word in the address, ``do/{name}``.
        label: the words on the button, with ``{n}`` for the number of people.
        people: how many people it concerns when nothing is said, or None when it takes no number.
    """

    name: str
    label: str
    heading: str
    people: int | None = None

    @property
    def button(self) -> str:
        """The words on the button."""
        return self.label.format(n=self.people)


_LIFE, _TROUBLE, _BACK = "People come and go", "The provider is in trouble", "Take it back"
ACTIONS = (
    Action(name="joiners", label="{n} joiners", heading=_LIFE, people=10),
    Action(name="leavers", label="{n} leavers", heading=_LIFE, people=3),
    Action(name="disable", label="Disable one", heading=_LIFE, people=1),
    Action(name="change-email", label="Someone changes e-mail", heading=_LIFE, people=1),
    Action(name="rename", label="Rename someone", heading=_LIFE, people=1),
    Action(name="move", label="Someone changes department", heading=_LIFE, people=1),
    Action(name="everybody-gone", label="Everybody gone", heading=_TROUBLE),
    Action(name="down", label="Provider down", heading=_TROUBLE),
    Action(name="refuse", label="Connections break", heading=_TROUBLE),
    Action(name="half", label="Half a listing", heading=_TROUBLE),
    Action(name="cut", label="Answers cut off", heading=_TROUBLE),
    Action(name="slow", label="Slow answers", heading=_TROUBLE),
    Action(name="wrong-token", label="Token refused", heading=_TROUBLE),
    Action(name="everyone-back", label="Everyone back", heading=_BACK),
    Action(name="normal", label="Back to normal", heading=_BACK),
    Action(name="undo", label="Undo the last step", heading=_BACK),
    Action(name="restart", label="Start again", heading=_BACK),
)

TROUBLES = {
    "down": (Condition.DOWN, "The provider is down: it answers 503 to everything."),
    "refuse": (Condition.REFUSING, "The provider drops every connection without an answer."),
    "half": (Condition.HALF, "The provider announces everybody, but lists only half of them."),
    "cut": (Condition.CUT, "The provider's answers break off in the second half of the listing."),
    "slow": (Condition.SLOW, "The provider takes its time before every answer."),
    "wrong-token": (Condition.WRONG_TOKEN, "The provider refuses dirsync's token with 401."),
}


def names(people: Iterable[Person], *, most: int = 3) -> str:
    """The first few by name, and how many more."""
    shown = [person.display_name for person in people]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def seen(person: Person, what: str) -> str:
    """The person's e-mail or name, whichever changed."""
    return person.email if what == "e-mail" else person.display_name
