"""A directory server that answers the DirSync control by a script, as Windows does.

Beside that it has a root DSE, its base, and people by their objectGUID, which is what a delta asks
for. It reads and writes just enough BER (RFC 4511 §5.1) for that.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

DIRSYNC, PAGED = b"1.2.840.113556.1.4.841", b"1.2.840.113556.1.4.319"
CONTEXT = "DC=win,DC=example,DC=test"
BASE = f"OU=Staff,{CONTEXT}"
BIND, BOUND, SEARCH, ENTRY, DONE = 0x60, 0x61, 0x63, 0x64, 0x65
SEQUENCE, INTEGER, TEXT, ENUMERATED, SET, CONTROLS = 0x30, 2, 4, 10, 0x31, 0xA0
Values = Mapping[str, Sequence[bytes]]
ROOT: Values = {
    "supportedCapabilities": [b"1.2.840.113556.1.4.800"],
    "supportedControl": [DIRSYNC, PAGED],
    "namingContexts": [CONTEXT.encode(), f"CN=Configuration,{CONTEXT}".encode()],
    "configurationNamingContext": [f"CN=Configuration,{CONTEXT}".encode()],
    "dsServiceName": [f"CN=NTDS Settings,CN=DC1,CN=Configuration,{CONTEXT}".encode()],
    "highestCommittedUSN": [b"4711"],
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """One answer to the control; without `control` it lacks its own, `code` refuses."""

    entries: Sequence[Values] = ()
    more: bool = False
    cookie: bytes = b"next"
    control: bool = True
    code: int = 0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request with the control said."""

    base: str
    attributes: frozenset[str]
    critical: bool
    flags: int
    cookie: bytes


@dataclass(kw_only=True)
class ScriptedDomain:
    """What the server holds and is to tell, and what it was asked.

    Attributes:
        filters: those of the other searches, as they were encoded.
    """

    port: int = 0
    people: dict[str, Values] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    filters: list[bytes] = field(default_factory=list)

    def person(self, name: str) -> str:
        """Add somebody and return their id."""
        id_ = uuid.uuid4()
        self.people[f"CN={name},{BASE}"] = {
            "objectGUID": [id_.bytes_le],
            "userPrincipalName": [f"{name}@example.com".encode()],
            "userAccountControl": [b"512"],
        }
        return str(id_)


def changed(id_: str, **values: Sequence[bytes]) -> Values:
    """Return an entry as the control tells it."""
    return {"objectGUID": [uuid.UUID(id_).bytes_le], "instanceType": [b"4"], **values}


@asynccontextmanager
async def scripted_domain() -> AsyncIterator[ScriptedDomain]:
    """Serve on a port of this machine, without encryption."""
    domain = ScriptedDomain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = b""
        try:
            while data := await reader.read(65536):
                buffer += data
                while (end := _length(buffer)) and len(buffer) >= end:
                    writer.write(b"".join(_answers(domain, buffer[:end])))
                    buffer = buffer[end:]
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    domain.port = server.sockets[0].getsockname()[1]
    try:
        yield domain
    finally:
        server.close()


def _length(data: bytes) -> int:
    """Return the length of the first element with its head, or 0 while its head is not there."""
    if len(data) < 2:
        return 0
    if data[1] < 128:
        return 2 + data[1]
    head = 2 + (data[1] & 0x7F)
    return head + int.from_bytes(data[2:head], "big") if len(data) >= head else 0


def _parts(body: bytes) -> list[tuple[int, bytes]]:
    """Return (tag, content) of the elements in a row."""
    found = []
    while body:
        end = _length(body)
        head = 2 if body[1] < 128 else 2 + (body[1] & 0x7F)
        found.append((body[0], body[head:end]))
        body = body[end:]
    return found


def _element(tag: int, *content: bytes) -> bytes:
    """Return an element with its length in four bytes, as Windows writes them."""
    whole = b"".join(content)
    return bytes((tag, 0x84)) + len(whole).to_bytes(4, "big") + whole


def _number(value: int, tag: int = INTEGER) -> bytes:
    return _element(tag, bytes((value,)))


def _message(number: bytes, operation: bytes, control: bytes = b"") -> bytes:
    controls = _element(CONTROLS, control) if control else b""
    return _element(SEQUENCE, _element(INTEGER, number), operation, controls)


def _result(tag: int, code: int = 0) -> bytes:
    return _element(tag, _number(code, ENUMERATED), _element(TEXT), _element(TEXT))


def _control(kind: bytes, *value: bytes) -> bytes:
    return _element(SEQUENCE, _element(TEXT, kind), _element(TEXT, _element(SEQUENCE, *value)))


def _entry(number: bytes, dn: str, values: Values) -> bytes:
    attributes = [
        _element(
            SEQUENCE,
            _element(TEXT, name.encode()),
            _element(SET, *(_element(TEXT, value) for value in held)),
        )
        for name, held in values.items()
    ]
    body = (_element(TEXT, dn.encode()), _element(SEQUENCE, *attributes))
    return _message(number, _element(ENTRY, *body))


def _answers(domain: ScriptedDomain, whole: bytes) -> list[bytes]:
    ((_, body),) = _parts(whole)
    (_, number), (kind, operation), *rest = _parts(body)
    if kind == BIND:
        return [_message(number, _result(BOUND))]
    if kind != SEARCH:
        return []
    controls = {}
    for _, one in _parts(rest[0][1]) if rest else []:
        (_, name), *more = _parts(one)
        controls[name] = more
    request = [content for _, content in _parts(operation)]
    if DIRSYNC in controls:
        return _told(domain, number, request, controls[DIRSYNC])
    entries = [_entry(number, dn, held) for dn, held in _found(domain, request)]
    page = _control(PAGED, _number(0), _element(TEXT))
    return [*entries, _message(number, _result(DONE), page)]


def _told(
    domain: ScriptedDomain,
    number: bytes,
    request: Sequence[bytes],
    control: Sequence[tuple[int, bytes]],
) -> list[bytes]:
    ((_, value),) = _parts(control[-1][1])
    (_, flags), _, (_, cookie) = _parts(value)
    domain.asked.append(
        Asked(
            base=request[0].decode(),
            attributes=frozenset(name.decode() for _, name in _parts(request[7])),
            critical=len(control) > 1 and control[0][1] == b"\xff",
            flags=int.from_bytes(flags, "big"),
            cookie=cookie,
        )
    )
    told = domain.told.pop(0)
    entries = [_entry(number, "", values) for values in told.entries]
    said = (_number(int(told.more)), _number(0), _element(TEXT, told.cookie))
    mine = _control(DIRSYNC, *said) if told.control and not told.code else b""
    return [*entries, _message(number, _result(DONE, told.code), mine)]


def _found(domain: ScriptedDomain, request: Sequence[bytes]) -> list[tuple[str, Values]]:
    base, scope, condition = request[0].decode(), request[1], request[6]
    if scope == b"\x00":
        return [("", ROOT)] if not base else [(base, {"objectGUID": [bytes(16)]})]
    domain.filters.append(condition)
    if b"groupType" in condition:
        return []
    by_id = b"objectGUID" in condition
    return [
        (dn, values)
        for dn, values in domain.people.items()
        if not by_id or values["objectGUID"][0] in condition
    ]
