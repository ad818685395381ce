"""How dirsync signs in to Google Workspace: a service account in the name of an admin.

"Using OAuth 2.0 for Server to Server Applications" of Google Identity: the assertion of RFC 7523,
signed with RS256, with the admin as ``sub``; and what its table "JWT error codes" says of refusals.
Each scope has a token of its own, so that a scope that is not granted costs only what needs it,
and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.errors import RemoteError
from core.http.assertions import AssertionGrant, bearer_form, claims_for, sign
from core.http.redaction import Redactor
from core.providers.context import ProviderContext
from core.providers.google.service_account import ServiceAccount, parse_key

_SCOPE: Final = "https://www.googleapis.com/auth/admin.directory."
PEOPLE: Final = f"{_SCOPE}user.readonly"
GROUPS: Final = f"{_SCOPE}group.readonly"
UNITS: Final = f"{_SCOPE}orgunit.readonly"
TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
"""Where assertions go, and always their audience, wherever they are sent."""

_DELEGATION: Final = (
    "In the Google Admin console, Security > Access and data control > API controls > Manage "
    "Domain Wide Delegation"
)
_KEYS: Final = "In the Google Cloud console, IAM & Admin > Service Accounts"
_LATE: Final = "What is changed there can take up to 24 hours."
MISSING: Final = frozenset(
    {"unauthorized_client", "access_denied", "admin_policy_enforced", "invalid_scope"}
)
"""Words of a refusal that say that the delegation, or a scope in it, is missing."""

_PRIVILEGES: Final = {
    PEOPLE: "Users > Read",
    GROUPS: "Groups > Read",
    UNITS: "Organizational Units > Read",
}


class GoogleSignIn:
    """Makes grants of one service account in one admin's name."""

    def __init__(
        self,
        *,
        admin: str,
        key: str,
        token_url: str,
        context: ProviderContext,
        redactor: Redactor,
    ) -> None:
        self._admin = admin
        self._key = context.secret(key, name="service_account")
        self._token_url = token_url
        self._context = context
        self._redactor = redactor

    @property
    def redactor(self) -> Redactor:
        """Knows what must not be shown."""
        return self._redactor

    def account(self) -> ServiceAccount:
        """Return the service account; raises `ConfigurationError` if its key cannot be used."""
        account = parse_key(self._key())
        self._redactor.learn(account.key)
        return account

    async def grant(self, scope: str) -> AssertionGrant:
        """Return a grant for this scope alone; nothing is requested yet."""
        return await AssertionGrant.open(
            self._token_url,
            form=lambda: bearer_form(self._assertion(scope)),
            hints=self._hints(scope),
            missing=MISSING,
            options=self._context.http,
            redactor=self._redactor,
        )

    def right(self, scope: str) -> str:
        """Return what to do when Google takes the token but not the request (403)."""
        return (
            f"{self._admin} must be an admin with the privilege {_PRIVILEGES[scope]} in the Admin "
            "API privileges, for all organizational units: in the Google Admin console, Account > "
            "Admin roles, assign such a role. In the Google Cloud project of the service account "
            "the Admin SDK API must be enabled."
        )

    def undelegated(self) -> str:
        """Return what to do when no scope is granted at all."""
        client_id = self.account().client_id
        return (
            f"{_DELEGATION}, choose Add new, and enter the client ID {client_id} with the scopes "
            f"that dirsync needs: {PEOPLE}, and with groups {GROUPS}. {_LATE}"
        )

    def _assertion(self, scope: str) -> str:
        account = self.account()
        claims = claims_for(
            TOKEN_URL,
            issuer=account.email,
            subject=self._admin,
            now=self._context.clock.now(),
            scope=scope,
        )
        return sign(claims, key=account.key, header={"kid": account.key_id}, algorithm="RS256")

    def _hints(self, scope: str) -> Mapping[str, str]:
        grant = (
            f"{_DELEGATION}, add the scope {scope} to the service account's client ID (the number, "
            f"not its e-mail address). {_LATE}"
        )
        key = f"{_KEYS}, look at the service account and its key, and create a new key if in doubt."
        return {
            "unauthorized_client": grant,
            "access_denied": grant,
            "invalid_scope": grant,
            "admin_policy_enforced": "In the Google Admin console, Security > Access and data "
            "control > API controls > Manage App Access, trust the service account's client ID.",
            "invalid_grant": f"Check that {self._admin} is the primary address of an admin who may "
            f"sign in, that this machine's clock is right, and that the key is not deleted. {key}",
            "disabled_client": f"{_KEYS}, enable the service account or its key again.",
            "": key,
        }


def hinted(error: RemoteError, *, right: str) -> RemoteError:
    """Return a refused request's error with what to do about it, in Google's words."""
    if error.status != 403:  # noqa: PLR2004 - RFC 9110 §15.5.4
        return error
    return type(error)(error.message, hint=right, status=error.status)
