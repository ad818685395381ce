"""Signing in to a tenant: client credentials with a secret or with a certificate.

The forms are those of "OAuth 2.0 client credentials flow on the Microsoft identity platform", the
assertion that of "application authentication certificate credentials" (PS256, ``x5t#S256``).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import ConfigurationError, TerminalRemoteError
from core.http.assertions import AssertionGrant, Form, claims_for, client_form, sign
from core.http.client import Answer
from core.http.redaction import Redactor
from core.http.tokens import Secret, token_refusal
from core.model.configuration import EntraSettings
from core.ports import Clock
from core.providers.context import ProviderContext
from core.providers.entra.clouds import Cloud

_BLOCK: Final = re.compile(
    r"-----BEGIN (?P<kind>[A-Z ]+)-----.+?-----END (?P=kind)-----", re.DOTALL
)
_CODE: Final = re.compile(r"AADSTS(\d{4,7})")
_SECRETS: Final = "in the app registration, Certificates & secrets"
_HINTS: Final[Mapping[str, str]] = {
    "7000215": f"client_secret must hold the secret's Value, not its Secret ID ({_SECRETS}).",
    "7000222": f"The client secret has expired: make a new one ({_SECRETS}).",
    "700016": "Check client_id (the Application (client) ID) and tenant: the app is not known in "
    "this tenant, or an admin has not consented to it yet.",
    "7000112": "The application is disabled: enable it under Enterprise applications.",
    "7000229": "The app has no enterprise application in this tenant: grant admin consent to it.",
    "90002": "Check tenant (the Directory (tenant) ID or a verified domain) and cloud.",
    "900023": "Check tenant: it is the Directory (tenant) ID or a verified domain.",
    "700027": f"Upload this certificate to the app ({_SECRETS}, Certificates).",
    "700024": "Set this machine's clock right: the signed assertion is only valid for minutes.",
    "500011": "Check cloud: the tenant is in another one of Microsoft's clouds.",
    "53003": "A Conditional Access policy for workload identities blocks this app.",
}
_USUAL_HINT: Final = (
    "Check tenant, client_id and client_secret or certificate against the app registration."
)


class EntraGrant(AssertionGrant):
    """A token of Microsoft's identity platform; a refusal is explained by its AADSTS code."""

    def _refused(self, answer: Answer) -> TerminalRemoteError:
        error = super()._refused(answer)
        found = _CODE.search(str(token_refusal(answer).error_description))
        error.hint = _HINTS.get(found.group(1) if found else "", _USUAL_HINT)
        return error


async def open_grant(
    settings: EntraSettings, *, cloud: Cloud, context: ProviderContext, redactor: Redactor
) -> EntraGrant:
    """Return the grant that the settings describe; nothing is requested yet.

    Raises `ConfigurationError` unless exactly one way to sign in is named.
    """
    if bool(settings.client_secret) == bool(settings.certificate):
        raise ConfigurationError(
            "The configuration must name exactly one way to sign in.",
            code="sign_in_ambiguous",
            hint="Give either client_secret or certificate.",
        )
    login = (settings.login_url or cloud.login).rstrip("/")
    token_url = f"{login}/{quote(settings.tenant, safe='')}/oauth2/v2.0/token"
    fields = _Fields(
        client_id=context.text(settings.client_id, name="client_id"),
        scope=f"{cloud.graph}/.default",
        clock=context.clock,
        redactor=redactor,
    )
    if settings.certificate:
        pem = context.secret(settings.certificate, name="certificate")
        form = fields.with_certificate(pem, audience=token_url)
    else:
        form = fields.with_secret(context.secret(settings.client_secret or "", name="secret"))
    return await EntraGrant.open(
        token_url, form=form, hints={}, options=context.http, redactor=redactor
    )


class _Fields:
    """Makes the form of a token request."""

    def __init__(
        self, *, client_id: Callable[[], str], scope: str, clock: Clock, redactor: Redactor
    ) -> None:
        self._client_id = client_id
        self._scope = scope
        self._clock = clock
        self._redactor = redactor

    def with_secret(self, secret: Secret) -> Form:
        def form() -> Mapping[str, str]:
            value = secret()
            self._redactor.learn(value)
            return {
                "grant_type": "client_credentials",
                "client_id": self._client_id(),
                "client_secret": value,
                "scope": self._scope,
            }

        return form

    def with_certificate(self, pem: Secret, *, audience: str) -> Form:
        def form() -> Mapping[str, str]:
            client_id = self._client_id()
            key, thumbprint = key_and_thumbprint(pem())
            now = self._clock.now()
            claims = claims_for(audience, issuer=client_id, subject=client_id, now=now)
            claims["nbf"] = claims["iat"]
            header = {"x5t#S256": thumbprint}
            assertion = sign(claims, key=key, header=header, algorithm="PS256")
            return client_form(assertion, client_id=client_id, scope=self._scope)

        return form


def key_and_thumbprint(pem: str) -> tuple[str, str]:
    r"""Return the private key's PEM and the base64url SHA-256 thumbprint of its certificate.

    Both stand in one text, in any order; ``\n`` may stand for ends of lines. Raises
    `ConfigurationError` (``secret_invalid``) if they are not there or do not belong together.
    """
    blocks = {one["kind"]: one.group() for one in _BLOCK.finditer(pem.replace("\\n", "\n"))}
    key = next((text for kind, text in blocks.items() if kind.endswith("PRIVATE KEY")), "")
    try:
        certificate = x509.load_pem_x509_certificate(blocks.get("CERTIFICATE", "").encode())
        public = load_pem_private_key(key.encode(), password=None).public_key()
    except (ValueError, TypeError) as error:
        raise _no_certificate() from error
    if public != certificate.public_key():
        raise _no_certificate()
    digest = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256()))
    return key, digest.decode().rstrip("=")


def _no_certificate() -> ConfigurationError:
    return ConfigurationError(
        "certificate is no PEM with a private key and the certificate that belongs to it.",
        code="secret_invalid",
        hint="Put both into one file, one after the other; the key without a passphrase.",
    )
