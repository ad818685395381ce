"""The organizational units of a scope: found at the provider before anybody is judged by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.errors import ConfigurationError, PermissionMissingError
from core.model.configuration import Scope
from core.model.directory import UnitPath
from core.ports import IdentityProvider, OrgUnitFinder

EVERYWHERE: Final[UnitPath] = ()
"""The topmost unit, in which everybody is."""


async def find_units(provider: IdentityProvider, scope: Scope) -> Sequence[UnitPath]:
    """Return where the scope's units are, by path or by id; none are asked for if it names none.

    Raises `ConfigurationError` if the provider has no units (``scope_org_units_unsupported``) or
    not this one (``scope_org_unit_missing``), so that a renamed unit is never taken for people
    who left it; and what requests raise.
    """
    if not scope.org_units:
        return ()
    if not isinstance(provider, OrgUnitFinder):
        raise ConfigurationError(
            "The scope names org units, but this provider has none.",
            code="scope_org_units_unsupported",
            hint="Take the org units out of the scope.",
        )
    found = []
    for name in scope.org_units:
        path = await provider.find_org_unit(name)
        if path is None:
            raise ConfigurationError(
                f"The scope's org unit “{name}” does not exist in the directory.",
                code="scope_org_unit_missing",
                hint="Correct it in the configuration's scope; named by its id it can be renamed.",
            )
        found.append(path)
    return tuple(found)


async def previous_units(provider: IdentityProvider, scope: Scope) -> Sequence[UnitPath]:
    """Return where a previous scope's units are.

    If one of them cannot be found any more, everybody counts as having been in it, so that an edit
    is never taken for people who left.
    """
    try:
        return await find_units(provider, scope)
    except (ConfigurationError, PermissionMissingError):
        return (EVERYWHERE,)
