"""The two ways to have a request carried out: in this process, or by the one that runs."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from bot.control.documents import Document
from bot.control.perform import Desk, Tell, perform
from bot.control.requests import Request
from bot.control.server import dialled
from bot.control.wire import VERSION, Asked, Refused, Told, error_of, read_frame, write
from core.app import Core
from core.errors import StoreUnavailableError
from core.model.account import Actor

D = TypeVar("D", bound=Document)


class Door(Protocol):
    """Where a request is handed in."""

    async def ask(self, request: Request, reply: type[D], *, tell: Tell) -> D:
        """Return the reply, telling of the cycle meanwhile; raises only `DirsyncError`."""
        ...


class LocalDoor:
    """Carries requests out in this process, which has the store open.

    Attributes:
        core: what carries them out.
    """

    def __init__(self, core: Core, actor: Actor) -> None:
        self.core = core
        self._actor = actor

    async def ask(self, request: Request, reply: type[D], *, tell: Tell) -> D:
        """Return the reply."""
        document = await perform(request, Desk(core=self.core, actor=self._actor, tell=tell))
        if not isinstance(document, reply):
            raise TypeError(f"{type(request).__name__} is answered by {type(document).__name__}")
        return document


class SocketDoor:
    """Has requests carried out by the process that serves the socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, request: Request, reply: type[D], *, tell: Tell) -> D:
        """Return the reply."""
        reader, writer = await self._dial()
        try:
            await write(writer, Asked(version=VERSION, request=request))
            while isinstance(frame := await read_frame(reader), Told):
                await tell(frame.cycle)
        except OSError as error:
            raise _unreachable(self._path) from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if isinstance(frame, Refused):
            raise error_of(frame)
        return msgspec.json.decode(frame.document, type=reply)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            with dialled(self._path) as address:
                return await asyncio.open_unix_connection(address)
        except OSError as error:
            raise _unreachable(self._path) from error


def _unreachable(path: Path) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"Another process has the database, and it does not answer at {path}.",
        code="control_unreachable",
        hint="It may be starting or ending, or be another user's. Try again in a moment.",
    )
