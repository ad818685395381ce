"""How one signs in to the Okta org of the tests: API tokens, and service apps with their proofs."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.vendors.okta_org import OktaOrg

SCOPES = {"users": "okta.users.read", "groups": "okta.groups.read"}
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]


class OktaError(Exception):
    """An answer that is an Okta error object."""

    def __init__(self, status: int, code: str, summary: str, **headers: str) -> None:
        super().__init__(code)
        self.status, self.code, self.summary, self.headers = status, code, summary, headers

    def answer(self) -> web.Response:
        body = {
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": "oae" + secrets.token_hex(8),
            "errorCauses": [],
        }
        return web.json_response(body, status=self.status, headers=self.headers)


class _RoomyRegistry(JWSRegistry):
    """Takes a whole RSA key in a header."""

    max_header_length = 4096


_ROOMY = _RoomyRegistry(algorithms=_ALGORITHMS)


@dataclass(kw_only=True)
class ServiceApp:
    """An API Services app; newly made ones require DPoP until somebody switches that off."""

    client_id: str
    keys: Mapping[str, RSAKey | ECKey]
    scopes: set[str] = field(default_factory=lambda: set(SCOPES.values()))
    roles: set[str] = field(default_factory=lambda: set(SCOPES))
    requires_dpop: bool = False


@dataclass(kw_only=True)
class _Grant:
    scopes: frozenset[str]
    roles: set[str]
    thumbprint: str


class _UnprovenError(Exception):
    def __init__(self, says: str, *, word: str = "invalid_dpop_proof") -> None:
        super().__init__(says)
        self.word = word


class OktaTokens:
    """Who may ask for what.

    Attributes:
        tokens: accepted API tokens, with the kinds of things that their admin's role may see.
        apps: by client id.
        nonce: what proofs of possession must have in them at the token endpoint.
    """

    def __init__(self, org: OktaOrg) -> None:
        self.tokens: dict[str, set[str]] = {}
        self.apps: dict[str, ServiceApp] = {}
        self.nonce = secrets.token_urlsafe(16)
        self._grants: dict[str, _Grant] = {}
        self._used: set[str] = set()
        self.org = org
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def revoke(self) -> None:
        """Know no credential any more."""
        self.tokens.clear()
        self._grants.clear()
        self.apps.clear()

    def forget_grants(self) -> None:
        """Let every access token expire at once."""
        self._grants.clear()

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        wanted = {"grant_type", "scope", "client_assertion_type", "client_assertion"}
        if set(form) != wanted or form["client_assertion_type"] != _ASSERTION:
            return _oauth("invalid_request", "The parameters are not those of this flow.")
        if form["grant_type"] != "client_credentials":
            return _oauth("unsupported_grant_type", "The grant type is not supported.")
        app = self._proven(form["client_assertion"], f"http://{request.host}{request.path}")
        if app is None:
            return _oauth("invalid_client", "The client_assertion is invalid.", status=401)
        thumbprint = ""
        if app.requires_dpop:
            try:
                thumbprint = self._possession(request, nonce=self.nonce)
            except _UnprovenError as error:
                return _oauth(error.word, str(error), nonce=self.nonce)
        scopes = frozenset(form["scope"].split())
        if not scopes or not scopes <= app.scopes:
            return _oauth("invalid_scope", "One or more scopes are not granted to the client.")
        token = secrets.token_urlsafe(24)
        self._grants[token] = _Grant(scopes=scopes, roles=app.roles, thumbprint=thumbprint)
        kind = "DPoP" if thumbprint else "Bearer"
        body = {"token_type": kind, "expires_in": 3600, "access_token": token}
        return web.json_response(body | {"scope": form["scope"]})

    def _proven(self, assertion: str, audience: str) -> ServiceApp | None:
        """Return the app that signed this, as RFC 7523 and Okta's guide judge it."""
        try:
            head = json.loads(base64.urlsafe_b64decode(assertion.partition(".")[0] + "=="))
            candidates = [
                (app, app.keys[head["kid"]])
                for app in self.apps.values()
                if head.get("kid") in app.keys
            ]
            app, key = candidates[0]
            claims = jwt.decode(assertion, key, algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError, LookupError):
            return None
        now = self.org.now().timestamp()
        fresh = now < claims["exp"] <= now + 3600 and claims.get("jti") not in self._used
        rightly = claims["iss"] == claims["sub"] == app.client_id and claims["aud"] == audience
        if "jti" in claims:
            self._used.add(claims["jti"])
        return app if fresh and rightly else None

    def _bound(self, request: web.Request, grant: _Grant, scheme: str, token: str) -> bool:
        """Whether a token is used in the way, and by the key, that it was made for."""
        if not grant.thumbprint:
            return scheme == "Bearer"
        try:
            return scheme == "DPoP" and self._possession(request, token=token) == grant.thumbprint
        except _UnprovenError:
            return False

    def _possession(self, request: web.Request, *, nonce: str = "", token: str = "") -> str:
        """Return the thumbprint of the key that proves itself (RFC 9449 §4.3), or raise."""
        proofs = request.headers.getall("DPoP", [])
        if len(proofs) != 1:
            raise _UnprovenError("The DPoP proof JWT header is missing.")
        try:
            head = json.loads(base64.urlsafe_b64decode(proofs[0].partition(".")[0] + "=="))
            key = (ECKey if head["jwk"]["kty"] == "EC" else RSAKey).import_key(head["jwk"])
            claims = jwt.decode(proofs[0], key, algorithms=_ALGORITHMS, registry=_ROOMY).claims
        except (JoseError, ValueError, LookupError) as error:
            raise _UnprovenError("DPoP proof JWT cannot be parsed.") from error
        own = str(request.url.with_query(None).with_scheme("http"))
        rightly = head["typ"] == "dpop+jwt" and "d" not in head["jwk"]
        rightly &= (claims["htm"], claims["htu"]) == (request.method, own)
        rightly &= abs(claims["iat"] - self.org.now().timestamp()) < 300
        rightly &= claims["jti"] not in self._used
        hashed = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest())
        rightly &= not token or claims.get("ath") == hashed.rstrip(b"=").decode()
        if not rightly:
            raise _UnprovenError("A claim in the DPoP proof JWT is invalid.")
        if nonce and claims.get("nonce") != nonce:
            says = "Authorization server requires nonce in DPoP proof."
            raise _UnprovenError(says, word="use_dpop_nonce")
        self._used.add(claims["jti"])
        return key.thumbprint()

    def _authorized(self, request: web.Request, kind: str) -> None:
        if "application/json" not in request.headers.get("Accept", ""):
            raise OktaError(406, "E0000044", "This operation is not allowed for this media type.")
        if not request.headers.get("User-Agent"):
            raise OktaError(400, "E0000001", "Api validation failed: User-Agent")
        scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
        if scheme == "SSWS" and credential in self.tokens:
            roles = self.tokens[credential]
        elif scheme in {"Bearer", "DPoP"} and credential in self._grants:
            grant = self._grants[credential]
            if not self._bound(request, grant, scheme, credential):
                raise OktaError(401, "E0000011", "Invalid token provided")
            roles = grant.roles
            if SCOPES[kind] not in grant.scopes:
                challenge = (
                    f'Bearer authorization_uri="{self.url}/oauth2/v1/authorize", '
                    f'scope="{SCOPES[kind]}", error="insufficient_scope"'
                )
                raise OktaError(403, "E0000006", "No.", **{"WWW-Authenticate": challenge})
        else:
            raise OktaError(401, "E0000011", "Invalid token provided")
        if kind not in roles:
            summary = "You do not have permission to perform the requested action"
            raise OktaError(403, "E0000006", summary)


def _oauth(word: str, says: str, *, status: int = 400, nonce: str = "") -> web.Response:
    headers = {"dpop-nonce": nonce} if word == "use_dpop_nonce" else {}
    body = {"error": word, "error_description": says}
    return web.json_response(body, status=status, headers=headers)
