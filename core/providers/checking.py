"""What the checks of several providers share: a few people, and where a failure belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from core.errors import RecordError
from core.model.directory import ProviderUser

NETWORK: Final = "Network"
SIGN_IN: Final = "Sign-in"

SAMPLE: Final = 5
"""People whom a check shows."""

WIRE_CODES: Final = frozenset(
    {
        "unreachable",
        "dns",
        "tls",
        "timeout",
        "connection_lost",
        "address_refused",
        "plain_http",
        "url_invalid",
    }
)
"""Of errors that belong to `NETWORK`."""

SIGN_IN_CODES: Final = frozenset(
    {
        "secret_literal",
        "secret_missing",
        "secret_invalid",
        "reference_refused",
        "file_missing",
        "credentials_dir_missing",
        "token_unusable",
    }
)
"""Of errors that belong to `SIGN_IN`, as each `SignInError` does."""

Decode = Callable[[bytes], ProviderUser]


def decoded(
    records: Iterable[bytes], decode: Decode
) -> tuple[tuple[ProviderUser, ...], list[RecordError]]:
    """Return whom the records show, and what is wrong with those that cannot be read."""
    people, unreadable = [], []
    for raw in records:
        try:
            people.append(decode(raw))
        except RecordError as error:
            unreadable.append(error)
    return tuple(people), unreadable
