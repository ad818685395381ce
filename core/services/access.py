"""Who may do what: roles, refusals and the second person of an approval."""

from __future__ import annotations

import msgspec

from core.errors import NotPermittedError
from core.model.account import Actor, Role
from core.model.views import PersonFacts
from core.services.audit import AuditService
from core.settings import Settings
from core.store.opening import Store

_KNOWN_ADMINS = "known_admins"
_WHO = {
    Role.VIEWER: "Viewers, operators and admins may",
    Role.OPERATOR: "Operators and admins may",
    Role.ADMIN: "Admins may",
}


class AccessService:
    """Decides roles and refuses what a role does not include."""

    def __init__(self, *, settings: Settings, store: Store, audit: AuditService) -> None:
        self._settings = settings
        self._store = store
        self._audit = audit

    async def role_of(self, facts: PersonFacts) -> Role:
        """Return the role of a person of Slack, from facts read at this very click.

        Owners and admins of the workspace are admins, `DIRSYNC_ADMINS` adds to them,
        `DIRSYNC_VIEWERS` are viewers; guests, bots, strangers and former people have no role.
        """
        role = self._role(facts)
        await self._remember(facts, admin=role is Role.ADMIN)
        return role

    async def require(self, actor: Actor, role: Role, action: str, subject: str = "") -> None:
        """Raise `NotPermittedError`, and note the denial, unless the actor has `role`."""
        if actor.role.includes(role):
            return
        await self._audit.denied(actor, action, subject)
        raise NotPermittedError(
            f"You may not do this. {_WHO[role]}.",
            hint="Ask an owner or admin of this workspace.",
        )

    async def require_second_person(self, actor: Actor, starter: str, subject: str) -> None:
        """Raise `NotPermittedError` (code ``second_person_needed``) for one's own removals.

        Holds where another admin than the starter is known. Somebody at the command line never
        counts as the second person; what the schedule started needs one person only.
        """
        if starter.startswith("system:"):
            return
        others = await self._admins() - {starter}
        if not others or (actor.id in others and actor.door != "cli"):
            return
        await self._audit.denied(actor, "release", subject)
        raise NotPermittedError(
            "Whoever started this cycle cannot release its removals alone.",
            code="second_person_needed",
            hint="Ask another admin to release them in Slack.",
        )

    def _role(self, facts: PersonFacts) -> Role:
        if not facts.member:
            return Role.NONE
        if facts.is_owner or facts.is_admin or facts.id in self._settings.admins:
            return Role.ADMIN
        return Role.VIEWER if facts.id in self._settings.viewers else Role.NONE

    async def contacts(self) -> tuple[str, ...]:
        """Return the names of the admins who were seen, for people who need one."""
        seen = await self._seen()
        return tuple(sorted({name for name in seen.values() if name}))

    async def _admins(self) -> frozenset[str]:
        named = {f"slack:{user}" for user in self._settings.admins}
        return frozenset(await self._seen()) | named

    async def _seen(self) -> dict[str, str]:
        text = await self._store.settings.get(_KNOWN_ADMINS)
        return msgspec.json.decode(text or "{}", type=dict[str, str])

    async def _remember(self, facts: PersonFacts, *, admin: bool) -> None:
        actor_id = f"slack:{facts.id}"
        before = await self._seen()
        after = {key: name for key, name in before.items() if key != actor_id}
        if admin:
            after[actor_id] = facts.name
        if after != before:
            await self._store.settings.set(_KNOWN_ADMINS, msgspec.json.encode(after).decode())
