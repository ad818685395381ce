"""Applications that tell dirsync of logins, and what they are answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """An application with a token for the login API.

    Attributes:
        name: lower case, unique among those that are not revoked.
        created_by: the id of the actor.
        last_used_at: to the hour, or None.
    """

    id: int
    name: str
    created_at: datetime
    created_by: str
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class LoginStatus(StrEnum):
    """Whether somebody who logs in may come in."""

    ACTIVE = "active"
    ACTIVATED = "activated"
    """They got a license just now."""
    WAITING = "waiting"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class NamedBy(StrEnum):
    """By what an application names a person."""

    EMAIL = "email"
    USER_NAME = "user_name"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginName:
    """Whom a login is about.

    Attributes:
        key: a match key, or a user name, which is compared without regard to ASCII case.
    """

    by: NamedBy
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """The answer to a login.

    Attributes:
        place: in the waiting line, 1 for the first; None for who is not in line, which is also
            somebody who waits for a first invitation.
    """

    status: LoginStatus
    place: int | None = None
