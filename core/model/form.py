"""What the form for a configuration asks, as data: kinds of sign-in, steps and their fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSpec:
    """One thing to enter; `key` is its name in the file's provider part.

    Attributes:
        secret: a reference, or the secret itself, which is sealed at once and never shown again.
        lines: it has several lines, as a private key has.
    """

    key: str
    label: str
    hint: str = ""
    example: str = ""
    secret: bool = False
    optional: bool = False
    lines: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class KindSpec:
    """One way to sign in to one kind of provider.

    Attributes:
        type: of the provider, as in the file.
        rights: what must be granted at the provider, in its own words, and where.
        org_units: what to ask for organizational units of the scope; None if there are none.
        leavers: how soon somebody who was deleted there is missed, where that depends.
    """

    key: str
    type: str
    label: str
    about: str
    rights: str
    fields: tuple[FieldSpec, ...]
    org_units: FieldSpec | None = None
    leavers: str = ""


ORG_UNITS = FieldSpec(
    key="org_units",
    label="Org units, one a line",
    example="/Sales/Berlin",
    hint="By path or by id (id:…); the units below count too.",
    optional=True,
    lines=True,
)
_TYPED = (
    "Best a reference, env:DIRSYNC_CREDENTIAL_… or file:…, which whoever runs dirsync fills. A "
    "secret typed here is encrypted at once and never shown again."
)
_SCIM_URL = FieldSpec(
    key="url",
    label="Base URL of the SCIM server",
    example="https://idp.example/scim/v2",
    hint="The address that ends before /Users.",
)
_SCIM_RIGHTS = (
    "The account that signs in must be allowed to read Users and Groups (GET /Users, GET /Groups, "
    "RFC 7644). It needs no right to write."
)
_ENTRA_APP = (
    FieldSpec(
        key="tenant",
        label="Directory (tenant) ID",
        example="contoso.com",
        hint="On the app registration's overview; a verified domain will do, too.",
    ),
    FieldSpec(
        key="client_id",
        label="Application (client) ID",
        example="00000000-0000-0000-0000-000000000000",
    ),
)
_ENTRA_RIGHTS = (
    "In the Microsoft Entra admin center, App registrations, your app, API permissions: add the "
    "application permissions User.Read.All and GroupMember.Read.All of Microsoft Graph (and "
    "Organization.Read.All to show the tenant's name, Member.Read.Hidden for groups that hide "
    "their members), then Grant admin consent."
)
_GOOGLE_RIGHTS = (
    "Google Cloud console: enable the Admin SDK API; IAM & Admin, Service Accounts: create one, "
    "with a key (Keys, Add key, JSON). Google Admin console, Security, Access and data control, "
    "API controls, Manage Domain Wide Delegation: add its client ID with the scopes "
    "https://www.googleapis.com/auth/admin.directory.user.readonly and "
    "https://www.googleapis.com/auth/admin.directory.group.readonly (and, for org units in the "
    "scope, https://www.googleapis.com/auth/admin.directory.orgunit.readonly). The admin needs the "
    "Admin API privileges Users > Read and Groups > Read (and Organizational Units > Read)."
)
_OKTA_URL = FieldSpec(
    key="url",
    label="Address of the Okta org",
    example="https://acme.okta.com",
    hint="Nothing after the host name, and not the -admin address.",
)
_OKTA_RIGHTS = (
    "A service app (Applications, Create App Integration, API Services) needs its public key "
    "(General), the scopes okta.users.read and okta.groups.read (Okta API Scopes) and the "
    "role Read-only Admin (Admin roles). An API token (Security, API, Tokens) has the rights of "
    "its maker: that role is enough."
)
_LDAP_WHERE = (
    FieldSpec(
        key="url",
        label="Server",
        example="ldaps://dc1.example.com",
        hint="ldap:// is encrypted by StartTLS. Active Directory: a domain controller.",
    ),
    FieldSpec(
        key="base",
        label="Base DN",
        example="ou=Staff,dc=example,dc=com",
        hint="People and groups below it are read.",
    ),
)
_LDAP_CA = FieldSpec(
    key="ca",
    label="File of your certificate authority",
    example="file:ca.pem",
    optional=True,
    hint="In the credentials folder; empty for the authorities that the host trusts.",
)
_LDAP_UNITS = FieldSpec(
    key="org_units",
    label="Org units, one a line",
    example="Sales/Berlin",
    hint="By path below the base, by DN or by id (id:…); the units below count too.",
    optional=True,
    lines=True,
)
_LDAP_RIGHTS = (
    "Active Directory: an ordinary user of the domain; where reading was restricted, Delegate "
    "Control… on the base, Read all user information. OpenLDAP: read on the people's and groups' "
    "subtrees, entryUUID included, and limits with size.prtotal=unlimited for the account."
)
_LDAP_LEAVERS = (
    "Every sync sees who changed. It sees who was deleted where Active Directory tells this "
    "account by its DirSync control; everywhere else, the full read once a day finds that out. "
    "The check after this step says which it is."
)
KINDS: tuple[KindSpec, ...] = (
    KindSpec(
        key="scim-token",
        type="scim",
        label="SCIM 2.0, bearer token",
        about="Any identity provider that serves SCIM 2.0",
        rights=_SCIM_RIGHTS,
        fields=(
            _SCIM_URL,
            FieldSpec(key="token", label="Bearer token", secret=True, hint=_TYPED),
        ),
    ),
    KindSpec(
        key="scim-basic",
        type="scim",
        label="SCIM 2.0, user name and password",
        about="Where the server signs in by HTTP Basic",
        rights=_SCIM_RIGHTS,
        fields=(
            _SCIM_URL,
            FieldSpec(key="username", label="User name", example="reader"),
            FieldSpec(key="password", label="Password", secret=True, hint=_TYPED),
        ),
    ),
    KindSpec(
        key="scim-oauth",
        type="scim",
        label="SCIM 2.0, OAuth client credentials",
        about="Where a token is fetched with a client's secret",
        rights=_SCIM_RIGHTS,
        fields=(
            _SCIM_URL,
            FieldSpec(key="token_url", label="Token URL", example="https://idp.example/token"),
            FieldSpec(key="client_id", label="Client id", example="dirsync"),
            FieldSpec(key="client_secret", label="Client secret", secret=True, hint=_TYPED),
            FieldSpec(key="oauth_scope", label="OAuth scope", example="scim.read", optional=True),
        ),
    ),
    KindSpec(
        key="entra-secret",
        type="entra",
        label="Microsoft Entra ID, client secret",
        about="An app registration with a secret, which expires",
        rights=_ENTRA_RIGHTS,
        fields=(
            *_ENTRA_APP,
            FieldSpec(key="client_secret", label="Client secret", secret=True, hint=_TYPED),
        ),
    ),
    KindSpec(
        key="entra-certificate",
        type="entra",
        label="Microsoft Entra ID, certificate",
        about="An app registration with a certificate: what Microsoft recommends",
        rights=_ENTRA_RIGHTS,
        fields=(
            *_ENTRA_APP,
            FieldSpec(
                key="certificate",
                label="Private key and certificate, PEM",
                secret=True,
                lines=True,
                hint=f"{_TYPED} With a key of 4,096 bits the two are too long to be typed here.",
            ),
        ),
    ),
    KindSpec(
        key="google-key",
        type="google",
        label="Google Workspace, service account",
        about="Domain-wide delegation: reads in the name of an admin",
        rights=_GOOGLE_RIGHTS,
        fields=(
            FieldSpec(
                key="admin",
                label="Address of the admin",
                example="directory-reader@example.com",
                hint="The service account reads in this admin's name.",
            ),
            FieldSpec(
                key="service_account",
                label="Key of the service account, the whole JSON file",
                secret=True,
                lines=True,
                hint=_TYPED,
            ),
        ),
        org_units=ORG_UNITS,
    ),
    KindSpec(
        key="okta-key",
        type="okta",
        label="Okta, service app with a key",
        about="OAuth 2.0 with private_key_jwt: what Okta recommends",
        rights=_OKTA_RIGHTS,
        fields=(
            _OKTA_URL,
            FieldSpec(
                key="client_id",
                label="Client id of the service app",
                example="0oa1a2b3c4d5e6f7g8h9",
            ),
            FieldSpec(
                key="private_key",
                label="Private key, PEM or JWK",
                secret=True,
                lines=True,
                hint=_TYPED,
            ),
            FieldSpec(
                key="key_id",
                label="Key id (kid)",
                example="dirsync-2026",
                optional=True,
                hint="Needed for a PEM key; a JWK says it itself.",
            ),
        ),
    ),
    KindSpec(
        key="okta-token",
        type="okta",
        label="Okta, API token",
        about="SSWS: the token has the rights of whoever made it",
        rights=_OKTA_RIGHTS,
        fields=(
            _OKTA_URL,
            FieldSpec(key="token", label="API token", secret=True, hint=_TYPED),
        ),
    ),
    KindSpec(
        key="ldap-password",
        type="ldap",
        label="LDAP or Active Directory, password",
        about="A directory server of your own, always encrypted",
        rights=_LDAP_RIGHTS,
        fields=(
            *_LDAP_WHERE,
            FieldSpec(
                key="user",
                label="User",
                example="reader@example.com",
                hint="Other directories than Active Directory take the whole DN.",
            ),
            FieldSpec(key="password", label="Password", secret=True, hint=_TYPED),
            _LDAP_CA,
        ),
        org_units=_LDAP_UNITS,
        leavers=_LDAP_LEAVERS,
    ),
    KindSpec(
        key="csv-file",
        type="csv",
        label="CSV file on the host",
        about="A file that something else writes every so often",
        rights="Whoever runs dirsync puts the file into DIRSYNC_CREDENTIALS_DIR.",
        fields=(
            FieldSpec(
                key="file",
                label="Path inside the credentials folder",
                example="people.csv",
                hint="The usual headers are recognised: id, email, user name, name, active …",
            ),
        ),
    ),
    KindSpec(
        key="csv-url",
        type="csv",
        label="CSV file over https",
        about="A report that a system serves",
        rights="The token, where one is needed, must be allowed to read the file.",
        fields=(
            FieldSpec(key="url", label="URL of the file", example="https://hr.example/people.csv"),
            FieldSpec(
                key="token",
                label="Bearer token",
                secret=True,
                optional=True,
                hint=_TYPED,
            ),
        ),
    ),
)
BY_KEY: Mapping[str, KindSpec] = {kind.key: kind for kind in KINDS}
SECRET_KEYS = frozenset(field.key for kind in KINDS for field in kind.fields if field.secret)
STEPS: Mapping[str, tuple[str, ...]] = {
    "provider": ("name", "kind"),
    "signin": tuple(dict.fromkeys(field.key for kind in KINDS for field in kind.fields)),
    "scope": ("groups", "domains", "org_units", "filter"),
    "mapping": ("mapping",),
    "schedule": ("starts", "every", "time", "weekday", "cron", "timezone"),
    "alerts": (
        "channel",
        "send",
        "percent",
        "minimum",
        "canaries",
        "on_missing",
        "grace",
        "priority",
    ),
}
"""The steps of the form, and the fields of each."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ONLY_ON_CREATE = "(only on create)"
"""What ends the line of an attribute that is written only when a person is created."""
