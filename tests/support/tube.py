"""A TCP relay in front of a real server, which can be shut, or go silent."""

import asyncio

from tests.support.relay import Relay


class Tube(Relay):
    """Passes bytes on to a port of this machine, or of another of its loopback addresses.

    Attributes:
        silent: nothing comes back from the server any more; connections stay open.
        connections: how many were accepted so far.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__()
        self._to = (host, port)
        self.silent = False
        self.connections = 0

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
