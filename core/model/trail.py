"""One person's story over all cycles, from what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.model.account import User
from core.model.configuration import ConfigurationId
from core.model.cycle import CycleId
from core.model.directory import ExternalId


class TrailKind(StrEnum):
    """What a line of the story is about."""

    CHANGE = "change"
    PROBLEM = "problem"
    HELD = "held"
    INVITATION = "invitation"
    LICENSE = "license"
    DECISION = "decision"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailEvent:
    """One thing that happened to a person.

    Attributes:
        what: stable word: an action, a problem's code, a held set's state, an audited act, …
        text: what happened and why, for people.
        by: the actor's id, or an empty string.
        by_name: how to show the actor, or an empty string.
        until: for a problem that was told in several cycles: when last.
        times: in how many cycles it was told.
        before: the attributes that a change changed, as they were.
        after: likewise, as they are since.
    """

    at: datetime
    kind: TrailKind
    what: str
    text: str
    by: str = ""
    by_name: str = ""
    cycle_id: CycleId | None = None
    configuration: str = ""
    until: datetime | None = None
    times: int = 1
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What a configuration's cycles saw of one person.

    Attributes:
        label: the address or name that the directory gave last.
        first_seen: the first thing that is stored of the person, or None.
        last_seen: the latest cycle with a proven snapshot that had the person, or None.
        last_cycle: that cycle.
        absent_since: when the person was first missing, or None.
        kept: kept although an edit took the person out of scope.
        group_scoped: a group of the scope held the person when last seen.
        until: when the person was given to another configuration, or None.
    """

    configuration_id: ConfigurationId
    configuration: str
    external_id: ExternalId
    label: str
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    last_cycle: CycleId | None = None
    absent_since: datetime | None = None
    kept: bool = False
    group_scoped: bool = False
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A sighting with what it means under the configuration as it is now.

    Attributes:
        scope: whether the person is in scope and by what rule, for people.
        match: by what the record and the person of the account belong together, for people.
        kept: attributes that were written when the person was created, and stay.
    """

    seen: Sighting
    scope: str
    match: str
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonTrail:
    """Everything that is stored of one person, oldest first.

    Attributes:
        name: the address or name to call the person by.
        user: the person in the account, or None for somebody who is not in it.
        earlier: events before the first of `events`, which are left out.
        waits: why somebody waits for a license, and at which place, or an empty string.
    """

    name: str
    user: User | None
    standings: tuple[Standing, ...] = ()
    events: tuple[TrailEvent, ...] = ()
    earlier: int = 0
    waits: str = ""
