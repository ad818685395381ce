"""What an admin decides: configurations, scope, mapping, guard, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NewType

from core.model.directory import ExternalId
from core.model.freeze import Freeze

AccountId = NewType("AccountId", str)
ConfigurationId = NewType("ConfigurationId", str)

DEFAULT_ACCOUNT = AccountId("default")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScimSettings:
    """How to reach a SCIM 2.0 server; secrets are references such as ``env:DIRSYNC_CREDENTIAL_X``.

    Exactly one of these ways to sign in: `token`; `username` and `password`; or `token_url`,
    `client_id` and `client_secret` (OAuth client credentials, optional `oauth_scope`).

    Attributes:
        delta: whether to read only what changed, from a server that filters by that rightly.
    """

    type: Literal["scim"] = "scim"
    url: str
    token: str | None = None
    username: str | None = None
    password: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    oauth_scope: str | None = None
    page_size: int = 1000
    groups: bool = True
    delta: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvSettings:
    """Where a CSV file is: `file` (below the credentials folder) or an https `url`.

    Attributes:
        columns: account attribute or "id", "active" -> header in the file; the usual headers
            are recognised without it.
        token: bearer token for `url`, as a reference.
        delta: whether a file that is the same as last time is not read again.
    """

    type: Literal["csv"] = "csv"
    file: str | None = None
    url: str | None = None
    token: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    delta: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class OktaSettings:
    """How to reach an Okta org; secrets are references such as ``env:DIRSYNC_CREDENTIAL_X``.

    Exactly one of these ways to sign in: `client_id` and `private_key` (a service app, OAuth 2.0
    with ``private_key_jwt``); or `token` (an API token, ``SSWS``).

    Attributes:
        url: the org's address and nothing more, such as ``https://acme.okta.com``.
        private_key: a reference to an RSA or EC key, PEM or JWK.
        key_id: the key's ``kid`` at Okta, unless a JWK says it itself.
    """

    type: Literal["okta"] = "okta"
    url: str
    client_id: str | None = None
    private_key: str | None = None
    key_id: str | None = None
    token: str | None = None
    page_size: int = 200
    groups: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class LdapSettings:
    """How to reach an LDAP directory or Active Directory; secrets and files are references.

    Exactly one of these ways to sign in: `user` and `password` (a simple bind, or the `sasl`
    mechanism that is named, such as SCRAM-SHA-256); or `certificate` and `key` (SASL EXTERNAL).

    Attributes:
        url: ``ldaps://host``, or ``ldap://host``, which is encrypted by StartTLS.
        base: the DN below which people and groups are.
        groups_base: where groups are instead, or None.
        ca: a file of authorities that are trusted for this server, or None for the usual ones.
        start_tls: whether ``ldap://`` is encrypted; without it loopback only.
        people_filter: which entries are people, or None for the usual ones.
        groups_filter: which entries are groups, or None for the usual ones.
        member_of: DN of a group; only its members, nested ones included, are read. Or None.
        user_name: the attribute of user names, or None for the usual one.
        id: the attribute of immutable ids, or None for the usual one.
        skip_referrals: do without what other servers hold, instead of failing.
    """

    type: Literal["ldap"] = "ldap"
    url: str
    base: str
    groups_base: str | None = None
    user: str | None = None
    password: str | None = None
    sasl: str | None = None
    certificate: str | None = None
    key: str | None = None
    ca: str | None = None
    start_tls: bool = True
    people_filter: str | None = None
    groups_filter: str | None = None
    member_of: str | None = None
    user_name: str | None = None
    id: str | None = None
    page_size: int = 1000
    groups: bool = True
    skip_referrals: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class EntraSettings:
    """How to reach a Microsoft Entra tenant; secrets are references.

    Exactly one of these ways to sign in: `client_secret`; or `certificate`, a PEM with a private
    key and its certificate.

    Attributes:
        tenant: the Directory (tenant) ID, or a verified domain.
        client_id: the Application (client) ID.
        cloud: "global", "us-government", "us-dod" or "china".
        url: Graph's base URL instead of the cloud's.
        login_url: the sign-in's base URL instead of the cloud's.
    """

    type: Literal["entra"] = "entra"
    tenant: str
    client_id: str
    client_secret: str | None = None
    certificate: str | None = None
    cloud: str = "global"
    url: str | None = None
    login_url: str | None = None
    page_size: int = 999
    groups: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class GoogleSettings:
    """How to reach a Google Workspace customer; the service account's key is a reference.

    Attributes:
        admin: address of the admin in whose name the service account reads.
        service_account: the JSON key of a service account with domain-wide delegation.
        customer: the customer ID of another customer than the admin's, as resellers have.
        url: the Directory API's root instead of the usual one.
        login_url: the token endpoint instead of the usual one.
    """

    type: Literal["google"] = "google"
    admin: str
    service_account: str
    customer: str = "my_customer"
    url: str | None = None
    login_url: str | None = None
    page_size: int = 500
    groups: bool = True


ProviderSettings = (
    ScimSettings | CsvSettings | EntraSettings | OktaSettings | LdapSettings | GoogleSettings
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Who is provisioned: members of any of `groups` (nested too) in any of `domains`.

    Of them, those in any of `org_units` or below; and of these, those for whom `filter`, a CEL
    expression, comes to true. An empty one means "no condition". Groups are named by display name
    or by id, organizational units by path or by id; domains are compared with the primary
    e-mail's, case-folded.
    """

    groups: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    filter: str = ""
    org_units: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """When removals and creations are held.

    Attributes:
        percent: of the provisioned people, per cycle and per rolling 24 hours.
        minimum: so many removals are always let through.
        canaries: e-mails or user names that every proven snapshot must contain.
        protected: e-mails, user names or ids of people who are never removed.
        max_creations: more creations than this are held, or None for
            max(500, the provisioned people) once a first cycle succeeded.
    """

    percent: int = 10
    minimum: int = 5
    canaries: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    max_creations: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """When cycles start by themselves: every so often, or by a cron expression in a zone."""

    every: timedelta | None = None
    cron: str | None = None
    timezone: str = "UTC"


class InvitationWay(StrEnum):
    """How the invited are told."""

    MAIL = "mail"
    SLACK = "slack"
    BOTH = "both"
    STAGED = "staged"


class MissingPolicy(StrEnum):
    """What becomes of people who left the provider."""

    DISABLE = "disable"
    KEEP = "keep"


DEFAULT_MAPPING: Mapping[str, str] = {
    "user_name": "userName",
    "display_name": "displayName",
    "given_name": "name.givenName",
    "family_name": "name.familyName",
    "email": "emails",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigurationSpec:
    """A configuration as a person writes it; the same model for the file and for Slack.

    Attributes:
        name: unique in the account regardless of case; letters, digits, ``-``, ``_``, ``.``.
        mapping: account attribute -> provider attribute path or CEL expression, on top of
            `DEFAULT_MAPPING`.
        only_on_create: attributes of the mapping that are written when a person is created, and
            never afterwards.
        channel: Slack channel id for the cards, or None for the default channel.
        grace: how long somebody stays disabled before deletion.
        freeze: when removals or invitations wait.
        priority: 1 is the highest; None is behind those with a number, in order of creation.
    """

    name: str
    provider: ProviderSettings
    scope: Scope = Scope()
    mapping: Mapping[str, str] = field(default_factory=dict)
    schedule: Schedule | None = None
    channel: str | None = None
    guard: Guard = Guard()
    invitations: InvitationWay = InvitationWay.MAIL
    on_missing: MissingPolicy = MissingPolicy.DISABLE
    grace: timedelta = timedelta(days=30)
    freeze: tuple[Freeze, ...] = ()
    only_on_create: tuple[str, ...] = ()
    priority: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Disabled:
    """Since when a configuration is disabled, by which actor id, and why."""

    at: datetime
    by: str
    reason: str = ""


class LeaveBehind(StrEnum):
    """What becomes of a configuration's people when it is deleted."""

    STAY = "stay"
    """They stay as they are, and nothing manages them any more."""
    DISABLE = "disable"
    """They are disabled, and their licenses are free."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """A stored configuration.

    Attributes:
        revision: grows with every change of the spec or of `enabled`; fences running cycles.
        scope_revision: the revision at which the scope last changed.
        previous_scope: the scope before that, to tell an edit from a change at the provider.
        stopped_reason: error code that stopped its schedule ("sign_in_needed"), or None.
        failures: cycles that failed in a row; `failing_since` the first, `failed_at` the last.
        picked_canaries: people that the first successful cycle picked, if none are named.
        disabled: since when and why it is not enabled.
    """

    id: ConfigurationId
    account_id: AccountId
    spec: ConfigurationSpec
    enabled: bool
    revision: int
    scope_revision: int
    previous_scope: Scope | None
    created_at: datetime
    created_by: str
    stopped_reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    last_success_at: datetime | None = None
    picked_canaries: tuple[ExternalId, ...] = ()
    disabled: Disabled | None = None

    @property
    def name(self) -> str:
        """The name people use."""
        return self.spec.name

    @property
    def quarantined(self) -> bool:
        """It keeps failing, not on its credentials: tries take the place of its schedule."""
        waits = self.failed_at is not None and self.spec.schedule is not None
        return self.failures > 0 and self.stopped_reason is None and waits

    @property
    def mapping(self) -> Mapping[str, str]:
        """The effective mapping."""
        return {**DEFAULT_MAPPING, **self.spec.mapping}


class LicensePolicy(StrEnum):
    """What becomes of a license that is free while people wait."""

    ASK = "ask"
    """An admin is asked, and activates whom they choose."""
    AUTOMATIC = "automatic"
    """The first in line gets it at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountFile:
    """The whole of a configuration file, for `dirsync config apply`.

    Attributes:
        licenses_total: how many licenses there are, or None to leave that.
        licenses_policy: what becomes of licenses that are free while people wait, or None.
    """

    licenses_total: int | None
    licenses_policy: LicensePolicy | None = None
    configurations: tuple[ConfigurationSpec, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A configuration that somebody is still writing, as it was entered.

    Attributes:
        owner: the actor id of whoever writes it.
        configuration: the one that is edited, or None for a new one.
        revision: of that one when the draft was begun.
        fields: by the names of `core.model.form`; whatever was entered, right or wrong.
    """

    id: str
    owner: str
    configuration: ConfigurationId | None
    revision: int
    fields: Mapping[str, str]
    updated_at: datetime
