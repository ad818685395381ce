"""Who may do what, and where each role comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.model.account import Role


class SubjectKind(StrEnum):
    """What a role can be granted to."""

    USER = "user"
    GROUP = "group"


class RoleSource(StrEnum):
    """Where a role comes from."""

    WORKSPACE = "workspace"
    SETTING = "setting"
    GRANT = "grant"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A person of Slack (``U…``) or a user group of Slack (``S…``)."""

    kind: SubjectKind
    id: str

    @property
    def key(self) -> str:
        """How the audit names it, for example ``user:U0123ABCD``."""
        return f"{self.kind.value}:{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleGrant:
    """A role that an admin gave to a person or a user group.

    Attributes:
        name: how Slack called the subject when it was granted; empty if it was not asked.
        granted_by: the id of the actor, as in the audit.
    """

    subject: Subject
    role: Role
    name: str
    granted_by: str
    granted_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleLine:
    """One reason for which somebody has a role.

    Attributes:
        people: how many are in the user group, or None for a person or where Slack does not say.
        problem: why the grant has no effect at this moment, or an empty string.
    """

    subject: Subject
    role: Role
    source: RoleSource
    name: str = ""
    granted_by: str = ""
    granted_at: datetime | None = None
    people: int | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RolesView:
    """Every role that can be seen, by source; `notices` are sentences about what limits it."""

    lines: tuple[RoleLine, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleChange:
    """What a grant or a revocation did.

    Attributes:
        before: the granted role until now; NONE if there was no grant.
        after: the granted role from now on; NONE after a revocation.
        kept: what the person still has from the workspace or a setting, which no grant takes.
    """

    subject: Subject
    name: str
    before: Role
    after: Role
    kept: Role = Role.NONE
