"""How dirsync signs in to Okta, and in Okta's words what to do when that does not suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.errors import ConfigurationError, PermissionMissingError, RemoteError
from core.http.assertions import AssertionGrant, claims_for, client_form, sign
from core.http.client import Authorizer
from core.http.redaction import Redactor
from core.http.tokens import BearerToken
from core.model.configuration import OktaSettings
from core.providers.context import ProviderContext

USERS: Final = "/api/v1/users"
GROUPS: Final = "/api/v1/groups"
USERS_SCOPE: Final = "okta.users.read"
GROUPS_SCOPE: Final = "okta.groups.read"

_APP: Final = "In the Admin Console, Applications > Applications, open the service app"
_ROLE: Final = "the role Read-only Admin, or a custom role with the permission"
_RENEWAL: Final = (
    "In the Admin Console, Security > API > Tokens, create a token and put it where the "
    "configuration refers to. A token that is not used for 30 days expires, and one whose admin "
    "is deactivated is revoked."
)
_DPOP: Final = (
    "Okta did not take the proof of possession (DPoP), which a wrong clock can be the cause of. "
    f"{_APP}, and on the tab General clear “Require Demonstrating Proof of Possession (DPoP) "
    "header in token requests” if it stays like this."
)
_REFUSALS: Final = {
    "invalid_scope": f"{_APP}, and on the tab Okta API Scopes grant {{scopes}}; only a Super "
    "Admin can.",
    "invalid_dpop_proof": _DPOP,
    "use_dpop_nonce": _DPOP,
    "": f"{_APP}: client_id, and under Public keys the key that belongs to private_key (and "
    "key_id), stand on the tab General.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OktaSignIn:
    """One way to sign in.

    Attributes:
        rights: from the beginning of a path to what to do when Okta refuses it (403).
        renewal: what to do when Okta does not know the credential any more (401).
        probes: scope -> a grant for that scope alone; empty for an API token.
    """

    authorizer: Authorizer
    rights: Mapping[str, str]
    renewal: str
    probes: Mapping[str, AssertionGrant] = field(default_factory=dict)

    def hint(self, error: RemoteError, path: str) -> str:
        """Return what to do about a refused request; a refused grant has its own hint."""
        if error.status == 401 and isinstance(self.authorizer, BearerToken):  # noqa: PLR2004 - RFC 9110 §15.5.2
            return self.renewal
        if error.status != 403:  # noqa: PLR2004 - RFC 9110 §15.5.4
            return error.hint
        hints = (hint for start, hint in self.rights.items() if path.startswith(start))
        return next(hints, error.hint)

    async def refused_scopes(self) -> Mapping[str, PermissionMissingError]:
        """Return the scopes that are refused when each is asked for alone, and how."""
        refused = {}
        for scope, grant in self.probes.items():
            try:
                await grant.header()
            except PermissionMissingError as error:
                refused[scope] = error
        return refused

    async def aclose(self) -> None:
        """Close the connections of the probes; safe to call twice."""
        for grant in self.probes.values():
            await grant.aclose()


async def open_sign_in(
    settings: OktaSettings, *, origin: str, context: ProviderContext, redactor: Redactor
) -> OktaSignIn:
    """Return the one way to sign in that the settings name; nothing is requested yet.

    Raises `ConfigurationError` (``sign_in_ambiguous``) if they name none, or two.
    """
    app = bool(settings.client_id and settings.private_key)
    half = bool(settings.client_id or settings.private_key or settings.key_id)
    if app == bool(settings.token) or half != app:
        raise ConfigurationError(
            "The configuration must name exactly one way to sign in.",
            code="sign_in_ambiguous",
            hint="Give client_id and private_key of a service app; or token, an API token.",
        )
    if settings.token:
        token = context.secret(settings.token, name="token")
        authorizer = BearerToken(token, redactor=redactor, scheme="SSWS")
        return OktaSignIn(authorizer=authorizer, rights=_token_rights(), renewal=_RENEWAL)
    scopes = (USERS_SCOPE, GROUPS_SCOPE) if settings.groups else (USERS_SCOPE,)
    service = _ServiceApp(settings, origin=origin, context=context, redactor=redactor)
    return OktaSignIn(
        authorizer=await service.grant(scopes),
        rights=_app_rights(),
        renewal="",
        probes={scope: await service.grant((scope,)) for scope in scopes},
    )


class _ServiceApp:
    """An API Services app, which proves itself with ``private_key_jwt`` (RFC 7523 §2.2)."""

    def __init__(
        self, settings: OktaSettings, *, origin: str, context: ProviderContext, redactor: Redactor
    ) -> None:
        self._client_id = context.text(settings.client_id or "", name="client_id")
        self._key = context.secret(settings.private_key or "", name="private_key")
        self._header = {"kid": settings.key_id} if settings.key_id else {}
        self._endpoint = f"{origin}/oauth2/v1/token"
        self._context = context
        self._redactor = redactor

    async def grant(self, scopes: Sequence[str]) -> AssertionGrant:
        """Return a grant for these scopes."""
        asked = " ".join(scopes)
        hints = {word: hint.format(scopes=" and ".join(scopes)) for word, hint in _REFUSALS.items()}
        return await AssertionGrant.open(
            self._endpoint,
            form=lambda: client_form(self._assertion(), scope=asked),
            hints=hints,
            options=self._context.http,
            redactor=self._redactor,
        )

    def _assertion(self) -> str:
        client_id = self._client_id()
        claims = claims_for(
            self._endpoint,
            issuer=client_id,
            subject=client_id,
            now=self._context.clock.now(),
        )
        return sign(claims, key=self._key(), header=self._header)


def _app_rights() -> Mapping[str, str]:
    return {
        path: f"{_APP}: the tab Okta API Scopes must grant {scope}, and the tab Admin roles must "
        f"assign {_ROLE} {scope} for everybody."
        for path, scope in ((USERS, USERS_SCOPE), (GROUPS, GROUPS_SCOPE))
    }


def _token_rights() -> Mapping[str, str]:
    return {
        path: "An API token has the rights of the admin who made it. In the Admin Console, "
        f"Security > Administrators, assign that admin {_ROLE} {scope} for everybody."
        for path, scope in ((USERS, USERS_SCOPE), (GROUPS, GROUPS_SCOPE))
    }
