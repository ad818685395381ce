"""A small HTTP proxy on the bytes in front of a real server, which spoils chosen answers.

::

    async with FaultProxy(backend.url) as proxy:
        proxy.inject(Fault.RESET_MID_BODY, page=2, path="/Users")
        ... read from proxy.url ...

A page's number is the order in which its request was first seen, so that a retry of page 2 is
page 2 again and meets the same fault (`times` bounds how often it strikes).
"""

import asyncio
import socket
import struct
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.support.faults import CHANGES, Change, Circumstances, Fault, Reply, Wire
from tests.support.relay import Relay

_RESET = struct.pack("ii", 1, 0)
_DRIP_SECONDS = 0.05
_KEPT = frozenset({"content-type", "date", "location", "link"})


@dataclass(kw_only=True)
class Injection:
    """One fault in waiting; `struck` counts its turns, `changed` those that changed an answer."""

    fault: Fault | Change
    page: int | None
    path: str
    times: int | None
    struck: int = 0
    changed: int = 0

    def meets(self, path: str, page: int) -> bool:
        in_time = self.times is None or self.struck < self.times
        return in_time and path.endswith(self.path) and self.page in {None, page}


@dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    target: str
    raw: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


class FaultProxy(Relay):
    """Forwards everything to `upstream`, and spoils what `inject` says.

    Args:
        upstream: base URL of the real server, plain http.
        memory: where answers to GETs are kept and looked up, for suites that read the same pages
            often; several proxies can share one.
        port: where to listen; 0 takes a free one.
    """

    def __init__(
        self, upstream: str, *, memory: dict[bytes, Reply] | None = None, port: int = 0
    ) -> None:
        super().__init__(port)
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._base = parts.path
        self._memory = memory
        self._pages: dict[str, list[str]] = {}
        self._first: dict[str, Reply] = {}
        self.injections: list[Injection] = []
        self.targets: list[str] = []

    def inject(
        self,
        fault: Fault | Change,
        *,
        page: int | None = 1,
        path: str = "/Users",
        times: int | None = None,
    ) -> Injection:
        """Spoil the n-th page of a path (None: every page), by a fault or a change of its own."""
        injection = Injection(fault=fault, page=page, path=path, times=times)
        self.injections.append(injection)
        return injection

    def reset(self) -> None:
        """Forget the faults and start counting pages again; remembered answers stay."""
        self.injections.clear()
        self.targets.clear()
        self._pages.clear()
        self._first.clear()

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return f"http://127.0.0.1:{self.port}{self._base}"

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        else:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read_request(reader)
        self.targets.append(request.target)
        reply = await self._answered(request)
        await self._deliver(self._spoilt(request, reply), writer)

    async def _answered(self, request: _Request) -> Reply:
        if self._memory is None or request.method != "GET":
            return await self._forwarded(request)
        key = b"".join(line for line in request.raw.splitlines() if not line.startswith(b"host:"))
        if key not in self._memory:
            self._memory[key] = await self._forwarded(request)
        return self._memory[key]

    async def _forwarded(self, request: _Request) -> Reply:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(request.raw)
            await writer.drain()
            return _parse_reply(await reader.read())
        finally:
            writer.close()
            await writer.wait_closed()

    def _spoilt(self, request: _Request, reply: Reply) -> Reply:
        seen = self._pages.setdefault(request.path, [])
        if request.target not in seen:
            seen.append(request.target)
        first = self._first.setdefault(request.path, reply)
        page = seen.index(request.target) + 1
        for injection in self.injections:
            if injection.meets(request.path, page):
                injection.struck += 1
                circumstances = Circumstances(
                    first=first, target=request.target, strikes=injection.struck
                )
                fault = injection.fault
                change = CHANGES[fault] if isinstance(fault, Fault) else fault
                spoilt = change(reply, circumstances)
                injection.changed += spoilt != reply
                reply = spoilt
        return reply

    async def _deliver(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        if reply.wire is Wire.REFUSE:
            self.stop_listening()
        if reply.wire in {Wire.REFUSE, Wire.RESET_FIRST}:
            _abort(writer)
            return
        head, half = _head(reply), len(reply.body) // 2
        if reply.wire is Wire.DRIP:
            await _drip(head, reply.body, writer)
            return
        whole = reply.wire is Wire.WHOLE
        writer.write(head + (reply.body if whole else reply.body[:half]))
        await writer.drain()
        if reply.wire is Wire.RESET_HALFWAY:
            await asyncio.sleep(_DRIP_SECONDS)
            _abort(writer)


async def _drip(head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(head)
    for position in range(len(body)):
        writer.write(body[position : position + 1])
        await writer.drain()
        await asyncio.sleep(_DRIP_SECONDS)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Reset the connection instead of ending it."""
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader) -> _Request:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ", 2)
    headers = dict(_pair(one) for one in lines if one)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    kept = {**headers, "connection": "close", "accept-encoding": "identity"}
    rest = "".join(f"{name}: {value}\r\n" for name, value in kept.items())
    raw = f"{method} {target} HTTP/1.0\r\n{rest}\r\n".encode("latin-1") + body
    return _Request(method=method, target=target, raw=raw)


def _parse_reply(raw: bytes) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    kept: dict[str, str] = {}
    for name, value in map(_pair, lines):
        if name in _KEPT:
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return Reply(status=int(line.split(" ")[1]), headers=kept, body=body)


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _head(reply: Reply) -> bytes:
    headers = {**reply.headers, "content-length": str(len(reply.body)), "connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} Injected\r\n{lines}\r\n".encode("latin-1")
