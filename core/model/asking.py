"""Asking people whether they still need their license."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.model.account import UserId


class Answer(StrEnum):
    """How a question stands; the value is stored."""

    PENDING = "pending"
    """It is about to be asked."""
    ASKED = "asked"
    UNREACHABLE = "unreachable"
    """There is nobody to write to, or they cannot be written to."""
    KEPT = "kept"
    """The person still needs it."""
    GIVEN_BACK = "given_back"
    VOID = "void"
    """There was nothing to give back any more when it was answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question that is due as a direct message.

    Attributes:
        person: who was found for the address by an earlier attempt, or "".
        attempts: claims before this one.
    """

    id: int
    user_id: UserId
    email: str
    attempts: int
    since: datetime
    person: str = ""

    @property
    def key(self) -> str:
        """The stable name of this very message, by which a duplicate can be told."""
        return f"question:{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """Whom a question would go to, in numbers.

    Attributes:
        due: people without a login for so long who have not been asked lately.
        lately: people without one who were asked within the last 30 days, and are not asked again.
    """

    idle_days: int
    due: int
    lately: int
