"""A TCP relay in front of a real server, which can be shut, or go silent."""

import asyncio
from types import TracebackType
from typing import Self


class Tube:
    """Passes bytes on to a port of this machine, or of another of its loopback addresses.

    Attributes:
        silent: nothing comes back from the server any more; connections stay open.
        connections: how many were accepted so far.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._to = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()
        self.silent = False
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def shut(self) -> None:
        """Accept no connections any more, and end those that there are."""
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        back, forth = await asyncio.open_connection(*self._to)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, forth, answers=False))
                group.create_task(self._pass(back, writer, answers=True))
        except* (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            forth.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while data := await reader.read(65536):
            if not (answers and self.silent):
                writer.write(data)
                await writer.drain()
        raise ConnectionResetError
