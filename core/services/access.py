"""Who may do what: roles, refusals and the second person of an approval."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from core.errors import NotFoundError, NotPermittedError, RemoteError, TerminalRemoteError
from core.model.account import Actor, Role
from core.model.roles import RoleGrant, Subject, SubjectKind
from core.model.views import PersonFacts
from core.model.wording import admins_to_ask
from core.ports import Workspace
from core.services.audit import AuditService
from core.settings import Settings
from core.store.opening import Store

_SEEN_ADMINS = "seen_admins"
_LONGEST_NAME = 60
_MOST_CONTACTS = 10
_MOST_ASKED = 12
_WHO = {
    Role.VIEWER: "Viewers, operators and admins may",
    Role.OPERATOR: "Operators and admins may",
    Role.ADMIN: "Admins may",
}
_log = structlog.get_logger("dirsync.access")


class SeenAdmin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An admin as last seen; without `workspace` and `group`, one by a setting or a grant."""

    name: str
    workspace: bool = False
    group: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Standing:
    role: Role
    group: str = ""


class AccessService:
    """Decides roles and refuses what a role does not include.

    Attributes:
        workspace: who is asked about people and user groups; None where Slack is not connected.
    """

    def __init__(self, *, settings: Settings, store: Store, audit: AuditService) -> None:
        self._settings = settings
        self._store = store
        self._audit = audit
        self.workspace: Workspace | None = None

    async def role_of(self, facts: PersonFacts, *, fresh: bool = True) -> Role:
        """Return the role of a person of Slack, from facts read at this very click.

        The highest of: owner or admin of the workspace (admin), `DIRSYNC_ADMINS`,
        `DIRSYNC_VIEWERS`, what was granted to the person, what was granted to a user group that
        the person is in. Groups are asked only where one could raise the role, now if `fresh`.
        Guests, bots, strangers and former people have no role, whatever was granted. Raises
        `TransientRemoteError` if a group has to be asked and Slack cannot say.
        """
        grants = await self._store.role_grants.all()
        standing = await self._standing(facts, grants, fresh=fresh)
        await self._remember(facts, standing)
        return standing.role

    def role_by_itself(self, facts: PersonFacts) -> Role:
        """Return the role that a person has without any grant."""
        if not facts.member:
            return Role.NONE
        if _governs(facts) or facts.id in self._settings.admins:
            return Role.ADMIN
        return Role.VIEWER if facts.id in self._settings.viewers else Role.NONE

    async def require(self, actor: Actor, role: Role, action: str, subject: str = "") -> None:
        """Raise `NotPermittedError`, and note the denial, unless the actor has `role`."""
        if actor.role.includes(role):
            return
        await self._audit.denied(actor, action, subject)
        raise NotPermittedError(
            f"You may not do this. {_WHO[role]}.", hint=_whom_to_ask(await self.contacts())
        )

    async def require_second_person(self, actor: Actor, starter: str, subject: str) -> None:
        """Raise `NotPermittedError` (code ``second_person_needed``) for one's own removals.

        Holds where another admin than the starter is known. Somebody at the command line never
        counts as the second person; what the schedule started needs one person only.
        """
        second = actor.door == "slack" and actor.role is Role.ADMIN and actor.id != starter
        if second or starter.startswith("system:"):
            return
        if not {f"slack:{user}" for user in await self._admins()} - {starter}:
            return
        await self._audit.denied(actor, "release", subject)
        raise NotPermittedError(
            "Whoever started this cycle cannot release its removals alone.",
            code="second_person_needed",
            hint="Ask another admin to release them in Slack.",
        )

    async def contacts(self) -> tuple[str, ...]:
        """Return the names of up to ten admins, for people who need one.

        Where Slack answers, only of those who are admins now.
        """
        names = sorted({name for name in (await self._admins()).values() if name})
        return tuple(names[:_MOST_CONTACTS])

    async def names(self) -> dict[str, str]:
        """Return by actor id the names of those who were seen as admins or given a role."""
        grants = await self._store.role_grants.all()
        found = {
            f"slack:{grant.subject.id}": grant.name
            for grant in grants
            if grant.subject.kind is SubjectKind.USER and grant.name
        }
        return found | {f"slack:{user}": seen.name for user, seen in (await self._seen()).items()}

    async def seen_admins(self, grants: Iterable[RoleGrant]) -> dict[str, SeenAdmin]:
        """Return by Slack id those who were seen as admins and whose reason still holds."""
        admins = _granted_admins(grants)

        def holds(user: str, seen: SeenAdmin) -> bool:
            return (
                seen.workspace
                or user in self._settings.admins
                or Subject(kind=SubjectKind.USER, id=user) in admins
                or Subject(kind=SubjectKind.GROUP, id=seen.group) in admins
            )

        return {user: seen for user, seen in (await self._seen()).items() if holds(user, seen)}

    async def _admins(self) -> dict[str, str]:
        """Return the names of some admins by Slack id, those who were seen first.

        Where Slack answers, only of those who are admins now.
        """
        grants = await self._store.role_grants.all()
        seen = {user: each.name for user, each in (await self.seen_admins(grants)).items()}
        granted = {
            grant.subject.id: grant.name
            for grant in grants
            if grant.role is Role.ADMIN and grant.subject.kind is SubjectKind.USER
        }
        named = dict.fromkeys(self._settings.admins, "")
        unseen = {user: name for user, name in (named | granted).items() if user not in seen}
        known = [*(seen | unseen).items()][:_MOST_ASKED]
        names = await asyncio.gather(
            *[self._name_of_admin(user, name, grants) for user, name in known]
        )
        return {
            user: name for (user, _), name in zip(known, names, strict=True) if name is not None
        }

    async def _name_of_admin(self, user: str, name: str, grants: Sequence[RoleGrant]) -> str | None:
        """Return the name of somebody, or None if Slack says that they are no admin any more."""
        if self.workspace is None:
            return name
        try:
            facts = await self.workspace.facts(user, fresh=False)
            standing = await self._standing(facts, grants, fresh=False)
        except NotFoundError:
            return None
        except RemoteError:
            return name
        return facts.name if standing.role is Role.ADMIN else None

    async def _standing(
        self, facts: PersonFacts, grants: Sequence[RoleGrant], *, fresh: bool
    ) -> _Standing:
        if not facts.member:
            return _Standing(role=Role.NONE)
        role, through = self.role_by_itself(facts), ""
        for grant in sorted(grants, key=_people_first_then_the_most):
            if role.includes(grant.role) or not await self._holds(grant, facts.id, fresh=fresh):
                continue
            role = grant.role
            through = grant.subject.id if grant.subject.kind is SubjectKind.GROUP else ""
        return _Standing(role=role, group=through)

    async def _holds(self, grant: RoleGrant, user: str, *, fresh: bool) -> bool:
        """Whether a grant is this person's; a group that cannot be asked for good is nobody's."""
        if grant.subject.kind is SubjectKind.USER:
            return grant.subject.id == user
        if self.workspace is None:
            return False
        try:
            return user in await self.workspace.members(grant.subject.id, fresh=fresh)
        except (NotFoundError, TerminalRemoteError) as error:
            _log.info("access.group_not_asked", group=grant.subject.id, code=error.code)
            return False

    async def _seen(self) -> dict[str, SeenAdmin]:
        text = await self._store.settings.get(_SEEN_ADMINS)
        return msgspec.json.decode(text or "{}", type=dict[str, SeenAdmin])

    async def _remember(self, facts: PersonFacts, standing: _Standing) -> None:
        now = None
        if standing.role is Role.ADMIN:
            now = SeenAdmin(name=facts.name, workspace=_governs(facts), group=standing.group)
        if (await self._seen()).get(facts.id) == now:
            return

        def change(text: str | None) -> str:
            seen = msgspec.json.decode(text or "{}", type=dict[str, SeenAdmin])
            seen.pop(facts.id, None)
            return msgspec.json.encode(seen if now is None else {**seen, facts.id: now}).decode()

        await self._store.settings.change(_SEEN_ADMINS, change)


def _governs(facts: PersonFacts) -> bool:
    return facts.is_owner or facts.is_admin


def _granted_admins(grants: Iterable[RoleGrant]) -> frozenset[Subject]:
    return frozenset(grant.subject for grant in grants if grant.role is Role.ADMIN)


def _people_first_then_the_most(grant: RoleGrant) -> tuple[bool, int]:
    return grant.subject.kind is SubjectKind.GROUP, -list(Role).index(grant.role)


def _whom_to_ask(names: tuple[str, ...]) -> str:
    if not names:
        return "Ask an owner or admin of this workspace."
    shown = [name.replace("`", "'")[:_LONGEST_NAME] for name in names]
    return f"Ask {admins_to_ask(shown)}."
