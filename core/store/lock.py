"""The sidecar lock that keeps an SQLite file to one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from core.errors import ConflictError, StoreUnavailableError


class SidecarLock:
    """An exclusive lock on ``<file>.lock``; the kernel frees it when the process ends."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.name}.lock")
        self._descriptor: int | None = None

    def require(self) -> None:
        """Take the lock again if its file was removed while it was held.

        Raises `StoreUnavailableError` (code ``store_taken``) if another process has taken it by
        then: two that write would damage the database.
        """
        if self._descriptor is None:
            return
        try:
            found = self.path.stat()
        except OSError:
            found = None
        held = os.fstat(self._descriptor)
        if found is not None and (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino):
            return
        before, self._descriptor = self._descriptor, None
        try:
            self.take()
        except ConflictError as error:
            self._descriptor = before
            raise StoreUnavailableError(
                "The database's lock file was removed, and another dirsync process has the "
                "database now.",
                code="store_taken",
                hint="Stop one of the two; the lock file is not to be removed.",
            ) from error
        os.close(before)

    def take(self) -> None:
        """Take the lock.

        Raises `ConflictError` (code ``database_in_use``) if another opening holds it, and
        `StoreUnavailableError` if the file cannot be made.
        """
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise ConflictError(
                f"{self.path.with_suffix('').name} is in use by another dirsync process"
                f"{f' (process {holder})' if holder else ''}.",
                code="database_in_use",
                hint="Stop that process first, or use another database.",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailableError(
                f"The folder of the database cannot be written: {error.strerror}.",
                code="store_read_only",
                hint=f"Check that {self.path.parent} exists and may be written by this user.",
            ) from error

    def release(self) -> None:
        """Let go; safe to call twice. The file stays, because removing it would race."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
