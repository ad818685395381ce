"""One person's story as the document of `dirsync why`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.control.describe import user_document
from bot.control.documents import Document, UserDocument
from core.model.configuration import ConfigurationId
from core.model.trail import PersonTrail, Standing, TrailEvent, TrailKind


class StandingDocument(Document, frozen=True, kw_only=True):
    """What one configuration's cycles saw of the person, and what follows from it now."""

    configuration: str
    external_id: str
    label: str
    first_seen: datetime | None
    last_seen: datetime | None
    last_cycle: str | None
    absent_since: datetime | None
    kept: bool
    scope: str
    match: str
    only_on_create: tuple[str, ...]


class TrailEventDocument(Document, frozen=True, kw_only=True):
    """One thing that happened; `until` and `times` are of a problem told in several cycles."""

    at: datetime
    kind: TrailKind
    what: str
    text: str
    by: str
    by_name: str
    cycle: str | None
    configuration: str
    until: datetime | None
    times: int
    before: Mapping[str, object]
    after: Mapping[str, object]


class WhyDocument(Document, frozen=True, kw_only=True):
    """One person's story, oldest first; `earlier` events are left out."""

    name: str
    user: UserDocument | None
    standings: tuple[StandingDocument, ...]
    events: tuple[TrailEventDocument, ...]
    earlier: int
    waits: str = ""


def why_document(trail: PersonTrail, names: dict[ConfigurationId, str]) -> WhyDocument:
    """Describe one person's story; `names` are the configurations' names."""
    return WhyDocument(
        name=trail.name,
        user=None if trail.user is None else user_document(trail.user, names),
        standings=tuple(_standing(each) for each in trail.standings),
        events=tuple(_event(each) for each in trail.events),
        earlier=trail.earlier,
        waits=trail.waits,
    )


def _standing(standing: Standing) -> StandingDocument:
    seen = standing.seen
    return StandingDocument(
        configuration=seen.configuration,
        external_id=seen.external_id,
        label=seen.label,
        first_seen=seen.first_seen,
        last_seen=seen.last_seen,
        last_cycle=seen.last_cycle,
        absent_since=seen.absent_since,
        kept=seen.kept,
        scope=standing.scope,
        match=standing.match,
        only_on_create=standing.kept,
    )


def _event(event: TrailEvent) -> TrailEventDocument:
    return TrailEventDocument(
        at=event.at,
        kind=event.kind,
        what=event.what,
        text=event.text,
        by=event.by,
        by_name=event.by_name,
        cycle=event.cycle_id,
        configuration=event.configuration,
        until=event.until,
        times=event.times,
        before=dict(event.before),
        after=dict(event.after),
    )
