"""One person on demand: the steps of a cycle that reads nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.model.cycle import CycleId
from core.model.directory import ExternalId


class PersonStep(StrEnum):
    """The steps, in order."""

    FOUND = "found"
    SCOPE = "scope"
    MATCH = "match"
    MAPPING = "mapping"
    PLAN = "plan"
    DONE = "done"


class StepState(StrEnum):
    """How a step came out; nothing follows one that stopped."""

    OK = "ok"
    WARNING = "warning"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepNote:
    """What one step found.

    Attributes:
        text: what was found and why, for people; it may name the person.
        detail: for the mapping: account attribute -> value.
    """

    step: PersonStep
    state: StepState
    text: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRun:
    """A cycle for one person.

    Attributes:
        asked: how the person was named: id, user name or e-mail.
        external_id: whom the provider has under that name, or None.
        steps: empty until the cycle is through.
    """

    cycle_id: CycleId
    asked: str
    external_id: ExternalId | None = None
    steps: tuple[StepNote, ...] = ()
