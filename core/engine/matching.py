"""The matching attribute: when two addresses are the same address.

Addresses that differ only in case, Unicode form or invisible characters get one key, so that two
people who own such addresses collide and a person decides.
"""

from __future__ import annotations

import unicodedata

_INVISIBLE = "Cf"


def match_key(email: str) -> str:
    """Return the normalised form of an e-mail address, or an empty string for none.

    NFKC and case-folding (Unicode Standard Annex 15, chapter 3.13 of the Standard), invisible
    format characters removed, a domain outside ASCII in its IDNA form (RFC 3490).
    """
    text = email.strip()
    if text.isascii():
        return text.casefold()
    text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) != _INVISIBLE).strip()
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return a domain case-folded and, where IDNA allows it, in ASCII."""
    folded = domain.strip().casefold()
    if folded.isascii():
        return folded
    try:
        return folded.encode("idna").decode("ascii")
    except UnicodeError:
        return folded


def domain_of(key: str) -> str:
    """Return the domain of a match key, or an empty string."""
    return key.rpartition("@")[2] if "@" in key else ""


def is_address(email: str) -> bool:
    """Whether a text can be an address at all: something, one ``@``, a domain, no blanks."""
    local, at, domain = email.rpartition("@")
    return bool(at and local and domain) and len(email.split()) == 1
