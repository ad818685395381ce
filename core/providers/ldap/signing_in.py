"""The one way to sign in that a configuration names, resolved at the moment of use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.errors import ConfigurationError
from core.model.configuration import LdapSettings
from core.providers.context import ProviderContext
from core.providers.ldap.reaching import Server, trusted_authorities
from core.providers.ldap.wire import Bind

_SIMPLE, _EXTERNAL = "SIMPLE", "EXTERNAL"


class Credentials:
    """What is needed to sign in; nothing is resolved before `bind`."""

    def __init__(self, settings: LdapSettings, context: ProviderContext) -> None:
        _refuse_ambiguity(settings)
        self._mechanism = (settings.sasl or _SIMPLE).upper()
        if settings.certificate:
            self._mechanism = _EXTERNAL
        self._user = _maybe(settings.user, context.text, "user")
        self._password = _maybe(settings.password, context.secret, "password")
        self._settings = settings
        self._context = context

    @property
    def ca_file(self) -> Path | None:
        """The authorities of the configuration, or None for the usual ones."""
        return self._file(self._settings.ca, "ca")

    def bind(self, server: Server, timeout: float) -> Bind:
        """Return the request to sign in; raise `ConfigurationError` if something is not there."""
        ca_file, ca_folder = trusted_authorities()
        own = self.ca_file
        if own is not None:
            ca_file, ca_folder = str(own), None
        certificate = self._file(self._settings.certificate, "certificate")
        key = self._file(self._settings.key, "key")
        return Bind(
            url=server.url,
            start_tls=server.start_tls,
            mechanism=self._mechanism,
            timeout=timeout,
            user=self._user() if self._user else None,
            password=self._password() if self._password else None,
            ca_file=ca_file,
            ca_folder=ca_folder,
            certificate=str(certificate) if certificate else None,
            key=str(key) if key else None,
        )

    def _file(self, reference: str | None, name: str) -> Path | None:
        """Return where a file of the credentials folder is, having opened it once."""
        if reference is None:
            return None
        kind, _, path = reference.partition(":")
        if kind != "file":
            raise ConfigurationError(
                f"{name} must be a file of the credentials folder.",
                code="reference_refused",
                hint="Write file:… with a path inside that folder.",
            )
        references = self._context.references
        references.open_file(path).close()
        return references.locate(path)


def _maybe(
    value: str | None, resolver: Callable[..., Callable[[], str]], name: str
) -> Callable[[], str] | None:
    return None if value is None else resolver(value, name=name)


def _refuse_ambiguity(settings: LdapSettings) -> None:
    by_password = bool(settings.user and settings.password)
    by_certificate = bool(settings.certificate and settings.key)
    half = bool(settings.user) != bool(settings.password) or bool(settings.certificate) != bool(
        settings.key
    )
    if half or by_password == by_certificate or (by_certificate and settings.sasl):
        raise ConfigurationError(
            "The configuration must name exactly one way to sign in.",
            code="sign_in_ambiguous",
            hint="Give user and password, or certificate and key.",
        )
