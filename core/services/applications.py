"""Applications that may tell dirsync of logins: their tokens are made and revoked by admins."""

from __future__ import annotations

import re
import secrets

from core.errors import UsageError
from core.model.account import Actor, Role
from core.model.application import Application
from core.services.ground import Ground

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
_PREFIX = "dsa_"
_TOKEN_BYTES = 32
_TOKEN = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")
"""What `secrets.token_urlsafe` makes of so many bytes, after the prefix."""


class ApplicationService:
    """Makes, lists and revokes tokens, and knows whose a token is."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices

    async def list(self, actor: Actor) -> list[Application]:
        """Return the applications by name, those that were revoked last. Admins only."""
        await self._access.require(actor, Role.ADMIN, "apps")
        return await self._store.applications.all()

    async def create(self, actor: Actor, name: str) -> tuple[Application, str]:
        """Make a token for an application and return it: nothing can show it again.

        Admins only. Raises `UsageError` for a name that is none, `ConflictError` (code
        ``application_exists``) for one that has a token.
        """
        await self._access.require(actor, Role.ADMIN, "apps.create", name[:100])
        wanted = _name(name)
        token = f"{_PREFIX}{secrets.token_urlsafe(_TOKEN_BYTES)}"
        entry = self._audit.entry(actor, "apps.create", wanted)
        made = await self._store.applications.create(wanted, token=token, by=actor.id, audit=entry)
        await self._notices.record(
            actor, "app_created", f"gave the application {wanted} a token for logins"
        )
        return made, token

    async def revoke(self, actor: Actor, name: str) -> None:
        """Make an application's token invalid, at once and for good. Admins only.

        Raises `NotFoundError` if it has none.
        """
        await self._access.require(actor, Role.ADMIN, "apps.revoke", name[:100])
        wanted = _name(name)
        entry = self._audit.entry(actor, "apps.revoke", wanted)
        await self._store.applications.revoke(wanted, audit=entry)
        await self._notices.record(
            actor, "app_revoked", f"revoked the token of the application {wanted}"
        )

    async def authenticate(self, token: str) -> Application | None:
        """Return whose token it is, or None for an unknown or revoked one."""
        if not _TOKEN.fullmatch(token):
            return None
        return await self._store.applications.by_token(token, now=self._clock.now())


def _name(text: str) -> str:
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise UsageError(
            "An application's name has 1 to 40 letters, digits, dots, dashes or underscores.",
            code="application_name",
            hint="For example: portal.",
        )
    return name
