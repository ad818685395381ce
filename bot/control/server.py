"""Serving the command line over a socket beside the database file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from bot.control.documents import CycleDocument
from bot.control.perform import Desk, perform
from bot.control.wire import VERSION, Answered, Told, read_asked, refusal, write
from core.app import Core
from core.errors import DirsyncError, NotPermittedError, UsageError
from core.model.account import Actor, Role

_PATIENCE = 10.0
_LONGEST_PATH = 100
_CREDENTIALS = struct.Struct("3i")

_log = structlog.get_logger("dirsync.control")


def local_actor(uid: int | None = None) -> Actor:
    """Return the actor that a user of this system is: an admin by access to the files."""
    number = os.getuid() if uid is None else uid
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    return Actor(id=f"cli:{name}", name=name, role=Role.ADMIN, door="cli")


@contextlib.contextmanager
def dialled(path: Path) -> Iterator[str]:
    """Give a name of a path that fits into a socket address, whose limit is 108 bytes (unix(7)).

    A long one is said by its folder's descriptor (proc(5)).
    """
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@asynccontextmanager
async def control_server(core: Core, path: Path, *, patience: float | None) -> AsyncIterator[None]:
    """Serve requests at `path` (mode 0600) to this user and to root, until the block ends.

    The caller has the database's lock, so that a socket that is there already is stale. Requests
    under way at the end have `patience` seconds to finish; None waits for them.
    """
    _remove(path)
    server = _Server(core)
    before = os.umask(0o177)
    try:
        with dialled(path) as address:
            listener = await asyncio.start_unix_server(server.serve, address)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        listener.close()
        _remove(path)
        await server.end(patience)
        await listener.wait_closed()


class _Server:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, which asks one thing."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            _log.debug("control.connection_dropped", cause=type(error).__name__)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def end(self, patience: float | None) -> None:
        """Let the requests under way finish, then end what is left of them."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            actor = local_actor(_peer(writer))
            asked = await asyncio.wait_for(read_asked(reader), _PATIENCE)
            if asked.version != VERSION:
                raise UsageError(
                    "The running dirsync is another version than this command.",
                    code="version_differs",
                    hint="Restart it, so that both are the same.",
                )

            async def tell(cycle: CycleDocument) -> None:
                await write(writer, Told(cycle=cycle))

            document = await perform(asked.request, Desk(core=self._core, actor=actor, tell=tell))
        except DirsyncError as error:
            await write(writer, refusal(error))
        else:
            await write(writer, Answered(document=msgspec.Raw(msgspec.json.encode(document))))


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _peer(writer: asyncio.StreamWriter) -> int:
    """Return the uid at the other end (SO_PEERCRED, unix(7)); refuse everybody else's."""
    connection = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid = int(_CREDENTIALS.unpack(raw)[1])
    if uid not in {os.getuid(), 0}:
        raise NotPermittedError("Only the user that runs dirsync may use its socket.")
    return uid
