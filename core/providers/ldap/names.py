"""Distinguished names and filters as text: compared, taken apart, and never injected into."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from core.model.directory import UnitPath

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_AROUND: Final = re.compile(r" +(?=[,+=;])|(?<=[,+=;]) +")
_SPACES: Final = re.compile(r" {2,}")
_PLAIN: Final = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:@/+='"
)

_FIRST_PART: Final = re.compile(r"^(?:[^\\,;]|\\.)*(?:[,;]|$)", re.DOTALL)
_SPECIAL: Final = frozenset(',+"\\<>;=#')
"""What RFC 4514 §2.4 wants escaped inside a DN."""


def escaped(value: str | bytes) -> str:
    r"""Return a value for a filter: every byte that is not plainly harmless as ``\xx``.

    RFC 4515 §3 wants that of ``*``, parentheses, the backslash and NUL; it allows it of all.
    """
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in raw)


def is_filter(text: str) -> bool:
    """Say whether a text is exactly one filter, so that it can stand inside another one."""
    depth = 0
    for position, char in enumerate(text):
        if char == "\x00":
            return False
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0 or (depth == 0 and position < len(text) - 1):
            return False
    return depth == 0 and text.startswith("(") and text.endswith(")")


def normal_dn(text: str) -> str:
    """Return a DN in the form in which DNs are compared: case, spaces and escapes evened out.

    Two writings of one name (RFC 4514 §2.4, §3) come out alike, a normal name comes out as it
    is, and nothing is looked up. ``;`` between the parts is the older writing of ``,`` (RFC 2253
    §4).
    """
    plain = _unescaped(text) if "\\" in text else text
    if " " in plain:
        plain = _SPACES.sub(" ", _AROUND.sub("", plain.strip(" ")))
    return plain.replace(";", ",").casefold()


def _unescaped(text: str) -> str:
    r"""Return a DN in which only what would be taken for a separator is escaped, as ``\xx``."""
    parts, position = bytearray(), 0
    while position < len(text):
        char = text[position]
        position += 1
        if char != "\\":
            parts += char.encode("utf-8", "surrogatepass")
            continue
        pair = text[position : position + 2]
        if len(pair) == 2 and _HEX.issuperset(pair):  # noqa: PLR2004 - two hexadecimal digits
            parts += _shielded(int(pair, 16))
            position += 2
        elif pair:
            for byte in pair[0].encode("utf-8", "surrogatepass"):
                parts += _shielded(byte)
            position += 1
    return parts.decode("utf-8", "replace")


def _shielded(byte: int) -> bytes:
    """Return an escaped byte so that it is not taken for a separator."""
    return f"\\{byte:02x}".encode() if byte in b' ,+;"\\\x00' else bytes((byte,))


def unit_value(name: str) -> str:
    """Return a name as it stands in a normal DN, as the value of whatever attribute."""
    raw = "".join(f"\\{ord(char):02x}" if char in _SPECIAL else char for char in name.strip())
    return normal_dn(f"x={raw}").partition("=")[2]


def path_of(dn: str) -> UnitPath:
    """Return the parts of a DN from the root on, each in its normal form."""
    normal = normal_dn(dn)
    return tuple(reversed(normal.split(","))) if normal else ()


_path_of_parent: Final = lru_cache(maxsize=4096)(path_of)


def place_of(dn: str) -> UnitPath | None:
    """Return the path of the unit that an entry is in, or None if its DN does not say."""
    return _path_of_parent(_FIRST_PART.sub("", dn, count=1)) if dn else None


def is_below(dn: str, base: str) -> bool:
    """Say whether a normal DN is the base itself or below it."""
    return dn == base or not base or dn.endswith(f",{base}")
