"""The license desk: how licenses were used, when they run out, and who could give one up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.model.account import LicenseSummary, UserId
from core.model.asking import Answer
from core.model.reserves import Reserve


@dataclass(frozen=True, kw_only=True, slots=True)
class LicenseDay:
    """How the pool stood when a day (in UTC) ended, or stands now; in people."""

    day: date
    total: int
    used: int
    waiting: int


class Outlook(StrEnum):
    """What a forecast says."""

    RUNS_OUT = "runs_out"
    EXHAUSTED = "exhausted"
    LASTS = "lasts"
    """At this rate not within ten years."""
    TOO_EARLY = "too_early"
    """The use is known for too few days."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """When the licenses run out.

    Attributes:
        day: the first day on which none is free, for RUNS_OUT.
        per_day: by how many licenses the use grew a day.
        over: the days over which that was looked at.
    """

    outlook: Outlook
    day: date | None = None
    per_day: float = 0.0
    over: int = 0


class Unused(StrEnum):
    """Why somebody is on the list of those who could give a license, or an invitation, up."""

    NO_LOGIN = "no_login"
    NOT_ACCEPTED = "not_accepted"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnusedLicense:
    """Somebody who has not made use of what they have.

    Attributes:
        since: the last login or else the activation, or when the invitation was sent.
        answer: how a question whether they still need it stands, or None if they were not asked.
        asked_at: when they were asked last.
    """

    user_id: UserId
    display_name: str
    email: str
    reason: Unused
    since: datetime
    answer: Answer | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LicenseDesk:
    """The pool with its past, its outlook and who could give something up.

    Attributes:
        as_of: the day (in UTC) on which this was looked at.
        days: the last 90 days, oldest first; a day on which nothing changed is not in it.
        idle_days: for how many days somebody made no use of it, to be on the list.
        logins_known: an application tells of logins; without that nobody is called idle.
        no_login: how many hold a license and have not logged in for that long.
        not_accepted: how many were invited that long ago and have not come.
        unused: the first of them, those who hold a license first, longest unused first.
    """

    summary: LicenseSummary
    as_of: date
    days: tuple[LicenseDay, ...]
    forecast: Forecast
    idle_days: int
    logins_known: bool
    no_login: int
    not_accepted: int
    unused: tuple[UnusedLicense, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReserveChange:
    """What it means, or meant, to keep another number of licenses for a group.

    Attributes:
        wanted: the group with the number asked for; 0 keeps none any more.
        label: what names the group and no other.
        members: how many are in the group, and `holding` of them hold a license.
    """

    wanted: Reserve
    kept_before: int
    before: LicenseSummary
    after: LicenseSummary
    holding: int = 0
    label: str = ""
    members: int = 0
