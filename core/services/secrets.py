"""Secrets that people type: sealed at once, opened only for the provider they belong to.

The key is derived from ``DIRSYNC_SECRET_KEY`` (HKDF, RFC 5869), or generated into a file of mode
0600 beside the SQLite file. Sealed with Fernet (AES-128-CBC and HMAC-SHA256).
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import ConfigurationError, UsageError
from core.model.account import Actor, Role
from core.model.configuration import ProviderSettings
from core.ports import Clock
from core.services.access import AccessService
from core.services.audit import AuditService
from core.settings import CREDENTIAL_PREFIX, Settings
from core.store.opening import Store
from core.store.secrets import PREFIX

SHORTEST_KEY = 16
LONGEST_SECRET = 20_000
_REFERENCE = re.compile(rf"env:{CREDENTIAL_PREFIX}[A-Z0-9_]+|file:[^/].*|stored:s-[0-9a-z]{{8}}")


def stored_references(provider: ProviderSettings) -> list[str]:
    """Return the references to typed secrets among a provider's settings."""
    values = [getattr(provider, each.name) for each in fields(provider)]
    return [each for each in values if isinstance(each, str) and each.startswith(PREFIX)]


def is_reference(text: str) -> bool:
    """Say whether what somebody entered refers to a secret instead of being one."""
    return _REFERENCE.fullmatch(text) is not None


class SecretService:
    """Seals and opens secrets, and changes the key."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        clock: Clock,
        access: AccessService,
        audit: AuditService,
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._access = access
        self._audit = audit

    async def refer(self, actor: Actor, text: str) -> str:
        """Return the reference that stands for what somebody typed. Admins only.

        A reference is returned as it is; anything else is a secret, and is sealed and kept.
        Raises `ConfigurationError` (``secret_key_missing``, ``key_file_unusable``).
        """
        await self._access.require(actor, Role.ADMIN, "secrets.keep")
        if is_reference(text):
            return text
        if not text.strip() or len(text) > LONGEST_SECRET:
            raise UsageError(f"A secret has from 1 to {LONGEST_SECRET:,} characters.")
        sealed = self._keys(make=True).encrypt(text.strip().encode()).decode()
        reference = await self._store.secrets.put(sealed, by=actor.id, now=self._clock.now())
        await self._audit.add(self._audit.entry(actor, "secrets.keep", reference))
        return reference

    async def open(self, references: Collection[str]) -> dict[str, str]:
        """Return reference -> secret, of those that are kept here.

        Raises `ConfigurationError` (code ``secret_sealed``) if the key is another one by now.
        """
        sealed = await self._store.secrets.get(references)
        if not sealed:
            return {}
        keys = self._keys(make=False)
        try:
            return {name: keys.decrypt(each.encode()).decode() for name, each in sealed.items()}
        except InvalidToken:
            raise _sealed() from None

    async def rotate(self, actor: Actor) -> tuple[int, int]:
        """Seal everything with the newest key; return (sealed anew, dropped as unused).

        A generated key is replaced by a new one. Of several keys in ``DIRSYNC_SECRET_KEY`` the
        first is the newest; the others can be taken away afterwards.
        """
        await self._access.require(actor, Role.ADMIN, "secrets.rotate")
        path = self._key_file()
        keys = self._keys(make=True)
        if path is not None:
            keys = MultiFernet([Fernet(key) for key in _add_key(path)])

        def again(sealed: str) -> str:
            try:
                return keys.rotate(sealed.encode()).decode()
            except InvalidToken:
                raise _sealed() from None

        done = await self._store.secrets.seal_again(again)
        if path is not None:
            _write(path, _read(path)[:1])
        await self._audit.add(
            self._audit.entry(actor, "secrets.rotate", "secrets", sealed=done[0], dropped=done[1])
        )
        return done

    def _key_file(self) -> Path | None:
        """Return where a generated key is, or None where the settings have the key."""
        if self._settings.secret_key is not None:
            return None
        database = self._settings.database_path
        if database is None:
            raise ConfigurationError(
                "A secret can be typed in only if there is a key to keep it with.",
                code="secret_key_missing",
                hint="Whoever runs dirsync sets DIRSYNC_SECRET_KEY, the same for every replica; or "
                f"give a reference such as env:{CREDENTIAL_PREFIX}SCIM.",
            )
        return database.with_name(database.name + ".key")

    def _keys(self, *, make: bool) -> MultiFernet:
        path = self._key_file()
        if path is None:
            given = self._settings.secret_key
            words = given.get_secret_value().split(",") if given else []
            return MultiFernet([Fernet(_derived(word.strip())) for word in words])
        if make and not path.exists():
            _write(path, [Fernet.generate_key()])
        return MultiFernet([Fernet(key) for key in _read(path)])


def _derived(word: str) -> bytes:
    if len(word) < SHORTEST_KEY:
        raise ConfigurationError(
            f"Each key in DIRSYNC_SECRET_KEY needs at least {SHORTEST_KEY} characters.",
            code="secret_key_short",
        )
    key = HKDF(algorithm=SHA256(), length=32, salt=b"dirsync", info=b"secrets").derive(
        word.encode()
    )
    return base64.urlsafe_b64encode(key)


def _read(path: Path) -> list[bytes]:
    try:
        keys = path.read_bytes().split()
        for key in keys:
            Fernet(key)
    except (OSError, ValueError) as error:
        raise _unusable(path) from error
    if not keys:
        raise _unusable(path)
    return keys


def _write(path: Path, keys: list[bytes]) -> None:
    """Write the key file whole or not at all, readable by its owner only."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"\n".join(keys) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise _unusable(path) from error


def _add_key(path: Path) -> list[bytes]:
    keys = [Fernet.generate_key(), *_read(path)]
    _write(path, keys)
    return keys


def _unusable(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"The key file {path.name} beside the database cannot be used.",
        code="key_file_unusable",
        hint="Restore it from the backup, or type the secrets in again.",
    )


def _sealed() -> ConfigurationError:
    return ConfigurationError(
        "A stored secret cannot be opened: it was sealed with another key.",
        code="secret_sealed",
        hint="Restore DIRSYNC_SECRET_KEY or the key file, or sign the configuration in again.",
    )
