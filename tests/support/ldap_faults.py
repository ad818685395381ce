"""An LDAP relay on the messages in front of a real server, which spoils chosen pages.

It reads just enough BER (RFC 4511 §5.1) to know where a message ends, what it is and to which
request it belongs. A page is an answer to a search that asks for people's addresses.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto

from tests.support.relay import Relay

_RESET = struct.pack("ii", 1, 0)
_SEARCH, _ENTRY, _DONE = 0x63, 0x64, 0x65
_ASKS_FOR_PEOPLE = b"mail"
CODES = {
    "operations_error": 1,
    "protocol_error": 2,
    "time_limit": 3,
    "size_limit": 4,
    "stronger_auth": 8,
    "partial_results": 9,
    "referral": 10,
    "admin_limit": 11,
    "confidentiality": 13,
    "no_such_object": 32,
    "invalid_credentials": 49,
    "no_right": 50,
    "busy": 51,
    "unavailable": 52,
    "unwilling": 53,
    "loop": 54,
    "other": 80,
}


class Fault(StrEnum):
    """What goes wrong with one page, beside the result codes."""

    RESET_BEFORE = auto()
    RESET_BETWEEN = auto()
    END_BETWEEN = auto()
    CUT_MESSAGE = auto()
    SILENCE = auto()
    GARBAGE = auto()
    ENDLESS_LENGTH = auto()
    DISCONNECTION_NOTICE = auto()
    ANOTHER_REQUESTS_ANSWER = auto()
    CONTROL_LOST = auto()
    PAGE_REPEATED = auto()
    ENTRY_TWICE = auto()
    VALUE_NOT_TEXT = auto()
    VALUE_WITH_NUL = auto()
    NO_DONE = auto()


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """One fault: of the wire, or a result code with the page's entries or without."""

    fault: Fault | None = None
    code: int = 0
    entries: bool = True


@dataclass(kw_only=True)
class Page:
    """A page's messages: its entries and, last, that it is done."""

    messages: list[bytes]
    first: Sequence[bytes]


class _StopError(Exception):
    """The connection ends here; `reset` says how."""

    def __init__(self, *, reset: bool) -> None:
        self.reset = reset


def _tagged(tag: int, body: bytes) -> bytes:
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def _parts(message: bytes) -> tuple[bytes, int, bytes]:
    """Return a message's id (as it is encoded), its operation's tag, and what follows the id."""
    start = 2 if message[1] < 128 else 2 + (message[1] & 0x7F)
    end = start + 2 + message[start + 1]
    return message[start:end], message[end], message[end:]


def _result(number: bytes, code: int) -> bytes:
    done = _tagged(_DONE, bytes((0x0A, 1, code)) + b"\x04\x00\x04\x00")
    return _tagged(0x30, number + done)


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    if head[1] < 128:
        return head + await reader.readexactly(head[1])
    more = await reader.readexactly(head[1] & 0x7F)
    return head + more + await reader.readexactly(int.from_bytes(more, "big"))


def _answer(wrong: Wrong, page: Page) -> list[bytes]:
    number, _, _ = _parts(page.messages[-1])
    if wrong.code:
        kept = page.messages[:-1] if wrong.entries else []
        return [*kept, _result(number, wrong.code)]
    return _CHANGES[wrong.fault](page, number)


def _spoiled(bad: bytes) -> Callable[[Page, bytes], list[bytes]]:
    """Put bytes into the first entry's address, as many as were there."""

    def change(page: Page, _: bytes) -> list[bytes]:
        first = page.messages[0].replace(b"@example.com", bad * len(b"@example.com"))
        return [first, *page.messages[1:]]

    return change


def _repeated(page: Page, number: bytes) -> list[bytes]:
    again = [_tagged(0x30, number + _parts(message)[2]) for message in page.first]
    return [*again, page.messages[-1]]


_CHANGES: dict[Fault | None, Callable[[Page, bytes], list[bytes]]] = {
    Fault.CONTROL_LOST: lambda page, number: [*page.messages[:-1], _result(number, 0)],
    Fault.PAGE_REPEATED: _repeated,
    Fault.ENTRY_TWICE: lambda page, _: [page.messages[0], *page.messages],
    Fault.VALUE_NOT_TEXT: _spoiled(b"\xff"),
    Fault.VALUE_WITH_NUL: _spoiled(b"\x00"),
    Fault.NO_DONE: lambda page, _: page.messages[:-1],
    Fault.SILENCE: lambda _, __: [],
    Fault.GARBAGE: lambda _, __: [b"\x16\x03\x01 this is no LDAP at all \x00\xff" * 10],
    Fault.ENDLESS_LENGTH: lambda _, __: [b"\x30\x84\x7f\xff\xff\xff" + b"\x02\x01\x05" * 10],
    Fault.ANOTHER_REQUESTS_ANSWER: lambda page, _: [_result(b"\x02\x02\x7f\x7f", 0)],
}


@dataclass(kw_only=True)
class _Connection:
    writer: asyncio.StreamWriter
    wanted: dict[bytes, list[bytes]] = field(default_factory=dict)


class LdapFaultProxy(Relay):
    """Forwards everything to a port of this machine, and spoils one page.

    Attributes:
        struck: how often the fault was shown.
    """

    def __init__(self, port: int, *, wrong: Wrong, page: int) -> None:
        super().__init__()
        self._to = port
        self._wrong = wrong
        self._page = page
        self._seen = 0
        self._first: list[bytes] = []
        self.struck = 0

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._to)
        connection = _Connection(writer=writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._requests(reader, forth, connection))
                group.create_task(self._answers(back, connection))
        except* _StopError as stops:
            if any(stop.reset for stop in stops.exceptions):
                peer = writer.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except* (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            forth.transport.abort()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        while True:
            message = await _read_message(reader)
            number, tag, _ = _parts(message)
            if tag == _SEARCH and _ASKS_FOR_PEOPLE in message:
                connection.wanted[number] = []
            writer.write(message)
            await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        while True:
            message = await _read_message(reader)
            number, tag, _ = _parts(message)
            gathered = connection.wanted.get(number)
            if gathered is None:
                await self._send(connection, message)
                continue
            gathered.append(message)
            if tag == _DONE:
                del connection.wanted[number]
                await self._deliver(connection, gathered)

    async def _deliver(self, connection: _Connection, messages: list[bytes]) -> None:
        self._seen += 1
        self._first = self._first or messages[:-1]
        if self._seen != self._page:
            await self._send(connection, *messages)
            return
        self.struck += 1
        fault, half = self._wrong.fault, len(messages) // 2
        if fault is Fault.RESET_BEFORE:
            raise _StopError(reset=True)
        if fault in {Fault.RESET_BETWEEN, Fault.END_BETWEEN}:
            await self._send(connection, *messages[:half])
            raise _StopError(reset=fault is Fault.RESET_BETWEEN)
        if fault is Fault.CUT_MESSAGE:
            await self._send(connection, *messages[:half], messages[half][:-3])
            raise _StopError(reset=False)
        if fault is Fault.DISCONNECTION_NOTICE:
            notice = _tagged(0x78, b"\x0a\x01\x34\x04\x00\x04\x00")
            await self._send(connection, _tagged(0x30, b"\x02\x01\x00" + notice))
            raise _StopError(reset=False)
        page = Page(messages=messages, first=self._first)
        await self._send(connection, *_answer(self._wrong, page))

    async def _send(self, connection: _Connection, *messages: bytes) -> None:
        connection.writer.write(b"".join(messages))
        await connection.writer.drain()
