"""The attributes that each kind of provider usually has, to notice a slip of the pen.

No list is complete: directories have attributes of their own, which a mapping may name as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.providers.entra.attributes import KNOWN
from core.providers.google.attributes import KNOWN as GOOGLE_KNOWN
from core.providers.ldap.records import KNOWN as LDAP_KNOWN
from core.providers.okta.attributes import KEYS
from core.providers.scim.attributes import DEFAULT_PATHS

_USUAL: Final = DEFAULT_PATHS | {
    *("id", "active", "email", "emails.value", "emails.work", "nickName", "profileUrl"),
    *("name.formatted", "name.middleName", "name.honorificPrefix", "name.honorificSuffix"),
    *("phoneNumbers.work", "phoneNumbers.mobile", "enterprise.manager.displayName"),
}
_OWN: Final[Mapping[str, frozenset[str]]] = {
    "entra": KNOWN,
    "google": GOOGLE_KNOWN,
    "ldap": LDAP_KNOWN,
    "okta": frozenset(KEYS) | frozenset(KEYS.values()),
}


def known_attributes(kind: str) -> frozenset[str]:
    """Return the usual attribute paths of a provider's type."""
    return _USUAL | _OWN.get(kind, frozenset())
