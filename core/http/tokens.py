"""Ways to sign in: fixed tokens, basic, and OAuth 2 grants that bring a bearer token."""

from __future__ import annotations

import asyncio
import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from core.errors import ConfigurationError, SignInError, TerminalRemoteError, TransientRemoteError
from core.http.client import Answer, HttpClient, HttpOptions
from core.http.redaction import Redactor
from core.ports import Clock

Secret = Callable[[], str]
"""Resolves a secret reference at the moment of use; raises `ConfigurationError`."""

TOKEN_ENDPOINT: Final = "The token endpoint"  # noqa: S105 - what texts for people call it

_MARGIN_SECONDS: Final = 60.0
_MARGIN_SHARE: Final = 0.1
_PASSING: Final = frozenset({"temporarily_unavailable", "server_error"})
REFUSALS: Final = frozenset({400, 401})


def _header_value(secret: str) -> str:
    """Return the secret if it can stand in a header (RFC 9110 §5.5)."""
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigurationError(
            "The credential is empty or contains characters that no token has.",
            code="secret_invalid",
            hint="Look at what the reference points to; it must hold the bare value only.",
        )
    return secret


class _Static(ABC):
    """A header made from secrets, made again when the server refuses it."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._value: str | None = None

    @abstractmethod
    def _made(self) -> str:
        """Return the header's value from the secrets as they are now."""

    async def header(self) -> str:
        """Return the header's value, resolving the secrets the first time."""
        if self._value is None:
            self._value = await asyncio.to_thread(self._made)
        return self._value

    def proof(self, authorization: str, method: str, url: str) -> Mapping[str, str]:  # noqa: ARG002
        """Return nothing: the header says it all."""
        return {}

    async def renew(self) -> bool:
        """Resolve the secrets again; True if they are new, because somebody rotated them."""
        before, self._value = self._value, await asyncio.to_thread(self._made)
        return before != self._value

    async def aclose(self) -> None:
        """Forget the credential."""
        self._value = None


class BearerToken(_Static):
    """``Authorization`` with a fixed token: ``Bearer`` (RFC 6750 §2.1), or another scheme."""

    def __init__(self, token: Secret, *, redactor: Redactor, scheme: str = "Bearer") -> None:
        super().__init__(redactor)
        self._token = token
        self._scheme = scheme

    def _made(self) -> str:
        token = _header_value(self._token())
        self._redactor.learn(token)
        return f"{self._scheme} {token}"


class BasicSignIn(_Static):
    """``Authorization: Basic`` with a user name and a password (RFC 7617)."""

    def __init__(self, username: Secret, password: Secret, *, redactor: Redactor) -> None:
        super().__init__(redactor)
        self._username = username
        self._password = password

    def _made(self) -> str:
        password = self._password()
        self._redactor.learn(password)
        return _basic(self._username(), password, self._redactor)


def _basic(username: str, password: str, redactor: Redactor) -> str:
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    redactor.learn(encoded)
    return f"Basic {encoded}"


class _TokenAnswer(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: float | str | None = None


class TokenRefusal(msgspec.Struct):
    """A token endpoint's error: its word, and its text for people."""

    error: str = ""
    error_description: Any = ""


class TokenGrant(ABC):
    """A bearer token from an OAuth 2 token endpoint (RFC 6749 §4), which has an origin of its own.

    A token is renewed before it expires, and once on a 401.
    """

    def __init__(self, client: HttpClient, *, clock: Clock, redactor: Redactor) -> None:
        self._client = client
        self._clock = clock
        self._redactor = redactor
        self._lock = asyncio.Lock()
        self._header: str | None = None
        self._fresh_until: float | None = None

    @property
    def _schemes(self) -> Sequence[str]:
        """The types of token that can be used."""
        return ("Bearer",)

    @abstractmethod
    async def _ask(self) -> Answer:
        """Ask for a token; a 400 or 401 is returned."""

    @abstractmethod
    def _refused(self, answer: Answer) -> TerminalRemoteError:
        """Return the error for a grant that was refused with a 400 or 401."""

    async def header(self) -> str:
        """Return the header with a token that is fresh.

        Raises `SignInError` if the grant is refused, and what requests raise.
        """
        async with self._lock:
            if self._header is None or self._expired():
                answer = await self._ask()
                if answer.status in REFUSALS:
                    raise self._passing(answer) or self._refused(answer)
                self._keep(answer)
            return self._header or ""

    def _passing(self, answer: Answer) -> TransientRemoteError | None:
        """Return the error for an endpoint in trouble of its own: nobody must sign in again."""
        if token_refusal(answer).error not in _PASSING:
            return None
        return TransientRemoteError(
            f"{self._client.peer} cannot sign anybody in at the moment.",
            hint="Sync again in a while.",
            status=answer.status,
        )

    def proof(self, authorization: str, method: str, url: str) -> Mapping[str, str]:  # noqa: ARG002
        """Return nothing: whoever bears the token may use it."""
        return {}

    async def renew(self) -> bool:
        """Forget the token, so that the next request asks for a new one."""
        async with self._lock:
            self._header = None
        return True

    async def aclose(self) -> None:
        """Close the connection to the token endpoint."""
        await self._client.aclose()

    def _expired(self) -> bool:
        return self._fresh_until is not None and self._clock.monotonic() >= self._fresh_until

    def _keep(self, answer: Answer) -> None:
        try:
            token = msgspec.json.decode(answer.body, type=_TokenAnswer)
        except (ValueError, RecursionError) as error:
            raise self._no_token() from error
        scheme = next((one for one in self._schemes if one.lower() == token.token_type.lower()), "")
        if not scheme:
            raise self._no_token()
        try:
            value = _header_value(token.access_token)
        except ConfigurationError as error:
            raise self._no_token() from error
        self._redactor.learn(value)
        self._header = f"{scheme} {value}"
        self._fresh_until = self._end_of_freshness(token.expires_in)

    def _end_of_freshness(self, expires_in: float | str | None) -> float | None:
        try:
            seconds = float(expires_in) if expires_in is not None else None
        except ValueError:
            seconds = None
        if seconds is None:
            return None
        margin = min(_MARGIN_SECONDS, max(0.0, seconds) * _MARGIN_SHARE)
        return self._clock.monotonic() + max(0.0, seconds) - margin

    def _no_token(self) -> TerminalRemoteError:
        return TerminalRemoteError(
            f"{self._client.peer} answered the sign-in without a usable token.",
            code="token_unusable",
            hint="Check token_url: it must be the OAuth 2 token endpoint.",
        )


class ClientCredentials(TokenGrant):
    """OAuth 2 client credentials with a secret (RFC 6749 §4.4).

    The client signs in with HTTP Basic, which every server must support, and in the form where a
    server refuses that (RFC 6749 §2.3.1).
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        client_id: Secret,
        client_secret: Secret,
        scope: str | None,
        clock: Clock,
        redactor: Redactor,
    ) -> None:
        super().__init__(client, clock=clock, redactor=redactor)
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = scope
        self._in_form = False

    @classmethod
    async def open(
        cls,
        token_url: str,
        *,
        client_id: Secret,
        client_secret: Secret,
        scope: str | None,
        options: HttpOptions,
        redactor: Redactor,
    ) -> ClientCredentials:
        """Return the grant for this token endpoint; nothing is requested yet."""
        client = await HttpClient.open(
            token_url, options=options, redactor=redactor, called=TOKEN_ENDPOINT
        )
        return cls(
            client,
            client_id=client_id,
            client_secret=client_secret,
            scope=scope,
            clock=options.clock,
            redactor=redactor,
        )

    async def _ask(self) -> Answer:
        answer = await self._post()
        if answer.status in REFUSALS and not self._in_form and _unknown_client(answer):
            self._in_form = True
            answer = await self._post()
        return answer

    async def _post(self) -> Answer:
        client_id, secret = await asyncio.to_thread(
            lambda: (self._client_id(), self._client_secret())
        )
        self._redactor.learn(secret)
        fields = {"grant_type": "client_credentials"}
        if self._scope:
            fields["scope"] = self._scope
        headers = {}
        if self._in_form:
            fields |= {"client_id": client_id, "client_secret": secret}
        else:
            headers["Authorization"] = _basic(
                quote_plus(client_id), quote_plus(secret), self._redactor
            )
        return await self._client.post_form("", fields, headers=headers, tolerate=REFUSALS)

    def _refused(self, answer: Answer) -> SignInError:
        said = self._redactor.excerpt(token_refusal(answer).error, length=60)
        because = f" ({said})" if said else ""
        return SignInError(
            f"{self._client.peer} refused the client credentials{because}.",
            hint="Check client_id, client_secret and oauth_scope of the configuration.",
            status=answer.status,
        )


def token_refusal(answer: Answer) -> TokenRefusal:
    """Return what a token endpoint says of its refusal (RFC 6749 §5.2), as far as it is one."""
    try:
        return msgspec.json.decode(answer.body, type=TokenRefusal)
    except (ValueError, RecursionError):
        return TokenRefusal()


def _unknown_client(answer: Answer) -> bool:
    """Say whether the way of signing in may be what was refused (RFC 6749 §5.2)."""
    word = token_refusal(answer).error
    return answer.status == 401 or word in {"invalid_client", "invalid_request"}  # noqa: PLR2004 - the status of RFC 6749 §5.2
