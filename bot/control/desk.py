"""The license desk as a document."""

from __future__ import annotations

from datetime import date, datetime

from bot.control.describe import licenses_document
from bot.control.documents import Document, LicensesDocument
from core.model.asking import Answer, Asking
from core.model.desk import LicenseDesk, Outlook, ReserveChange, Unused


class ForecastDocument(Document, frozen=True, kw_only=True):
    """When the licenses run out; `per_day` is how the use grew over the last `over` days."""

    outlook: Outlook
    day: date | None
    per_day: float
    over: int


class LicenseDayDocument(Document, frozen=True, kw_only=True):
    """How the pool stood at the end of a day in UTC."""

    day: date
    total: int
    used: int
    waiting: int


class UnusedDocument(Document, frozen=True, kw_only=True):
    """Somebody who has made no use of a license or an invitation since."""

    who: str
    name: str
    reason: Unused
    since: datetime
    answer: Answer | None = None
    asked_at: datetime | None = None


class LicenseDeskDocument(LicensesDocument, frozen=True, kw_only=True):
    """The pool with its past, its outlook and who could give something up."""

    as_of: date
    forecast: ForecastDocument
    days: tuple[LicenseDayDocument, ...]
    unused_days: int
    logins_known: bool
    no_login: int
    not_accepted: int
    unused: tuple[UnusedDocument, ...]


def desk_document(desk: LicenseDesk) -> LicenseDeskDocument:
    """Describe the license desk."""
    pool = licenses_document(desk.summary)
    fields = {name: getattr(pool, name) for name in pool.__struct_fields__}
    return LicenseDeskDocument(
        **fields,
        as_of=desk.as_of,
        forecast=ForecastDocument(
            outlook=desk.forecast.outlook,
            day=desk.forecast.day,
            per_day=round(desk.forecast.per_day, 3),
            over=desk.forecast.over,
        ),
        days=tuple(
            LicenseDayDocument(day=each.day, total=each.total, used=each.used, waiting=each.waiting)
            for each in desk.days
        ),
        unused_days=desk.idle_days,
        logins_known=desk.logins_known,
        no_login=desk.no_login,
        not_accepted=desk.not_accepted,
        unused=tuple(
            UnusedDocument(
                who=each.email,
                name=each.display_name,
                reason=each.reason,
                since=each.since,
                answer=each.answer,
                asked_at=each.asked_at,
            )
            for each in desk.unused
        ),
    )


class ReserveChangeDocument(Document, frozen=True, kw_only=True):
    """What it means, or meant, to keep `count` licenses for a group; 0 releases them.

    `holding` of the group's `members` hold a license.
    """

    group: str
    count: int
    kept_before: int
    members: int
    holding: int
    before: LicensesDocument
    after: LicensesDocument


def reserve_change_document(change: ReserveChange) -> ReserveChangeDocument:
    """Describe what keeping licenses for a group changes."""
    return ReserveChangeDocument(
        group=change.label,
        count=change.wanted.kept,
        kept_before=change.kept_before,
        members=change.members,
        holding=change.holding,
        before=licenses_document(change.before),
        after=licenses_document(change.after),
    )


class AskingDocument(Document, frozen=True, kw_only=True):
    """Whom a question would go to; with `asked`, to how many it goes."""

    idle_days: int
    due: int
    lately: int
    asked: int | None = None


def asking_document(found: Asking, asked: int | None = None) -> AskingDocument:
    """Describe whom a question would go to."""
    return AskingDocument(
        idle_days=found.idle_days, due=found.due, lately=found.lately, asked=asked
    )
