"""A running cycle on the terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bot.cli.output import err, note
from bot.control.documents import CycleDocument
from bot.control.perform import Tell
from bot.slack.views import words
from bot.slack.views.run_card import TITLES
from core.model.cycle import CycleState, Step


@asynccontextmanager
async def shown_progress() -> AsyncIterator[Tell]:
    """Yield what to tell of a cycle: a bar on a terminal, else a line per step, on stderr."""
    console = err()
    if not console.is_terminal:
        yield _Lines().tell
        return
    with _bar(console) as progress:
        task = progress.add_task("Queued", total=None)

        async def tell(cycle: CycleDocument) -> None:
            step, detail = describe(cycle)
            of = None if cycle.progress is None else cycle.progress.total
            done = 0 if cycle.progress is None else cycle.progress.done
            progress.update(task, description=f"{step} {detail}".strip(), total=of, completed=done)

        yield tell


def describe(cycle: CycleDocument) -> tuple[str, str]:
    """Return the step's name and a detail, such as ("Read", "2,000 people on 2 pages")."""
    progress = cycle.progress
    if cycle.state is CycleState.QUEUED:
        return "Queued", ""
    if progress is None:
        return TITLES[Step.CONNECT], ""
    if progress.step is Step.READ:
        pages = words.several(progress.pages, "page")
        return TITLES[Step.READ], f"{words.people(progress.read)} on {pages}"
    if progress.total is not None:
        return TITLES[progress.step], f"{progress.done:,} of {progress.total:,}"
    return TITLES[progress.step], ""


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


class _Lines:
    def __init__(self) -> None:
        self._shown = ""

    async def tell(self, cycle: CycleDocument) -> None:
        step, detail = describe(cycle)
        if cycle.state is CycleState.FINISHED or step == self._shown:
            return
        self._shown = step
        note(f"{cycle.id} {step} {detail}".strip())
