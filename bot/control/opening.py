"""Finding the door: this process where the database is free, else the one that has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum
from pathlib import Path

from bot.control.doors import Door, LocalDoor, SocketDoor
from bot.control.server import control_server, dialled, local_actor
from core.app import Core, open_core
from core.errors import ConflictError, StoreUnavailableError
from core.settings import Settings

PATIENCE = 5.0
"""Seconds to wait for somebody who has the database and does not answer yet, or no more."""


class Need(Enum):
    """What a verb needs of a database that its own process opens.

    WORK brings a worker, so that somebody can wait for a cycle.
    """

    READ = "read"
    WRITE = "write"
    WORK = "work"


@asynccontextmanager
async def open_door(settings: Settings, *, need: Need) -> AsyncIterator[Door]:
    """Open the door to whoever has the database.

    On PostgreSQL that is always this process. Raises `StoreUnavailableError` (``no_database``,
    ``control_unreachable``) and what `open_core` raises.
    """
    _refuse_missing(settings, need)
    async with AsyncExitStack() as stack:
        core = await _own(settings, need, stack)
        socket = settings.control_socket
        if core is None and socket is not None:
            yield SocketDoor(socket)
        elif core is not None:
            if socket is not None:
                await stack.enter_async_context(control_server(core, socket, patience=None))
            yield LocalDoor(core, local_actor())


async def _own(settings: Settings, need: Need, stack: AsyncExitStack) -> Core | None:
    """Return this process's core, or None if another process has the database and answers."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while True:
        try:
            return await stack.enter_async_context(
                open_core(
                    settings,
                    notifier=None,
                    background=need is Need.WORK,
                    ticks=False,
                    migrate=settings.database_path is not None,
                )
            )
        except ConflictError as error:
            if error.code != "database_in_use" or settings.control_socket is None:
                raise
        if loop.time() >= until or await answers(settings.control_socket):
            return None
        await asyncio.sleep(0.1)


async def answers(socket: Path) -> bool:
    """Whether somebody serves the socket."""
    try:
        with dialled(socket) as address:
            _, writer = await asyncio.open_unix_connection(address)
    except OSError:
        return False
    writer.close()
    return True


def _refuse_missing(settings: Settings, need: Need) -> None:
    path = settings.database_path
    if need is Need.READ and path is not None and not path.exists():
        raise StoreUnavailableError(
            f"There is no database at {path}.",
            code="no_database",
            hint="Go to its folder, or set DIRSYNC_DATABASE_URL; dirsync db upgrade makes one.",
        )
