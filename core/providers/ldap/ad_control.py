"""Active Directory's DirSync control as bytes (MS-ADTS §3.1.1.3.4.1.3).

Imported only where its library is known to be there: it comes with the one that sends the control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type.namedtype import NamedType, NamedTypes
from pyasn1.type.univ import Integer, OctetString, Sequence

OBJECT_SECURITY: Final = 0x00000001
"""LDAP_DIRSYNC_OBJECT_SECURITY: only what the account may see, without any further right."""
CHANGED_VALUES: Final = -0x80000000
"""LDAP_DIRSYNC_INCREMENTAL_VALUES, 0x80000000, as the signed number of four bytes that is read."""
MOST_BYTES: Final = 0x100000
"""The least that a domain controller lets an answer be limited to."""


class _Value(Sequence):  # type: ignore[misc]  # the library has no types
    """DirSyncRequestValue and DirSyncResponseValue, which are built alike."""

    componentType = NamedTypes(  # noqa: N815 - the library's name
        NamedType("flags", Integer()),
        NamedType("bytes", Integer()),
        NamedType("cookie", OctetString()),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What the control in an answer says.

    Attributes:
        more: there is more to ask for, with this cookie.
    """

    more: bool
    cookie: bytes


def request_value(cookie: bytes) -> bytes:
    """Return the value of the control in a request; without a cookie, from the beginning."""
    value = _Value()
    value["flags"] = OBJECT_SECURITY | CHANGED_VALUES
    value["bytes"], value["cookie"] = MOST_BYTES, cookie
    encoded: bytes = encoder.encode(value)
    return encoded


def read_answer(encoded: bytes) -> Answered:
    """Return what a control's value says; raise `ValueError` if it is none."""
    try:
        value, rest = decoder.decode(encoded, asn1Spec=_Value())
    except (PyAsn1Error, RecursionError) as error:
        raise ValueError from error
    if rest:
        raise ValueError
    return Answered(more=bool(int(value["flags"])), cookie=bytes(value["cookie"]))
