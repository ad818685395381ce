"""What a cycle for one person found, step by step, for the asker's own eyes."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.blocks import Block, Message, context, header, message, section, table
from bot.slack.limits import escape, tidy
from bot.slack.views import words
from core.model.one_person import PersonRun, PersonStep, StepState
from core.model.views import CycleView

STEPS: Mapping[PersonStep, str] = {
    PersonStep.FOUND: "Found",
    PersonStep.SCOPE: "In scope",
    PersonStep.MATCH: "Matched",
    PersonStep.MAPPING: "Mapped to",
    PersonStep.PLAN: "Planned",
    PersonStep.DONE: "Done",
}
STEP_SIGNS: Mapping[StepState, str] = {
    StepState.OK: "✔",
    StepState.WARNING: "⚠",
    StepState.STOPPED: "✖",
}


def asking(name: str, configuration: str) -> Message:
    """Return the answer while the provider is asked."""
    text = f"🔎 Asking the provider of *{escape(configuration)}* for {escape(name, 200)}."
    return message(text, section(text))


def one_person(view: CycleView) -> Message:
    """Return what was found and done about one person."""
    icon, word = words.state(view.cycle)
    name = view.person.asked if view.person else view.cycle.configuration_name
    blocks = [header(f"{icon} {name}: {word}"), *steps(view.person)]
    error = view.cycle.error
    if error is not None and not (view.person and view.person.steps):
        blocks.append(section(escape(f"{error.message} {error.hint}".rstrip())))
    return message(
        f"{icon} {tidy(name, 100)}: {word}.",
        *blocks,
        context(
            f"`{view.cycle.id}` of {escape(view.cycle.configuration_name)}",
            asked_for(view.cycle.requests),
        ),
    )


def asked_for(requests: int) -> str:
    """Say what finding somebody took; nothing of a file."""
    return f"{words.several(requests, 'request')} to the provider" if requests else ""


def steps(run: PersonRun | None) -> list[Block]:
    """Return the steps as a table; nothing before there are any."""
    if run is None or not run.steps:
        return []
    rows = [
        (STEPS[each.step], STEP_SIGNS[each.state], step_text(each.text, each.detail))
        for each in run.steps
    ]
    return [table(("Step", "State", "What"), rows)]


def step_text(text: str, detail: Mapping[str, str]) -> str:
    """Return what a step found, with the values of the mapping."""
    values = "; ".join(f"{name}: {value}" for name, value in sorted(detail.items()))
    return f"{text} ({values})" if values else text
