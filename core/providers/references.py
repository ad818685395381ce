"""Resolving what a configuration refers to on this machine, and nothing beyond.

An admin of Slack is not an admin of the host: a configuration reaches only the environment
variables and the folder that the host's owner opened for it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import ConfigurationError

VARIABLE_PREFIX: Final = "DIRSYNC_CREDENTIAL_"
_MAX_SECRET_BYTES: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """What the host's owner opened for configurations.

    Attributes:
        credentials_dir: the folder of secrets and CSV files, or None if there is none.
        environ: the environment, or the part of it that may matter.
        stored: reference -> secret, of those that were typed in for this configuration.
    """

    credentials_dir: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    stored: Mapping[str, str] = field(default_factory=dict, repr=False)

    def secret(self, reference: str, *, name: str) -> str:
        """Return the secret that ``env:…``, ``file:…`` or ``stored:…`` refers to, stripped.

        Raises `ConfigurationError` (``secret_literal``, ``secret_missing``, ``secret_invalid``,
        ``reference_refused``); no error contains the secret or a literal given in its place.
        """
        kind, colon, target = reference.partition(":")
        if colon and kind == "env":
            return self._from_environment(target, name)
        if colon and kind == "file":
            return self._from_file(target, name)
        if colon and kind == "stored":
            return self._from_store(reference, name)
        raise ConfigurationError(
            f"{name} must be a reference, not the secret itself.",
            code="secret_literal",
            hint=f"Write env:{VARIABLE_PREFIX}… or file:… and put the secret there.",
        )

    def open_file(self, path: str) -> BinaryIO:
        """Open a regular file below the credentials folder, for reading.

        Links and ``..`` are followed as long as they stay inside. Raises `ConfigurationError`
        (``reference_refused``, ``file_missing``, ``credentials_dir_missing``).
        """
        real = self.locate(path)
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(real, flags)
        except OSError as error:
            raise _missing(path) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _refused(path)
        return os.fdopen(descriptor, "rb")

    def locate(self, path: str) -> Path:
        """Return the real place of a path below the credentials folder, or raise as `open_file`."""
        if self.credentials_dir is None:
            raise ConfigurationError(
                "The configuration refers to a file, but there is no credentials folder.",
                code="credentials_dir_missing",
                hint="Whoever runs dirsync sets DIRSYNC_CREDENTIALS_DIR to a folder.",
            )
        try:
            folder = self.credentials_dir.resolve(strict=True)
            real = (folder / path).resolve(strict=False)
            inside = real != folder and real.is_relative_to(folder)
        except (OSError, RuntimeError, ValueError) as error:
            raise _missing(path) from error
        if not inside:
            raise _refused(path)
        return real

    def _from_environment(self, variable: str, name: str) -> str:
        if not variable.startswith(VARIABLE_PREFIX):
            raise ConfigurationError(
                f"{name} refers to an environment variable that is not for configurations.",
                code="reference_refused",
                hint=f"Only variables that begin with {VARIABLE_PREFIX} can be referred to.",
            )
        value = self.environ.get(variable, "").strip()
        if not value:
            raise _secret_missing(name, f"the environment variable {variable}")
        return value

    def _from_store(self, reference: str, name: str) -> str:
        value = self.stored.get(reference, "")
        if not value:
            raise ConfigurationError(
                f"{name} is not there: it was typed in once and is not kept any more.",
                code="secret_missing",
                hint="Sign the configuration in again.",
            )
        return value

    def _from_file(self, path: str, name: str) -> str:
        with self.open_file(path) as file:
            content = file.read(_MAX_SECRET_BYTES + 1)
        try:
            value = content.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise _secret_invalid(name) from error
        if len(content) > _MAX_SECRET_BYTES or "\x00" in value:
            raise _secret_invalid(name)
        if not value:
            raise _secret_missing(name, "the file that it refers to")
        return value


def _secret_missing(name: str, place: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is not there: {place} is empty or missing.",
        code="secret_missing",
        hint="Whoever runs dirsync puts the secret there.",
    )


def _secret_invalid(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} refers to a file that is too large or no text, so it is no secret.",
        code="secret_invalid",
        hint="The file must hold the bare value only.",
    )


def _refused(path: str) -> ConfigurationError:
    return ConfigurationError(
        f"The path {path!r} does not lead to a regular file inside the credentials folder.",
        code="reference_refused",
        hint="Paths are relative to DIRSYNC_CREDENTIALS_DIR, and links must stay inside it.",
    )


def _missing(path: str) -> ConfigurationError:
    return ConfigurationError(
        f"The file {path!r} is missing from the credentials folder or cannot be read.",
        code="file_missing",
        hint="Check the name and the file's rights.",
    )
