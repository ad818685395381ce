"""How one signs in to the Google of the tests: a service account in an admin's name.

Judged as "Using OAuth 2.0 for Server to Server Applications" describes it, with the refusals of
its table of JWT error codes.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.vendors.google_directory import GoogleCustomer

SCOPES = {
    kind: f"https://www.googleapis.com/auth/admin.directory.{kind}.readonly"
    for kind in ("user", "group", "orgunit")
}
ADMIN = "admin@example.com"
CLIENT_ID = "104111222333444555666"
EMAIL = "dirsync@acme-directory.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_UNAUTHORIZED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized "
    "for any of the scopes requested."
)
_LATE = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


@cache
def private_key() -> RSAKey:
    return RSAKey.generate_key(2048)


def key_file(**changed: str) -> str:
    """Return the JSON that the Cloud console hands out once."""
    key = {
        "type": "service_account",
        "project_id": "acme-directory",
        "private_key_id": "key-of-the-tests",
        "private_key": private_key().as_pem(private=True).decode(),
        "client_email": EMAIL,
        "client_id": CLIENT_ID,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": AUDIENCE,
        **changed,
    }
    return json.dumps(key, indent=2)


@dataclass(kw_only=True)
class Delegation:
    """What the Admin console and the Cloud console say of the service account.

    Attributes:
        scopes: delegated to its client ID.
        keys: by id, the public keys that are not deleted.
        admins: who may be impersonated -> what their role may read.
        ahead: how far Google's clock is ahead of this machine's, in seconds.
    """

    scopes: set[str] = field(default_factory=lambda: set(SCOPES.values()))
    keys: dict[str, RSAKey] = field(default_factory=lambda: {"key-of-the-tests": private_key()})
    admins: dict[str, set[str]] = field(default_factory=lambda: {ADMIN: set(SCOPES)})
    disabled: bool = False
    ahead: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Grant:
    scopes: frozenset[str]
    admin: str


class GoogleError(Exception):
    """An answer that is an error of the API."""

    def __init__(self, status: int, reason: str, says: str, **headers: str) -> None:
        super().__init__(reason)
        self.status, self.reason, self.says, self.headers = status, reason, says, headers

    def answer(self) -> web.Response:
        quota = self.reason.endswith("Exceeded")
        one = {
            "message": self.says,
            "domain": "usageLimits" if quota else "global",
            "reason": self.reason,
        }
        body = {"error": {"code": self.status, "message": self.says, "errors": [one]}}
        return web.json_response(body, status=self.status, headers=self.headers)


class GoogleTokens:
    """Who may ask for what."""

    def __init__(self, customer: GoogleCustomer) -> None:
        self.customer = customer
        self.delegation = Delegation()
        self.granted: list[str] = []
        self._grants: dict[str, Grant] = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    def revoke(self) -> None:
        """Know no key and no token any more."""
        self.delegation.keys.clear()
        self._grants.clear()

    def forget_grants(self) -> None:
        """Let every access token expire at once."""
        self._grants.clear()

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        if set(form) != {"grant_type", "assertion"} or form["grant_type"] != _GRANT:
            return _refused("unsupported_grant_type", "Invalid grant_type: ")
        try:
            claims = self._proven(form["assertion"])
        except (JoseError, ValueError, LookupError):
            return _refused("invalid_grant", "Invalid JWT Signature.")
        if self.delegation.disabled:
            return _refused("disabled_client", "The OAuth client was disabled.", status=401)
        refusal = self._judged(claims)
        if refusal is not None:
            return refusal
        token = "ya29." + secrets.token_urlsafe(24)
        scopes = frozenset(str(claims["scope"]).split())
        self._grants[token] = Grant(scopes=scopes, admin=str(claims["sub"]))
        self.granted.append(str(claims["scope"]))
        body = {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}
        return web.json_response(body)

    def _proven(self, assertion: str) -> Mapping[str, object]:
        head = json.loads(base64.urlsafe_b64decode(assertion.partition(".")[0] + "=="))
        assert set(head) == {"alg", "typ", "kid"}
        key = self.delegation.keys[head["kid"]]
        return jwt.decode(assertion, key, algorithms=["RS256"]).claims

    def _judged(self, claims: Mapping[str, object]) -> web.Response | None:
        now = self.customer_time()
        issued, expires = int(str(claims["iat"])), int(str(claims["exp"]))
        scopes = set(str(claims.get("scope", "")).split())
        faults = (
            (not issued - 300 <= now < expires <= issued + 3600, "invalid_grant", _LATE),
            (claims["aud"] != AUDIENCE, "invalid_grant", "Invalid JWT: Failed audience."),
            (claims["iss"] != EMAIL, "invalid_grant", "Invalid grant: account not found"),
            (
                claims.get("sub") not in self.delegation.admins,
                "invalid_grant",
                "Invalid email or User ID",
            ),
            (
                not scopes or not scopes <= set(SCOPES.values()),
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            ),
            (not scopes <= self.delegation.scopes, "unauthorized_client", _UNAUTHORIZED),
        )
        for wrong, word, says in faults:
            if wrong:
                return _refused(word, says, status=401 if word == "unauthorized_client" else 400)
        return None

    def customer_time(self) -> float:
        return time.time() + self.delegation.ahead

    def _authorized(self, request: web.Request, kind: str) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._grants.get(token)
        if scheme != "Bearer" or grant is None:
            raise GoogleError(401, "authError", "Invalid Credentials")
        if SCOPES[kind] not in grant.scopes:
            says = "Request had insufficient authentication scopes."
            raise GoogleError(403, "insufficientPermissions", says)
        if kind not in self.delegation.admins.get(grant.admin, set()):
            raise GoogleError(403, "forbidden", "Not Authorized to access this resource/api")


def _refused(word: str, says: str, *, status: int = 400) -> web.Response:
    return web.json_response({"error": word, "error_description": says}, status=status)
