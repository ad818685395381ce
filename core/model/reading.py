"""How much of a directory a cycle reads: everything, or what changed since a watermark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from core.model.cycle import CycleId
from core.model.directory import ExternalId, Watermark


class ReadKind(StrEnum):
    """What a cycle read."""

    FULL = "full"
    DELTA = "delta"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedWatermark:
    """Where the next delta of a configuration begins.

    Attributes:
        basis: what the reading depended on (scope, mapping, provider, decoder); a delta on top of
            another basis would miss people.
        cycle_id: the cycle that read up to it: what was wrong with people then still is, unless
            they are in the delta.
        full_at: when everything was read last.
        people: how many people the provider had up to it, or None if nobody counted.
        nested: the groups that held groups or were held when everything was read last.
    """

    mark: Watermark
    basis: str
    cycle_id: CycleId
    full_at: datetime
    people: int | None = None
    nested: frozenset[ExternalId] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class LastReading:
    """What is known before a cycle reads.

    Attributes:
        saved: the watermark, or None if everything is to be read.
        problems: that cycle left something that is wrong with people.
        conflicts: it left conflicts, which only a whole listing can judge.
    """

    saved: SavedWatermark | None
    problems: bool = False
    conflicts: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingNote:
    """What a cycle reads and, where it was to be a delta and is not, why."""

    kind: ReadKind
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NextReading:
    """Where the next delta of a configuration begins; `saved` is None if it reads everything."""

    saved: SavedWatermark | None


class Repeats(NamedTuple):
    """Who came more than once in a full reading.

    `staged` counts the records that came of people who were staged already, `settled` the settled
    people who came once under the digest that they had and once under another.
    """

    staged: int
    settled: int
