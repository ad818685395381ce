"""What stands in front of a real server and passes on, or spoils, what goes by."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Relay(ABC):
    """Accepts connections on a port of this machine, and ends them with its block."""

    def __init__(self, port: int = 0) -> None:
        self._wanted = port
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, and close it."""

    async def __aenter__(self) -> Self:
        await self._listen(self._wanted)
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

    def stop_listening(self) -> None:
        """Refuse connections from now on."""
        self._server.close()

    def shut(self) -> None:
        """Accept no connections any more, and end those that there are."""
        self.stop_listening()
        for task in self._tasks:
            task.cancel()

    async def listen_again(self) -> None:
        """Accept connections again, on the same port."""
        if not self._server.is_serving():
            await self._listen(self.port)

    async def _listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", port)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self._relay(reader, writer)
