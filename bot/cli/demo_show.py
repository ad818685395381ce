"""What the verb demo does: the demo until a signal, and its story as text."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.cli.demo_world import DemoRequest, DemoWorld, demo_world
from bot.cli.output import Exit, note, plain
from bot.demo.play import play as play_story

_INTERRUPTED = 130


async def show(request: DemoRequest, *, patience: float | None) -> int:
    """Run the demo until a signal, or until its story is told if `patience` is given.

    Returns the exit status; raises what `demo_world` raises.
    """
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
