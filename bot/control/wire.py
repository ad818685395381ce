"""The local socket's language: frames of a length and JSON, of one version."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import msgspec

from bot.control.documents import CycleDocument
from bot.control.requests import Request
from core import errors
from core.errors import DirsyncError, StoreUnavailableError

VERSION = 1
MAX_REQUEST = 1_000_000
MAX_REPLY = 128_000_000
_LENGTH = struct.Struct("!I")


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag="asked"):
    """The one frame that a client sends."""

    version: int
    request: Request


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """A cycle that somebody waits for has changed."""

    cycle: CycleDocument


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """The last frame of a request that was carried out; `document` is the reply's JSON."""

    document: msgspec.Raw


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The last frame of a request that failed: an error of `core.errors` by its class's name."""

    kind: str
    code: str
    message: str
    hint: str = ""
    line: int | None = None
    cycle_id: str = ""
    choices: tuple[str, ...] = ()


Frame = Told | Answered | Refused

_asked = msgspec.json.Decoder(Asked)
_frame: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


async def write(writer: asyncio.StreamWriter, frame: object) -> None:
    """Send one frame."""
    body = msgspec.json.encode(frame)
    writer.write(_LENGTH.pack(len(body)) + body)
    await writer.drain()


async def read_asked(reader: asyncio.StreamReader) -> Asked:
    """Return the client's frame. Raises `ValueError` or `EOFError` for anything else."""
    return _asked.decode(await _read(reader, MAX_REQUEST))


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """Return the server's next frame. Raises `StoreUnavailableError` if it hung up."""
    try:
        return _frame.decode(await _read(reader, MAX_REPLY))
    except (ValueError, EOFError, OSError) as error:
        raise StoreUnavailableError(
            "The running dirsync hung up before it had answered.",
            code="control_lost",
            hint="Look at its log; if it has ended, repeat the command.",
        ) from error


async def _read(reader: asyncio.StreamReader, most: int) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > most:
        raise ValueError("a frame is too large")
    return await reader.readexactly(length)


def refusal(error: DirsyncError) -> Refused:
    """Return an error as a frame."""
    return Refused(
        kind=type(error).__name__,
        code=error.code,
        message=error.message,
        hint=error.hint,
        line=getattr(error, "line", None),
        cycle_id=getattr(error, "cycle_id", ""),
        choices=getattr(error, "choices", ()),
    )


def error_of(refused: Refused) -> DirsyncError:
    """Return the error that a frame stands for."""
    if refused.kind == errors.AlreadyRunningError.__name__:
        return errors.AlreadyRunningError(
            refused.message, cycle_id=refused.cycle_id, hint=refused.hint
        )
    found = getattr(errors, refused.kind, DirsyncError)
    known = isinstance(found, type) and issubclass(found, DirsyncError)
    kind: type[DirsyncError] = found if known else DirsyncError
    more: dict[str, Any] = {}
    if issubclass(kind, errors.ConfigurationError):
        more["line"] = refused.line
    if issubclass(kind, errors.UsageError):
        more["choices"] = refused.choices
    return kind(refused.message, code=refused.code, hint=refused.hint, **more)
