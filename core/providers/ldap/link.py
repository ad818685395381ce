"""The near end of one bound connection: a worker process, a deadline for every answer."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, ClassVar, Final, Self

import msgspec

from core.errors import TerminalRemoteError, TransientRemoteError
from core.providers.ldap.faults import called, from_result
from core.providers.ldap.wire import LENGTH_BYTES, Answer, Bind, Failed, Found, More, Search, frame

_PASSED_ON: Final = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TMPDIR"}
)
_GRACE: Final = 5.0
_FRESH: Final = 60.0


class Link:
    """One connection, signed in; one request at a time.

    Whoever gives up waiting, or is cancelled, has to `close` it: its answers would be late.

    Attributes:
        worker: the module that runs at the far end.
        answers: what it says.
    """

    worker: ClassVar[str] = "core.providers.ldap.worker"
    answers: ClassVar[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Answer)

    def __init__(self, process: asyncio.subprocess.Process, *, host: str, max_body: int) -> None:
        self._process = process
        self._host = host
        self._max_body = max_body
        self._opened = time.monotonic()
        self._within = 0.0

    @property
    def fresh(self) -> bool:
        """Whether it was opened so lately that the server has not ended it for idling."""
        return self._process.returncode is None and time.monotonic() - self._opened < _FRESH

    @classmethod
    async def open(cls, bind: Bind, *, host: str, max_body: int) -> Self:
        """Return a connection that is signed in. Raises as listings do."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            cls.worker,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(os.environ),
            start_new_session=True,
        )
        link = cls(process, host=host, max_body=max_body)
        async with AsyncExitStack() as unless_bound:
            unless_bound.push_async_callback(link.close)
            await link._ask(bind, within=bind.timeout)
            unless_bound.pop_all()
        return link

    async def begin(self, search: Search) -> Found:
        """Return the first page of a search."""
        self._within = search.timeout
        return self._found(await self._ask(search, within=search.timeout))

    async def more(self) -> Found:
        """Return the next page of the search that was begun last."""
        return self._found(await self._ask(More(), within=self._within))

    async def close(self) -> None:
        """End the connection and its process; safe to call twice."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.shield(self._process.wait())
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _found(self, answer: msgspec.Struct) -> Found:
        if not isinstance(answer, Found):
            raise lost(self._host)
        return answer

    async def _ask(self, request: msgspec.Struct, *, within: float) -> msgspec.Struct:
        answer = await self._answered(request, within=within)
        if isinstance(answer, Failed):
            raise from_result(answer, host=self._host, signing_in=isinstance(request, Bind))
        return answer

    async def _answered(self, request: msgspec.Struct, *, within: float) -> msgspec.Struct:
        """Return what the far end says, be it a failure."""
        try:
            async with asyncio.timeout(within + _GRACE):
                return await self._exchange(frame(request))
        except TimeoutError as error:
            raise TransientRemoteError(
                f"{self._host} did not answer in time.",
                code="timeout",
                hint="It may be overloaded; a smaller page_size can help.",
            ) from error
        except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
            raise lost(self._host) from error

    async def _exchange(self, request: bytes) -> msgspec.Struct:
        out, back = self._process.stdin, self._process.stdout
        if out is None or back is None:
            raise lost(self._host)
        out.write(request)
        await out.drain()
        length = int.from_bytes(await back.readexactly(LENGTH_BYTES), "big")
        if length > self._max_body:
            raise TerminalRemoteError(
                f"{self._host} answered with more than dirsync takes at once.",
                code="too_large",
                hint="Set a smaller page_size.",
            )
        answer: msgspec.Struct = self.answers.decode(await back.readexactly(length))
        return answer


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the worker may see: no secrets, and no libldap settings of this machine."""
    kept = {name: value for name, value in environ.items() if name in _PASSED_ON}
    return {**kept, "LDAPNOINIT": "1"}


def lost(host: str) -> TransientRemoteError:
    """Return the error of a connection that broke."""
    return TransientRemoteError(
        f"{called(host)} broke off before its answer was complete.",
        code="connection_lost",
        hint="dirsync tries again at the next sync.",
    )
