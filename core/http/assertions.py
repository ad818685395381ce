"""Signed assertions: a client proves who it is with a private key (RFC 7521, RFC 7523)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Self

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from core.errors import ConfigurationError, PermissionMissingError, SignInError, TerminalRemoteError
from core.http.client import Answer, HttpClient, HttpOptions
from core.http.dpop import SCHEME, WANTED, ProofKey
from core.http.pacing import server_time
from core.http.redaction import Redactor
from core.http.tokens import REFUSALS, TOKEN_ENDPOINT, TokenGrant, token_refusal
from core.ports import Clock

LIFETIME_SECONDS: Final = 300
MISSING: Final = frozenset({"invalid_scope"})
"""The word of a refusal that a right is missing (RFC 6749 §5.2)."""

_JWT_CLIENT: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SKEW_SECONDS: Final = 60
_PROOFS_TRIED: Final = 2
_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}

Form = Callable[[], Mapping[str, str]]
"""Makes the fields of one token request; resolves secrets and signs, so it may block."""


def sign(
    claims: Mapping[str, object],
    *,
    key: str,
    header: Mapping[str, str] | None = None,
    algorithm: str | None = None,
) -> str:
    """Return a JWT signed with a private key, which is PEM or a JWK (RFC 7515, RFC 7517).

    Args:
        claims: the whole payload.
        key: RSA or elliptic; a ``kid`` in a JWK goes into the header.
        header: further header parameters, such as ``kid`` or ``x5t#S256``.
        algorithm: instead of the key's usual one: RS256, or ES256 to ES512 by the curve.

    Raises `ConfigurationError` (``secret_invalid``) if the key cannot sign.
    """
    try:
        imported = _imported(key)
        usual = "RS256" if isinstance(imported, RSAKey) else _CURVES[imported.curve_name]
        parameters = {"alg": algorithm or usual, "typ": "JWT"}
        if imported.kid:
            parameters["kid"] = imported.kid
        parameters |= header or {}
        return jwt.encode(parameters, dict(claims), imported, algorithms=[parameters["alg"]])
    except (JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError) as error:
        raise _no_key() from error


def _imported(key: str) -> RSAKey | ECKey:
    r"""Return the private key. A PEM text from a variable may have ``\n`` for its ends of lines."""
    imported: RSAKey | ECKey
    if key.startswith("{"):
        parameters = msgspec.json.decode(key, type=dict[str, str | list[str]])
        kind = RSAKey if parameters["kty"] == "RSA" else ECKey
        imported = kind.import_key(parameters)
    else:
        loaded = load_pem_private_key(key.replace("\\n", "\n").encode(), password=None)
        if isinstance(loaded, RSAPrivateKey):
            imported = RSAKey.import_key(loaded)
        elif isinstance(loaded, EllipticCurvePrivateKey):
            imported = ECKey.import_key(loaded)
        else:
            raise _no_key()
    if not imported.is_private:
        raise _no_key()
    return imported


def _no_key() -> ConfigurationError:
    return ConfigurationError(
        "The private key is neither PEM nor a JWK with which one can sign.",
        code="secret_invalid",
        hint="Look at what the reference points to: an RSA or EC private key, not encrypted.",
    )


def claims_for(
    audience: str, *, issuer: str, subject: str, now: datetime, **more: str
) -> dict[str, object]:
    """Return the claims of an assertion that is valid for five minutes from now (RFC 7523 §3)."""
    issued = int(now.timestamp())
    return {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
        "jti": str(uuid.uuid4()),
        **more,
    }


def client_form(assertion: str, **fields: str) -> dict[str, str]:
    """Return the fields of client credentials with an assertion (RFC 7523 §2.2)."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": _JWT_CLIENT,
        "client_assertion": assertion,
        **fields,
    }


def bearer_form(assertion: str, **fields: str) -> dict[str, str]:
    """Return the fields of a grant that is the assertion itself (RFC 7523 §2.1)."""
    return {"grant_type": _JWT_GRANT, "assertion": assertion, **fields}


class AssertionGrant(TokenGrant):
    """A token that is asked for with a signed assertion, made anew each time.

    Where the server wants proofs of possession (RFC 9449) it gets them.
    `hints` say what to do about a refusal, by its word (RFC 6749 §5.2); the words in `missing`
    are a `PermissionMissingError`, everything else a `SignInError`.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        form: Form,
        hints: Mapping[str, str],
        missing: frozenset[str],
        clock: Clock,
        redactor: Redactor,
    ) -> None:
        super().__init__(client, clock=clock, redactor=redactor)
        self._form = form
        self._hints = hints
        self._missing = missing
        self._binding: ProofKey | None = None
        self._nonce = ""

    @classmethod
    async def open(
        cls,
        token_url: str,
        *,
        form: Form,
        hints: Mapping[str, str],
        options: HttpOptions,
        redactor: Redactor,
        missing: frozenset[str] = MISSING,
    ) -> Self:
        """Return the grant for this token endpoint; nothing is requested yet."""
        client = await HttpClient.open(
            token_url, options=options, redactor=redactor, called=TOKEN_ENDPOINT
        )
        return cls(
            client,
            form=form,
            hints=hints,
            missing=missing,
            clock=options.clock,
            redactor=redactor,
        )

    def proof(self, authorization: str, method: str, url: str) -> Mapping[str, str]:
        """Return the proof that a bound token is used by whom it was made for."""
        scheme, _, token = authorization.partition(" ")
        if self._binding is None or scheme != SCHEME:
            return {}
        return {SCHEME: self._binding.proof(method, url, token=token)}

    @property
    def _schemes(self) -> Sequence[str]:
        return ("Bearer",) if self._binding is None else (SCHEME, "Bearer")

    async def _ask(self) -> Answer:
        """Ask for a token; where the server wants that, for one bound to a key of our own."""
        answer = await self._post()
        for _ in range(_PROOFS_TRIED):
            if answer.status not in REFUSALS or token_refusal(answer).error not in WANTED:
                break
            self._nonce = answer.headers.get("dpop-nonce", "")
            if self._binding is None:
                self._binding = await asyncio.to_thread(ProofKey, clock=self._clock)
            answer = await self._post()
        return answer

    async def _post(self) -> Answer:
        fields = await asyncio.to_thread(self._form)
        for name in ("client_assertion", "assertion"):
            self._redactor.learn(fields.get(name, ""))
        headers = {}
        if self._binding is not None:
            url = self._client.base_url
            headers[SCHEME] = self._binding.proof("POST", url, nonce=self._nonce)
        return await self._client.post_form("", fields, headers=headers, tolerate=REFUSALS)

    def _refused(self, answer: Answer) -> TerminalRemoteError:
        refusal = token_refusal(answer)
        said = self._redactor.excerpt(f"{refusal.error}: {refusal.error_description}".strip(": "))
        message = f"{self._client.peer} granted no token{f' ({said})' if said else ''}."
        message += self._skew(answer)
        hint = self._hints.get(refusal.error) or self._hints.get("", "")
        if refusal.error in self._missing:
            return PermissionMissingError(message, hint=hint, status=answer.status)
        return SignInError(message, hint=hint, status=answer.status)

    def _skew(self, answer: Answer) -> str:
        """Say that the clocks differ, which makes every assertion invalid."""
        theirs = server_time(answer.headers)
        ahead = 0.0 if theirs is None else self._clock.now().timestamp() - theirs
        if abs(ahead) < _SKEW_SECONDS:
            return ""
        way = "ahead of" if ahead > 0 else "behind"
        return f" This machine's clock is {abs(ahead):,.0f} seconds {way} theirs."
