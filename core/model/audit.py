"""The audit as it is read and verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.model.events import AuditEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRecord(AuditEntry):
    """An entry as it is stored.

    Attributes:
        seq: its number, from 1, without a gap.
        previous: the hash of the entry before it.
        hash: SHA-256 over everything that the entry says and `previous`, in hexadecimal.
    """

    seq: int
    previous: str
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPage:
    """Some of the audit, newest first; `total` counts all that match.

    Attributes:
        names: actor id -> name, as far as somebody is known by now.
    """

    entries: tuple[AuditRecord, ...]
    total: int
    offset: int
    limit: int
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPart:
    """A part of an exported audit, oldest first.

    Attributes:
        last: the number of its last entry, where the next part goes on; None at the end.
    """

    name: str
    text: str
    rows: int
    last: int | None


class FaultKind(StrEnum):
    """What is wrong with the chain."""

    CHANGED = "changed"
    """An entry does not say what it said, or has been replaced by another one."""
    MISSING = "missing"
    INSERTED = "inserted"
    """A row that was never appended."""
    MOVED = "moved"
    """An entry stands at another place than its own."""
    HEAD = "head"
    """The end of the chain is not what is stored of it."""
    NOTED = "noted"
    """A hash that was noted elsewhere is in the chain no more, so it was written anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFault:
    """Something wrong with entries `first` to `last`.

    Attributes:
        place: where the first of them stands, if they were moved.
    """

    kind: FaultKind
    first: int
    last: int
    place: int | None = None

    @property
    def sentence(self) -> str:
        """What is wrong, for people."""
        one = self.first == self.last
        which = f"entry {self.first}" if one else f"entries {self.first} to {self.last}"
        stands = "stands" if one else "stand"
        at = f"{stands} at {self.place}" if one else f"{stands} from {self.place} on"
        return {
            FaultKind.CHANGED: f"{which} {'was' if one else 'were'} changed",
            FaultKind.MISSING: f"{which} {'is' if one else 'are'} missing",
            FaultKind.INSERTED: f"the row at {self.first} was inserted"
            if one
            else f"the rows at {self.first} to {self.last} were inserted",
            FaultKind.MOVED: f"{which} {at}",
            FaultKind.HEAD: f"the chain does not end as was stored with entry {self.first}",
            FaultKind.NOTED: "the noted hash is not in the chain: it was written anew or cut",
        }[self.kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditVerdict:
    """What verifying the chain found.

    Attributes:
        entries: how many there should be.
        head: the hash of the last one, to be noted elsewhere; empty without any.
    """

    entries: int
    head: str
    faults: tuple[AuditFault, ...] = ()

    @property
    def whole(self) -> bool:
        """Nothing was changed, taken out, put in or moved."""
        return not self.faults
