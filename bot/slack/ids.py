"""Names that travel through Slack and come back: actions, views, and what a button carries."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum

COMMAND = "/dirsync"


class Act(StrEnum):
    """What a button or menu does; the value is its ``action_id``."""

    RUN = "run"
    """Runs the command in its value, as if typed."""
    PICK = "pick"
    """A menu whose options are commands."""
    APPLY = "apply"
    """Applies the preview in its value."""
    CANCEL = "cancel"
    DETAILS = "details"
    ERRORS = "errors"
    LOG = "log"
    PLAN = "plan"
    AGAIN = "again"
    PAGE = "page"
    """Shows another page of a list, in place of the one it stands under."""
    REVIEW = "review"
    RELEASE = "release"
    REJECT = "reject"
    HELD_CSV = "held_csv"
    LICENSES = "licenses"
    ASK = "ask"
    """Asks so many people whether they still need their license, as its value says."""
    STILL_NEEDED = "still_needed"
    GIVE_BACK = "give_back"
    KEEP = "keep"
    """Keeps licenses back for a group, or releases them, as its value says."""
    ACTIVATE = "activate"
    """Gives the person in its value a license, if that is still where they stand."""
    INVITE = "invite"
    ACCEPT = "accept"
    """Accepts the invitation in its value, for whom it was written to."""
    FREE = "free"
    AUDIT_CSV = "audit_csv"
    """Sends the audit that the command in its value lists."""
    SCHEDULE = "schedule"
    """Saves the schedule in its value."""
    SEEN = "seen"
    """Notes on an alert that somebody has seen it."""
    MUTE = "mute"
    UNMUTE = "unmute"
    STEP = "step"
    """Shows another step of the form that it stands in."""
    SIGN_IN = "sign_in"
    """Opens the form of the configuration in its value where one signs in."""
    ANEW = "anew"
    """Begins that form anew."""
    STAY = "stay"
    """Leaves the person of the conflict in its value with the owner."""
    MOVE = "move"
    RULE = "rule"
    """Decides by priority the conflicts of the digest in its value."""


class ViewId(StrEnum):
    """Callback ids of views."""

    HOME = "home"
    NOTE = "note"
    """Something to read; there is nothing to submit."""
    DISABLE = "disable"
    DELETE = "delete"
    RELEASE = "release"
    REJECT = "reject"
    WIZARD = "wizard"
    """A step of the form for a configuration; which one stands in its metadata."""


def act_of(action_id: object) -> Act | None:
    """Return the act of an ``action_id``, which may carry a number after ``#``, or None."""
    word = action_id.partition("#")[0] if isinstance(action_id, str) else ""
    return Act(word) if word in set(Act) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What a button is bound to: an id, and the revision or digest that was shown."""

    id: str
    revision: str = ""

    def pack(self) -> str:
        """Return the value of a button."""
        return f"{self.id}|{self.revision}"

    @classmethod
    def unpack(cls, value: object) -> Stamp | None:
        """Return the stamp in a value, or None for anything that is none."""
        found = re.fullmatch(
            r"([A-Za-z0-9:_.-]{1,100})\|([A-Za-z0-9:_.+/=-]{0,200})",
            value if isinstance(value, str) else "",
        )
        return cls(id=found[1], revision=found[2]) if found else None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMark:
    """Which step of which draft a modal shows.

    Attributes:
        kind: of the sign-in that was chosen, for judging what is entered without a look at the
            draft.
        kept: there is a secret already.
    """

    draft: str
    step: str
    kind: str = ""
    kept: bool = False

    def pack(self) -> str:
        """Return what the modal carries."""
        return f"{self.draft}|{self.step}|{self.kind}|{'k' if self.kept else '-'}"

    @classmethod
    def unpack(cls, value: object) -> StepMark | None:
        """Return the mark that a modal carries, or None for anything that is none."""
        found = re.fullmatch(
            r"(d-[0-9a-z]{8})\|([a-z]{1,20})\|([a-z0-9-]{0,40})\|([k-])",
            value if isinstance(value, str) else "",
        )
        if not found:
            return None
        return cls(
            draft=found[1],
            step=found[2],
            kind=found[3],
            kept=found[4] == "k",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PageMark:
    """Another page of a list: the command that lists, and where the page starts."""

    command: str
    offset: int

    def pack(self) -> str:
        """Return the value of a button."""
        return f"{self.offset}:{base64.urlsafe_b64encode(self.command.encode()).decode()}"

    @classmethod
    def unpack(cls, value: object) -> PageMark | None:
        """Return the mark in a value, or None for anything that is none."""
        found = re.fullmatch(
            r"([0-9]{1,7}):([A-Za-z0-9_=-]{0,1900})", value if isinstance(value, str) else ""
        )
        if not found:
            return None
        try:
            command = base64.urlsafe_b64decode(found[2]).decode()
        except (binascii.Error, ValueError):
            return None
        return cls(command=command, offset=int(found[1]))


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleMark:
    """A schedule that was shown, for the configuration as it was then."""

    configuration: str
    revision: int
    words: str

    def pack(self) -> str:
        """Return the value of a button."""
        words = base64.urlsafe_b64encode(self.words.encode()).decode()
        return f"{self.configuration}|{self.revision}|{words}"

    @classmethod
    def unpack(cls, value: object) -> ScheduleMark | None:
        """Return the mark in a value, or None for anything that is none."""
        found = re.fullmatch(
            r"([A-Za-z0-9-]{1,40})\|([0-9]{1,9})\|([A-Za-z0-9_=-]{1,800})",
            value if isinstance(value, str) else "",
        )
        if not found:
            return None
        try:
            words = base64.urlsafe_b64decode(found[3]).decode()
        except (binascii.Error, ValueError):
            return None
        return cls(configuration=found[1], revision=int(found[2]), words=words)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReserveMark:
    """So many licenses to keep for a group, with the pool's total and what was kept as shown."""

    group: str
    count: int
    total: int
    kept: int

    def pack(self) -> str:
        """Return the value of a button."""
        group = base64.urlsafe_b64encode(self.group.encode()).decode()
        return f"{self.count}|{self.total}|{self.kept}|{group}"

    @classmethod
    def unpack(cls, value: object) -> ReserveMark | None:
        """Return the mark in a value, or None for anything that is none."""
        found = re.fullmatch(
            r"([0-9]{1,8})\|([0-9]{1,8})\|([0-9]{1,8})\|([A-Za-z0-9_=-]{1,1900})",
            value if isinstance(value, str) else "",
        )
        if not found:
            return None
        try:
            group = base64.urlsafe_b64decode(found[4]).decode()
        except (binascii.Error, ValueError):
            return None
        return cls(group=group, count=int(found[1]), total=int(found[2]), kept=int(found[3]))
