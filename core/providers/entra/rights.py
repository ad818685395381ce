"""The application permissions of Microsoft Graph that reading needs, and where to grant them.

The least privileged ones that the reference of each request names: "List users", "user: delta",
"List groups", "List group members" (whose note names `Member.Read.Hidden`), and "List
organizations", whose table has `Organization.Read.All` as the least privileged one of an
application; the note on `User.Read` there is about delegated sign-ins.
"""

from __future__ import annotations

from typing import Final

from core.errors import PermissionMissingError

PEOPLE: Final = "User.Read.All"
GROUPS: Final = "GroupMember.Read.All"
HIDDEN: Final = "Member.Read.Hidden"
TENANT: Final = "Organization.Read.All"


def grant_hint(permission: str, *, admin: str) -> str:
    """Return where an admin grants a permission, in the words of the admin center."""
    return (
        f"In {admin}: App registrations, your app, API permissions, Add a permission, Microsoft "
        f"Graph, Application permissions, {permission}; then Grant admin consent."
    )


def missing_right(
    error: PermissionMissingError, permission: str, *, admin: str
) -> PermissionMissingError:
    """Return the same refusal with the name of the permission that is missing."""
    return PermissionMissingError(
        f"{error.message} The application permission {permission} is missing.",
        hint=grant_hint(permission, admin=admin),
        status=error.status,
    )
