"""Where the CSV text comes from: a confined file, or a download; and whether it stayed the same."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO

from core.http.client import HttpClient
from core.providers.references import References


class Snapshot:
    """One state of the CSV file, open for reading; `unchanged` says whether it still is."""

    def __init__(self, file: BinaryIO, *, path: Path | None = None) -> None:
        self.file = file
        self._path = path
        self._text: TextIO | None = None
        self._before = _stamp(os.fstat(file.fileno()))

    def text(self, encoding: str) -> TextIO:
        """Return the text from its beginning; what does not decode is kept as surrogates."""
        self.file.seek(0)
        self._text = io.TextIOWrapper(
            self.file, encoding=encoding, errors="surrogateescape", newline=""
        )
        return self._text

    def unchanged(self) -> bool:
        """Say whether the file was neither replaced nor written to since it was opened."""
        if _stamp(os.fstat(self.file.fileno())) != self._before:
            return False
        try:
            return self._path is None or _stamp(self._path.stat()) == self._before
        except OSError:
            return False

    def close(self) -> None:
        """Close the file; a download is gone with it."""
        (self._text or self.file).close()


def _stamp(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Source(Protocol):
    """Gives the CSV file as it is now."""

    @property
    def place(self) -> str:
        """What to call it in front of people."""
        ...

    async def open(self) -> Snapshot:
        """Return the present state; raise what files and requests raise."""
        ...

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""
        ...


class LocalSource:
    """A file below the credentials folder."""

    def __init__(self, path: str, references: References) -> None:
        self._path = path
        self._references = references

    @property
    def place(self) -> str:
        """The path as the configuration has it."""
        return self._path

    async def open(self) -> Snapshot:
        """Open the file; raise `ConfigurationError` if it is missing or elsewhere."""
        return await asyncio.to_thread(self._opened)

    def _opened(self) -> Snapshot:
        with ExitStack() as stack:
            file = stack.enter_context(self._references.open_file(self._path))
            snapshot = Snapshot(file, path=self._references.locate(self._path))
            stack.pop_all()
        return snapshot

    async def aclose(self) -> None:
        """Hold nothing open between reads."""
        await asyncio.sleep(0)


class RemoteSource:
    """A file behind an https URL, downloaded to a nameless temporary file."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @property
    def place(self) -> str:
        """The host."""
        return self._client.host

    async def open(self) -> Snapshot:
        """Download the file in full; raise what requests raise."""
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            await self._client.download("", file)
            file.flush()
            file.seek(0)
            snapshot = Snapshot(file)
            stack.pop_all()
        return snapshot

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()
