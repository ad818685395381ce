"""The verb that needs nothing: demo."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from bot.cli.demo_world import DemoRequest, DemoWorld, demo_world
from bot.cli.output import Exit, note, plain
from bot.cli.runner import finish
from bot.demo.play import STORY_PEOPLE
from bot.demo.play import play as play_story
from bot.demo.stage import PATIENCE, Figures

MOST_PEOPLE = 100_000
MOST_LICENSES = 10_000_000
_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(demo)


def demo(
    *,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="The page's port; otherwise 8765 or a free one."),
    ] = None,
    people: Annotated[
        int, typer.Option(min=1, max=MOST_PEOPLE, help="How many people the company has.")
    ] = 120,
    licenses: Annotated[
        int, typer.Option(min=0, max=MOST_LICENSES, help="How many licenses the account has.")
    ] = 100,
    database: Annotated[
        str | None,
        typer.Option(help="sqlite:///FILE or postgresql://…, kept afterwards; a demo's or empty."),
    ] = None,
    play: Annotated[
        bool, typer.Option("--play", help="Tell the whole story as text, and end.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=1, hidden=True, help="Seconds that a step of the story may take.")
    ] = PATIENCE,
) -> None:
    """Try dirsync without Slack. A company, a chat page and a mailbox, on this machine only."""
    if play and people < STORY_PEOPLE:
        raise typer.BadParameter(f"The story needs at least {STORY_PEOPLE} people.")
    figures = Figures(people=people, licenses=licenses)
    request = DemoRequest(port=port, figures=figures, database_url=database)
    finish(_demo(request, patience=patience if play else None))


async def _demo(request: DemoRequest, *, patience: float | None) -> int:
    async with _until_signal() as stopped, demo_world(request) as world:
        _introduce(world, request)
        if patience is not None:
            return await _play(world, request, patience, stopped)
        await stopped.wait()
        note("\nThe demo ends.")
    return Exit.SUCCESS


async def _play(
    world: DemoWorld, request: DemoRequest, patience: float, stopped: asyncio.Event
) -> int:
    playing = play_story(world.url, request.figures, tell=_tell, patience=patience)
    story = asyncio.create_task(playing)
    stop = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({story, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not story.done():
            note("\nThe story was interrupted.")
            return _INTERRUPTED
        return Exit.SUCCESS if story.result() else Exit.FAILURE
    finally:
        for task in (story, stop):
            task.cancel()
        await asyncio.gather(story, stop, return_exceptions=True)


@asynccontextmanager
async def _until_signal() -> AsyncIterator[asyncio.Event]:
    """Turn Ctrl-C and SIGTERM into an event, from the first moment on."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for each in signals:
        loop.add_signal_handler(each, stopped.set)
    try:
        yield stopped
    finally:
        for each in signals:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(each)


def _introduce(world: DemoWorld, request: DemoRequest) -> None:
    if world.note:
        _tell(world.note)
    people, licenses = request.figures.people, request.figures.licenses
    where = "is removed at the end" if request.database_url is None else "stays"
    _tell(
        f"""
A company of {people:,}, an account with {licenses:,} licenses, and dirsync between them.

  Chat       {world.url}/
  Directory  {world.url}/directory/   who joins and leaves, and what goes wrong
  Mailbox    {world.url}/mail/   the invitations

Open the chat and type   /dirsync sync
Everything is on this machine, and the database {where}. Ctrl-C ends it.
"""
    )


def _tell(text: str) -> None:
    sys.stdout.write(f"{plain(text)}\n")
    sys.stdout.flush()
