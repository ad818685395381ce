"""HTTP/1.1 (RFC 9112) by h11, over a few connections that are kept open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import h11

from core.http.transport import CheckedTransport

_MAX_CONNECTIONS: Final = 4
_IDLE_SECONDS: Final = 5.0
_MAX_HEAD: Final = 100 * 1024
_PIECE: Final = 64 * 1024

Headers = Sequence[tuple[str, str]]


class BrokenConnectionError(Exception):
    """A connection ended before the answer was complete, or what came is no HTTP."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer of which the body is still to be read.

    Attributes:
        headers: with lower-case names; those of one name are one, separated by commas.
        pieces: the body as it was sent, compressed if it is.
    """

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Wire:
    """Requests and answers over a few connections to one origin.

    Args:
        transport: makes the connections.
        seconds: without a byte of an answer, before it is given up.
    """

    def __init__(self, transport: CheckedTransport, *, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds
        self._turn = asyncio.Semaphore(_MAX_CONNECTIONS)
        self._idle: list[_Connection] = []

    @asynccontextmanager
    async def exchange(
        self, method: str, target: str, headers: Headers, content: bytes | None = None
    ) -> AsyncIterator[Reply]:
        """Send a request; within, its answer can be read.

        Raises what `CheckedTransport.connect` does, `BrokenConnectionError` and `TimeoutError`,
        also from the pieces of the body.
        """
        async with self._turn:
            connection = self._kept() or await self._fresh()
            try:
                yield await connection.ask(method, target, headers, content)
            finally:
                if connection.reusable():
                    self._idle.append(connection)
                else:
                    connection.close()

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        while self._idle:
            connection = self._idle.pop()
            connection.close()
            await connection.closed()

    async def _fresh(self) -> _Connection:
        reader, writer = await self._transport.connect()
        return _Connection(reader, writer, seconds=self._seconds)

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open():
                return connection
            connection.close()
        return None


class _Connection:
    """One connection and the state of what was said on it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, seconds: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._seconds = seconds
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self._loop = asyncio.get_running_loop()
        self._used = 0.0

    async def ask(self, method: str, target: str, headers: Headers, content: bytes | None) -> Reply:
        """Send a request and return the beginning of its answer."""
        try:
            self._writer.write(self._rendered(method, target, headers, content))
            await self._writer.drain()
            head = await self._event()
            while isinstance(head, h11.InformationalResponse):
                head = await self._event()
        except (OSError, h11.ProtocolError) as error:
            raise _lost(error) from error
        if not isinstance(head, h11.Response):
            raise BrokenConnectionError
        return Reply(status=head.status_code, headers=_joined(head.headers), pieces=self._body())

    def reusable(self) -> bool:
        """Make ready for the next request, if the answer was read to its end."""
        self._used = self._loop.time()
        if not self._state.our_state is self._state.their_state is h11.DONE:
            return False
        self._state.start_next_cycle()
        return True

    def is_open(self) -> bool:
        """Say whether another request may go out, as far as is known."""
        fresh = self._loop.time() - self._used < _IDLE_SECONDS
        return fresh and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        """Close at once: answers say themselves where they end."""
        self._writer.transport.abort()

    async def closed(self) -> None:
        """Wait until it is closed."""
        with suppress(OSError):
            await self._writer.wait_closed()

    def _rendered(self, method: str, target: str, headers: Headers, content: bytes | None) -> bytes:
        sent = [*headers] if content is None else [*headers, ("Content-Length", f"{len(content)}")]
        events: list[h11.Event] = [h11.Request(method=method, target=target, headers=sent)]
        if content is not None:
            events.append(h11.Data(data=content))
        events.append(h11.EndOfMessage())
        return b"".join(self._state.send(event) or b"" for event in events)

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            while isinstance(event := await self._event(), h11.Data):
                yield bytes(event.data)
        except (OSError, h11.ProtocolError) as error:
            raise _lost(error) from error

    async def _event(self) -> h11.Event | None:
        """Return what comes next of the answer; None at its end."""
        while (event := self._state.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(self._seconds):
                self._state.receive_data(await self._reader.read(_PIECE))
        return event if isinstance(event, h11.Event) else None


def _lost(error: Exception) -> Exception:
    return error if isinstance(error, TimeoutError) else BrokenConnectionError()


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
