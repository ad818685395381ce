"""The JSON key of a service account, as the Google Cloud console hands it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import ConfigurationError

_TYPE: Final = "service_account"
_WHERE: Final = (
    "In the Google Cloud console, IAM & Admin > Service Accounts, open the service account, and "
    "on the tab Keys choose Add key > Create new key > JSON. The whole file is needed."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceAccount:
    """What signs a service account in.

    Attributes:
        email: who it is, the ``iss`` of its assertions.
        client_id: what the Admin console knows it by.
        key_id: which of its keys this one is.
        key: the RSA key, PEM.
    """

    email: str
    client_id: str
    key_id: str
    key: str = field(repr=False)


class _Key(msgspec.Struct):
    type: str = ""
    client_email: str = ""
    client_id: str = ""
    private_key_id: str = ""
    private_key: str = ""


def parse_key(text: str) -> ServiceAccount:
    """Return the service account of a JSON key, whose private key is not looked into.

    Raises `ConfigurationError` (``secret_invalid``), which says what is wrong and shows nothing of
    the key.
    """
    try:
        key = msgspec.json.decode(text.strip(), type=_Key)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise _unusable("is not the JSON file of a service account's key") from error
    if key.type != _TYPE:
        kind = "another kind of credential" if key.type else "no service account's key"
        raise _unusable(f"is {kind}: its type is not {_TYPE}")
    for name in ("client_email", "client_id", "private_key_id", "private_key"):
        if not getattr(key, name):
            raise _unusable(f"has no {name}")
    return ServiceAccount(
        email=key.client_email,
        client_id=key.client_id,
        key_id=key.private_key_id,
        key=key.private_key,
    )


def check_key(text: str) -> None:
    """Raise as `parse_key` does, and for a private key that cannot be read."""
    account = parse_key(text)
    try:
        loaded = load_pem_private_key(account.key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable("has a private_key that cannot be read, perhaps cut short") from error
    if not isinstance(loaded, RSAPrivateKey):
        raise _unusable("has a private_key that is no RSA key")


def _unusable(what: str) -> ConfigurationError:
    return ConfigurationError(f"The key {what}.", code="secret_invalid", hint=_WHERE)
