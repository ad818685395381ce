"""Microsoft's token endpoint: client credentials with a secret or with a certificate."""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.vendors.entra_directory import Tenant

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
SECRET = "planted-client-secret-of-entra"
SCOPE = "https://graph.microsoft.com/.default"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Reply = tuple[int, dict[str, object]]


@dataclass(kw_only=True)
class TokenEndpoint:
    """One tenant's endpoint.

    Attributes:
        certificates: the PEM certificates that were uploaded to the app.
        refusal: what every request is answered with, or None.
        issued: the tokens and when they expire, on the monotonic clock.
    """

    tenant: Tenant
    secret: str | None = SECRET
    certificates: list[str] = field(default_factory=list)
    refusal: Reply | None = None
    seconds: int = 3599
    issued: dict[str, float] = field(default_factory=dict)
    origin: str = ""

    def accepts(self, authorization: str) -> bool:
        """Whether a request to Graph is signed in."""
        kind, _, token = authorization.partition(" ")
        return kind == "Bearer" and self.issued.get(token, 0) > time.monotonic()

    def answer(self, path: str, form: Mapping[str, str]) -> Reply:
        """Answer ``POST /{tenant}/oauth2/v2.0/token`` (OAuth 2.0 client credentials flow)."""
        refusal = self.refusal or self._wrong(path, form) or self._unproven(path, form)
        if refusal is not None:
            return refusal
        token = secrets.token_urlsafe(24)
        self.issued[token] = time.monotonic() + self.seconds
        return 200, {"token_type": "Bearer", "expires_in": self.seconds, "access_token": token}

    def _wrong(self, path: str, form: Mapping[str, str]) -> Reply | None:
        tenant = unquote(path.split("/")[1])
        if tenant.lower() not in {self.tenant.id, self.tenant.domain}:
            return sts(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("client_id") != CLIENT_ID:
            said = f"Application with identifier '{form.get('client_id')}' was not found."
            return sts(400, "unauthorized_client", 700016, said)
        if form.get("grant_type") != "client_credentials" or form.get("scope") != SCOPE:
            return sts(400, "invalid_scope", 1002012, "The provided value for scope is not valid.")
        return None

    def _unproven(self, path: str, form: Mapping[str, str]) -> Reply | None:
        extra = set(form) - {"client_id", "grant_type", "scope"}
        if extra == {"client_secret"}:
            right = self.secret is not None and form["client_secret"] == self.secret
            said = "Invalid client secret provided."
            return None if right else sts(401, "invalid_client", 7000215, said)
        if extra == {"client_assertion", "client_assertion_type"}:
            right = self._asserted(form, f"{self.origin}{path}")
            said = "Client assertion contains an invalid signature."
            return None if right else sts(401, "invalid_client", 700027, said)
        said = "The request body must contain 'client_assertion' or 'client_secret'."
        return sts(401, "invalid_client", 7000218, said)

    def _asserted(self, form: Mapping[str, str], audience: str) -> bool:
        if form["client_assertion_type"] != _ASSERTION:
            return False
        for pem in self.certificates:
            try:
                token = jwt.decode(
                    form["client_assertion"], RSAKey.import_key(pem), algorithms=["PS256"]
                )
            except (JoseError, ValueError):
                continue
            claims, now = token.claims, time.time()
            return (
                token.header.get("x5t#S256") == thumbprint(pem)
                and claims["aud"] == audience
                and claims["iss"] == claims["sub"] == CLIENT_ID
                and claims["nbf"] - 300 <= now < claims["exp"]
                and bool(claims["jti"])
            )
        return False


def sts(status: int, error: str, code: int, said: str) -> Reply:
    """Return an error of the token endpoint, with what it says beside the words."""
    return status, {
        "error": error,
        "error_description": f"AADSTS{code}: {said} Trace ID: 0 Correlation ID: 0",
        "error_codes": [code],
        "timestamp": "2026-01-01 00:00:00Z",
        "trace_id": "0",
        "correlation_id": "0",
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }


def thumbprint(pem: str) -> str:
    """Return the base64url SHA-256 of a certificate's DER encoding."""
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
