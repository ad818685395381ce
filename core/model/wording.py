"""Numbers and names in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def several(number: int, one: str, many: str = "") -> str:
    """Return "1 person", "2,340 people"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def people(number: int) -> str:
    """Return so many people."""
    return several(number, "person", "people")


def listed(names: Iterable[str], *, word: str = "and") -> str:
    """Return "a, b and c"; there is at least one name."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def either(names: Iterable[str]) -> str:
    """Return "a, b or c"; likewise."""
    return listed(names, word="or")


def admins_to_ask(names: Sequence[str], *, most: int = 3) -> str:
    """Return "Ann, Bob or one of 4 more admins" for the names of all of them, at least one."""
    shown, more = [*names[:most]], len(names) - most
    if more > 0:
        shown.append("another admin" if more == 1 else f"one of {more} more admins")
    return either(shown)


_PROVIDERS = {
    "scim": "SCIM",
    "csv": "CSV",
    "entra": "Entra ID",
    "google": "Google Workspace",
    "okta": "Okta",
    "ldap": "LDAP",
}


def provider_name(kind: str) -> str:
    """Return how people call a provider of this type: "Entra ID" for ``entra``."""
    return _PROVIDERS.get(kind, kind)
