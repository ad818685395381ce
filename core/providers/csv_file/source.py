"""Where the CSV text comes from: a confined file, or a download; and whether it stayed the same."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TextIO

from core.http.client import HttpClient
from core.http.pacing import server_time
from core.providers.references import References

_MINUTE: Final = 60
_LONGEST: Final = 500


class Snapshot:
    """One state of the CSV file, open for reading; `unchanged` says whether it still is.

    Attributes:
        etag: what names this state of a download at its server, or an empty text.
        modified: when the server says that it was changed, if that says enough, or an empty text.
    """

    def __init__(
        self, file: BinaryIO, *, path: Path | None = None, etag: str = "", modified: str = ""
    ) -> None:
        self.file = file
        self.etag = etag
        self.modified = modified
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

    @property
    def requests(self) -> int:
        """How many requests went out so far."""
        ...

    async def open(self) -> Snapshot:
        """Return the present state, or the one that was kept; raise what files and requests do."""
        ...

    async def open_unless(self, *, etag: str, modified: str) -> Snapshot | None:
        """Return the present state, or None if the server says that it is the one named so."""
        ...

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a state for whoever opens the file next, so that it is not fetched again."""
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

    @property
    def requests(self) -> int:
        """None: a file of this machine is opened."""
        return 0

    async def open(self) -> Snapshot:
        """Open the file; raise `ConfigurationError` if it is missing or elsewhere."""
        return await asyncio.to_thread(self._opened)

    async def open_unless(self, *, etag: str, modified: str) -> Snapshot | None:  # noqa: ARG002 - of downloads
        """Open the file: nobody else says whether it is another."""
        return await self.open()

    def keep(self, snapshot: Snapshot) -> None:
        """Keep nothing: opening a file again costs nothing, and shows it as it is."""
        snapshot.close()

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
        self._kept: Snapshot | None = None

    @property
    def place(self) -> str:
        """The host."""
        return self._client.host

    @property
    def requests(self) -> int:
        """How many requests went to it so far."""
        return self._client.requests

    async def open(self) -> Snapshot:
        """Download the file in full, unless one was kept; raise what requests raise."""
        kept, self._kept = self._kept, None
        if kept is not None:
            return kept
        found = await self.open_unless(etag="", modified="")
        assert found is not None  # noqa: S101 - without a condition there is always a body
        return found

    async def open_unless(self, *, etag: str, modified: str) -> Snapshot | None:
        """Download the file unless the server says that it is the one named so."""
        condition = {"If-None-Match": etag} if etag else {}
        if modified and not etag:
            condition = {"If-Modified-Since": modified}
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            headers = await self._client.download("", file, condition=condition)
            if headers is None:
                return None
            file.flush()
            file.seek(0)
            snapshot = Snapshot(
                file, etag=headers.get("etag", "")[:_LONGEST], modified=_strong(headers)
            )
            stack.pop_all()
        return snapshot

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a download for whoever opens the file next."""
        self._drop()
        self._kept = snapshot

    async def aclose(self) -> None:
        """Close all connections."""
        self._drop()
        await self._client.aclose()

    def _drop(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


def _strong(headers: Mapping[str, str]) -> str:
    """Return ``Last-Modified`` if it was a minute old already: then every later change shows."""
    said = headers.get("last-modified", "")
    now = server_time(headers)
    changed = server_time({"date": said})
    if now is None or changed is None or now - changed < _MINUTE or len(said) > _LONGEST:
        return ""
    return said
