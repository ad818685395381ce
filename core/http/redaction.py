"""Keeping secrets and other people's formatting out of texts."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, quote_plus

_TOO_SHORT_TO_HIDE = 4
_MASK = "[hidden]"


class Redactor:
    """Remembers the secrets in use and removes them from any text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def learn(self, secret: str) -> None:
        """Hide this value, and its URL-encoded forms, from now on."""
        if len(secret) >= _TOO_SHORT_TO_HIDE:
            self._secrets.update((secret, quote(secret, safe=""), quote_plus(secret)))

    def clean(self, text: str) -> str:
        """Return the text without any secret that was learned."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return text

    def excerpt(self, text: str, *, length: int = 200) -> str:
        """Return a short, printable, secret-free piece of what another system wrote."""
        cleaned = self.clean(text)
        printable = "".join(
            char if unicodedata.category(char)[0] not in "CZ" else " " for char in cleaned
        )
        words = " ".join(printable.split())
        return words if len(words) <= length else f"{words[: length - 1]}…"
