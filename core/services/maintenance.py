"""Backups."""

from __future__ import annotations

from pathlib import Path

from core.errors import ConflictError, UsageError
from core.model.account import Actor, Role
from core.services.ground import Ground


class MaintenanceService:
    """Looks after the database."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._access = ground.access
        self._audit = ground.audit

    async def backup(self, actor: Actor, target: Path) -> None:
        """Copy the database to a new file while work goes on.

        Raises `ConflictError` (code ``file_exists``), `UsageError` for what cannot be a file's
        name, `StoreError` (``use_pg_dump``).
        """
        await self._access.require(actor, Role.ADMIN, "backup", target.name)
        if _exists(target):
            raise ConflictError(
                f"{target} is there already.", code="file_exists", hint="Name a new file."
            )
        await self._audit.add(self._audit.entry(actor, "backup", target.name))
        await self._store.maintenance.backup(target)


def _exists(target: Path) -> bool:
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    except (OSError, ValueError) as error:
        raise UsageError("That cannot be the name of a file.", hint="Name a new file.") from error
    return True
