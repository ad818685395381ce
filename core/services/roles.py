"""Giving and taking roles, and saying who has which and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import (
    ConflictError,
    DirsyncError,
    NotFoundError,
    UsageError,
)
from core.model.account import Actor, Role
from core.model.roles import (
    RoleChange,
    RoleGrant,
    RoleLine,
    RoleSource,
    RolesView,
    Subject,
    SubjectKind,
)
from core.model.views import PersonFacts
from core.services.ground import Ground
from core.settings import Settings

NO_MEMBER = "no full member of this workspace (any more)"
MOST_ASKED = 30
"""How many people Slack is asked about for one list, or in search of one admin who is left."""
NOT_CONNECTED = (
    "This process is not connected to Slack: people and user groups are taken as they are stored."
)
UNSEEN = (
    "Every owner and admin of the workspace is an admin here; those whom dirsync has met are "
    "listed."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    """A subject that exists, as far as that can be asked."""

    subject: Subject
    name: str = ""
    people: int | None = None
    kept: Role = Role.NONE


class RoleService:
    """Lists, grants and revokes roles, for admins."""

    def __init__(self, ground: Ground) -> None:
        self._settings = ground.settings
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices

    async def list(self, actor: Actor) -> RolesView:
        """Return who has which role, by source: the workspace, the settings, grants."""
        await self._access.require(actor, Role.ADMIN, "roles")
        grants = await self._store.role_grants.all()
        seen = await self._access.seen_admins(grants)
        governing = {user: each.name for user, each in seen.items() if each.workspace}
        lines = [
            _line_of(user, Role.ADMIN, RoleSource.WORKSPACE, name)
            for user, name in sorted(governing.items())
            if await self._still_governs(user)
        ]
        named = [(user, Role.ADMIN) for user in self._settings.admins]
        named += [(user, Role.VIEWER) for user in self._settings.viewers]
        lines += [
            _line_of(user, role, RoleSource.SETTING, await self._name(user)) for user, role in named
        ]
        lines += [
            await self._line(grant, ask=place < MOST_ASKED) for place, grant in enumerate(grants)
        ]
        notices = (UNSEEN,) if self._access.workspace is not None else (UNSEEN, NOT_CONNECTED)
        return RolesView(lines=tuple(lines), notices=notices)

    async def grant(self, actor: Actor, who: Subject | str, role: Role) -> RoleChange:
        """Give a person or a user group a role in place of the one granted before.

        `who` may be a person's e-mail address. The role counts beside what the person has from
        the workspace or a setting; the highest holds. Raises `ConflictError` (``not_a_member``,
        ``last_admin``, ``roles_changed``), `NotFoundError`, `PermissionMissingError` where the
        app may not ask who is in a group, and what `Workspace` raises.
        """
        await self._access.require(actor, Role.ADMIN, "roles.grant", _key(who))
        if role is Role.NONE:
            raise UsageError(
                "A role is viewer, operator or admin.", hint="`roles revoke` takes one."
            )
        checked = await self._checked(who)
        grants = await self._store.role_grants.all()
        seen = _of(grants, checked.subject)
        before = seen.role if seen is not None else Role.NONE
        if before is not role:
            new = RoleGrant(
                subject=checked.subject,
                role=role,
                name=checked.name,
                granted_by=actor.id,
                granted_at=self._clock.now(),
            )
            await self._store.role_grants.put(
                new,
                seen=seen,
                kept_by=await self._kept_by(actor, seen, grants) if seen is not None else None,
                audit=self._audit.entry(
                    actor,
                    "roles.grant",
                    new.subject.key,
                    before={"role": before.value},
                    after={"role": role.value},
                ),
            )
            await self._notices.record(actor, "roles_granted", _told(checked, before, role))
        return RoleChange(
            subject=checked.subject, name=checked.name, before=before, after=role, kept=checked.kept
        )

    async def revoke(self, actor: Actor, who: Subject | str) -> RoleChange:
        """Take the granted role of a person or a user group.

        Raises `NotFoundError` (code ``not_granted``), `ConflictError` (``last_admin``,
        ``roles_changed``), and what `Workspace` raises.
        """
        await self._access.require(actor, Role.ADMIN, "roles.revoke", _key(who))
        subject = who if isinstance(who, Subject) else _person((await self._found(who)).id)
        grants = await self._store.role_grants.all()
        seen = _of(grants, subject)
        kept = await self._kept_role(subject)
        if seen is None:
            raise _not_granted(subject, kept, self._settings)
        await self._store.role_grants.remove(
            seen,
            kept_by=await self._kept_by(actor, seen, grants),
            audit=self._audit.entry(
                actor,
                "roles.revoke",
                subject.key,
                before={"role": seen.role.value},
                after={"role": Role.NONE.value},
            ),
        )
        checked = _Checked(subject=subject, name=seen.name)
        await self._notices.record(actor, "roles_revoked", _told(checked, seen.role, Role.NONE))
        return RoleChange(
            subject=subject, name=seen.name, before=seen.role, after=Role.NONE, kept=kept
        )

    async def _checked(self, who: Subject | str) -> _Checked:
        """Return a subject that can have a role, as far as Slack can be asked."""
        workspace = self._access.workspace
        if isinstance(who, Subject):
            if workspace is None:
                return _Checked(subject=who)
            if who.kind is SubjectKind.GROUP:
                people = await workspace.members(who.id, fresh=True)
                return _Checked(subject=who, people=len(people))
        facts = await self._found(who)
        if not facts.member:
            raise ConflictError(
                "Only full members of this workspace can have a role.",
                code="not_a_member",
                hint="Guests, bots, former members and people of other workspaces cannot.",
            )
        kept = self._access.role_by_itself(facts)
        return _Checked(subject=_person(facts.id), name=facts.name, kept=kept)

    async def _found(self, who: Subject | str) -> PersonFacts:
        workspace = self._access.workspace
        if workspace is None:
            raise UsageError(
                "This process is not connected to Slack, so it cannot find people by their e-mail.",
                hint="Give the Slack id, such as U0123ABCD, or ask while `dirsync run` runs.",
            )
        if isinstance(who, Subject):
            return await workspace.facts(who.id, fresh=True)
        return await workspace.find(who)

    async def _kept_role(self, subject: Subject) -> Role:
        """Return what a person has without any grant, as far as that can be seen."""
        if subject.kind is SubjectKind.GROUP:
            return Role.NONE
        facts = await self._facts(subject.id)
        return self._access.role_by_itself(facts or PersonFacts(id=subject.id))

    async def _facts(self, user: str, *, fresh: bool = False) -> PersonFacts | None:
        """Return what Slack knows of somebody, or knew within the last seconds; None if nothing."""
        if self._access.workspace is None:
            return None
        try:
            return await self._access.workspace.facts(user, fresh=fresh)
        except NotFoundError:
            return None

    async def _kept_by(
        self, actor: Actor, taken: RoleGrant, grants: Sequence[RoleGrant]
    ) -> Subject | None:
        """Return the grant through which an admin is left without `taken`; None if no grant is.

        Raises `ConflictError` (code ``last_admin``) if nobody would be an admin any more.
        """
        if taken.role is not Role.ADMIN:
            return None
        others = [each for each in grants if each.role is Role.ADMIN and each != taken]
        seen = await self._access.seen_admins(grants)
        governing = {user for user, each in seen.items() if each.workspace}
        governing |= {*self._settings.admins}
        first = actor.id.removeprefix("slack:")
        for user in sorted(governing, key=lambda each: each != first)[:MOST_ASKED]:
            if await self._is_admin_by_itself(user):
                return None
        for grant in others:
            if await self._reaches_a_member(grant.subject):
                return grant.subject
        raise ConflictError(
            "That would leave nobody whom dirsync knows as an admin.",
            code="last_admin",
            hint="Grant somebody else the role admin first.",
        )

    async def _is_admin_by_itself(self, user: str) -> bool:
        if self._access.workspace is None:
            return True
        facts = await self._facts(user, fresh=True)
        return facts is not None and self._access.role_by_itself(facts) is Role.ADMIN

    async def _still_governs(self, user: str) -> bool:
        if self._access.workspace is None:
            return True
        facts = await self._facts(user)
        return facts is not None and facts.member and (facts.is_owner or facts.is_admin)

    async def _reaches_a_member(self, subject: Subject) -> bool:
        """Whether a grant makes at least one full member of the workspace what it says."""
        users = [subject.id]
        if subject.kind is SubjectKind.GROUP:
            people, _ = await self._people(subject.id)
            users = sorted(people or ())[:MOST_ASKED]
        elif self._access.workspace is None:
            return True
        for user in users:
            facts = await self._facts(user, fresh=True)
            if facts is not None and facts.member:
                return True
        return False

    async def _people(self, group: str) -> tuple[frozenset[str] | None, str]:
        """Return who is in a user group, or None and why that cannot be seen."""
        if self._access.workspace is None:
            return None, ""
        try:
            return await self._access.workspace.members(group, fresh=True), ""
        except DirsyncError as error:
            return None, error.message

    async def _name(self, user: str) -> str:
        facts = await self._facts(user)
        return facts.name if facts is not None else ""

    async def _line(self, grant: RoleGrant, *, ask: bool) -> RoleLine:
        people, problem = None, ""
        if ask and grant.subject.kind is SubjectKind.GROUP:
            found, problem = await self._people(grant.subject.id)
            people = None if found is None else len(found)
        elif ask and self._access.workspace is not None:
            facts = await self._facts(grant.subject.id, fresh=True)
            problem = "" if facts is not None and facts.member else NO_MEMBER
        return RoleLine(
            subject=grant.subject,
            role=grant.role,
            source=RoleSource.GRANT,
            name=grant.name,
            granted_by=grant.granted_by,
            granted_at=grant.granted_at,
            people=people,
            problem=problem,
        )


def _line_of(user: str, role: Role, source: RoleSource, name: str) -> RoleLine:
    return RoleLine(subject=_person(user), role=role, source=source, name=name)


def _person(user: str) -> Subject:
    return Subject(kind=SubjectKind.USER, id=user)


def _key(who: Subject | str) -> str:
    return who.key if isinstance(who, Subject) else who


def _of(grants: Sequence[RoleGrant], subject: Subject) -> RoleGrant | None:
    return next((each for each in grants if each.subject == subject), None)


def _not_granted(subject: Subject, kept: Role, settings: Settings) -> NotFoundError:
    hint = "`roles` lists what was granted."
    if subject.id in settings.admins + settings.viewers:
        hint = "That role comes from DIRSYNC_ADMINS or DIRSYNC_VIEWERS on the host."
    elif kept is not Role.NONE:
        hint = "Owners and admins of the workspace are admins here; Slack is where that changes."
    what = "person" if subject.kind is SubjectKind.USER else "user group"
    return NotFoundError(f"No role was granted to this {what}.", code="not_granted", hint=hint)


def _told(checked: _Checked, before: Role, after: Role) -> str:
    """Return what happened for the channel, which names nobody but the admin who did it."""
    whom = "one person"
    if checked.subject.kind is SubjectKind.GROUP:
        count = checked.people
        whom = "a user group" if count is None else f"a user group of {count:,}"
    if after is Role.NONE:
        return f"took the role {before.value} from {whom}"
    if before is Role.NONE:
        return f"gave the role {after.value} to {whom}"
    return f"changed the role of {whom} from {before.value} to {after.value}"
