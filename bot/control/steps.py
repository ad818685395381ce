"""What a cycle for one person found, as a part of its document."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.model.one_person import PersonRun, PersonStep, StepState


class PersonStepDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What one step found; the mapping has the values as `detail`."""

    step: PersonStep
    state: StepState
    text: str
    detail: Mapping[str, str]


class PersonRunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The one person whom a cycle was for; `external_id` is None if nobody was found."""

    asked: str
    external_id: str | None
    steps: tuple[PersonStepDocument, ...]


def person_run(run: PersonRun) -> PersonRunDocument:
    """Describe what was found, step by step."""
    return PersonRunDocument(
        asked=run.asked,
        external_id=run.external_id,
        steps=tuple(
            PersonStepDocument(
                step=each.step, state=each.state, text=each.text, detail=dict(each.detail)
            )
            for each in run.steps
        ),
    )
