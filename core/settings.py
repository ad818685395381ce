"""The environment, read once into one frozen `Settings`."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from core.errors import ConfigurationError

CREDENTIAL_PREFIX = "DIRSYNC_CREDENTIAL_"
DEFAULT_DATABASE_URL = "sqlite:///dirsync.db"
SLACK_API_URL = "https://slack.com/api/"
TEST_PREFIX = "DIRSYNC_TEST_"

Network = IPv4Network | IPv6Network


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine's own."""
    if host is None:
        return False
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: str) -> SplitResult:
    parts = urlsplit(value)
    parts.port  # noqa: B018 - reading the port is what validates it
    return parts


def _words(value: object) -> object:
    if isinstance(value, str):
        return tuple(word for word in re.split(r"[\s,]+", value) if word)
    return value


def _slack_ids(value: object) -> object:
    words = _words(value)
    for word in words if isinstance(words, tuple) else ():
        if not re.fullmatch(r"[UW][A-Z0-9]{2,30}", word):
            raise ValueError("not a Slack user id")
    return words


def _networks(value: object) -> object:
    words = _words(value)
    if isinstance(words, tuple):
        return tuple(ip_network(word, strict=False) for word in words)
    return words


def _database_url(value: str) -> str:
    parts = _split(value)
    if parts.scheme == "sqlite":
        if parts.netloc or len(parts.path) < 2:  # noqa: PLR2004 - a slash and a name
            raise ValueError("no file name")
    elif parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("unknown database")
    return value


def _web_url(value: str) -> str:
    parts = _split(value)
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("not a plain base URL")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("not https")
    return value


def _slack_api_url(value: str) -> str:
    return _web_url(value).rstrip("/") + "/"


def _smtp_url(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("not a mail server")
    if parts.query not in {"", "starttls=never", "starttls=required"}:
        raise ValueError("unknown option")
    loopback = is_loopback(parts.hostname)
    if parts.query == "starttls=never" and parts.password and not loopback:
        raise ValueError("a password in the clear")
    return value


def _bind(value: str) -> str:
    parts = _split(f"//{value}")
    if parts.port is None or parts.path or parts.username or not parts.hostname:
        raise ValueError("not host:port")
    return value


def _mail_address(value: str) -> str:
    if not re.fullmatch(r"(?:[^<>\r\n\x00]*<)?[^@<>\s\x00]+@[^@<>\s\x00]+>?", value):
        raise ValueError("not an address")
    return value


def _channel(value: str) -> str:
    if not re.fullmatch(r"[CGD][A-Z0-9]{2,30}", value):
        raise ValueError("not a channel id")
    return value


def _prefixed(prefix: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(re.escape(prefix) + r"[!-~]+", value):
            raise ValueError("wrong kind of token")
        return value

    return BeforeValidator(check)


def _text(check: Any) -> BeforeValidator:
    """Check a text before pydantic sees it, so that a secret's check sees the text too."""
    return BeforeValidator(lambda value: check(value) if isinstance(value, str) else value)


class Settings(BaseSettings):
    """Everything that the environment decides; each field's description says what is expected.

    Attributes:
        credentials: the ``DIRSYNC_CREDENTIAL_…`` variables, the only ones a configuration's
            secret reference may name.
        demo: these settings are a demo's: nothing of the environment is in them.
        unknown_variables: ``DIRSYNC_…`` variables that no setting reads, for `doctor`.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        populate_by_name=True,
        extra="forbid",
        hide_input_in_errors=True,
        ignored_types=(cached_property,),
    )

    database_url: Annotated[str, _text(_database_url)] = Field(
        DEFAULT_DATABASE_URL,
        alias="DIRSYNC_DATABASE_URL",
        repr=False,
        description="sqlite:///file.db or postgresql://user:password@host/name",
    )
    secret_key: SecretStr | None = Field(
        None,
        alias="DIRSYNC_SECRET_KEY",
        min_length=16,
        description="at least 16 characters that nobody can guess",
    )
    public_url: Annotated[str, _text(_web_url)] | None = Field(
        None,
        alias="DIRSYNC_PUBLIC_URL",
        description="an https base URL (http for loopback only) without a query",
    )
    http_bind: Annotated[str, _text(_bind)] = Field(
        "127.0.0.1:8080",
        alias="DIRSYNC_HTTP_BIND",
        description="host:port, for example 127.0.0.1:8080",
    )
    smtp_url: Annotated[SecretStr, _text(_smtp_url)] | None = Field(
        None,
        alias="DIRSYNC_SMTP_URL",
        description=(
            "smtp://user:password@host:587 (STARTTLS), smtps://…:465 (TLS), or "
            "smtp://host:25?starttls=never without a password"
        ),
    )
    mail_from: Annotated[str, _text(_mail_address)] = Field(
        "dirsync <dirsync@localhost>",
        alias="DIRSYNC_MAIL_FROM",
        description="one mail address, for example IT <it@example.com>",
    )
    channel: Annotated[str, _text(_channel)] | None = Field(
        None, alias="DIRSYNC_CHANNEL", description="a Slack channel id such as C0123456789"
    )
    admins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_slack_ids)] = Field(
        (), alias="DIRSYNC_ADMINS", description="Slack user ids such as U0123456789, with commas"
    )
    viewers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_slack_ids)] = Field(
        (), alias="DIRSYNC_VIEWERS", description="Slack user ids such as U0123456789, with commas"
    )
    credentials_dir: Path | None = Field(
        None, alias="DIRSYNC_CREDENTIALS_DIR", description="the path of a folder"
    )
    retention_days: int = Field(
        400,
        alias="DIRSYNC_RETENTION_DAYS",
        ge=1,
        le=36_500,
        description="a whole number of days from 1 to 36500",
    )
    lease_seconds: float = Field(
        60.0,
        alias="DIRSYNC_LEASE_SECONDS",
        ge=1,
        le=3600,
        description="a number of seconds from 1 to 3600",
    )
    mail_templates_dir: Path | None = Field(
        None, alias="DIRSYNC_MAIL_TEMPLATES_DIR", description="the path of a folder"
    )
    invitations_per_minute: int | None = Field(
        None,
        alias="DIRSYNC_INVITATIONS_PER_MINUTE",
        ge=1,
        le=100_000,
        description="a whole number of invitations from 1 to 100000",
    )
    allow_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (),
        alias="DIRSYNC_ALLOW_NETWORKS",
        description="networks such as 10.0.0.0/8, with commas",
    )
    slack_bot_token: Annotated[SecretStr, _prefixed("xoxb-")] | None = Field(
        None, alias="SLACK_BOT_TOKEN", description="the bot token, which begins with xoxb-"
    )
    slack_app_token: Annotated[SecretStr, _prefixed("xapp-")] | None = Field(
        None, alias="SLACK_APP_TOKEN", description="the app-level token, which begins with xapp-"
    )
    slack_signing_secret: SecretStr | None = Field(
        None,
        alias="SLACK_SIGNING_SECRET",
        min_length=16,
        description="the signing secret of the app's Basic Information page",
    )
    slack_api_url: Annotated[str, _text(_slack_api_url)] = Field(
        SLACK_API_URL,
        alias="SLACK_API_URL",
        description="an https URL (http for loopback only), by default https://slack.com/api/",
    )
    credentials: Mapping[str, SecretStr] = Field(default_factory=dict, repr=False)
    unknown_variables: tuple[str, ...] = ()
    demo: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing by itself: `from_environment` is the one way in for the environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read `environ` (by default the process's own) once.

        Raises `ConfigurationError` that names every wrong variable and what is expected of it,
        never what was found. An empty variable counts as absent.
        """
        found = {k: v for k, v in dict(os.environ if environ is None else environ).items() if v}
        values = _Environment(cls, found)()
        values["credentials"] = {
            k: SecretStr(v) for k, v in found.items() if k.startswith(CREDENTIAL_PREFIX)
        }
        values["unknown_variables"] = _unknown(cls, found)
        return cls._checked(values)

    @classmethod
    def for_demo(cls, **values: Any) -> Settings:
        """Return settings made of `values` (field names) and defaults; reads no environment."""
        return cls._checked({**values, "demo": True})

    @classmethod
    def _checked(cls, values: dict[str, Any]) -> Settings:
        try:
            return cls(**values)
        except ValidationError as error:
            raise _explain(cls, error) from None

    @cached_property
    def database_path(self) -> Path | None:
        """The SQLite file, or None for another database."""
        parts = urlsplit(self.database_url)
        if parts.scheme != "sqlite":
            return None
        return Path(unquote(parts.path[1:])).absolute()

    @property
    def control_socket(self) -> Path | None:
        """The local socket on which the process that has the SQLite file serves commands."""
        path = self.database_path
        return None if path is None else path.with_name(path.name + ".sock")

    @property
    def mail_folder(self) -> Path:
        """Where messages go as ``.eml`` files while there is no mail server."""
        return (self.database_path or Path("dirsync.db").absolute()).parent / "dirsync-mail"

    @property
    def bind_address(self) -> tuple[str, int]:
        """Host and port of the web server."""
        parts = urlsplit(f"//{self.http_bind}")
        return parts.hostname or "127.0.0.1", parts.port or 0

    @property
    def slack_mode(self) -> str | None:
        """``socket``, ``http``, or None as long as the tokens for either are missing."""
        if self.slack_bot_token is None:
            return None
        if self.slack_app_token is not None:
            return "socket"
        return None if self.slack_signing_secret is None else "http"


class _Environment(EnvSettingsSource):
    """Reads the given mapping instead of the process's environment."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        super().__init__(settings_cls, case_sensitive=True)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {**self._environ}


def variables() -> dict[str, str]:
    """Return every variable that dirsync reads, with what is expected of it."""
    return {
        field.alias: field.description or ""
        for field in Settings.model_fields.values()
        if field.alias
    }


def nearest(word: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return " Did you mean …?" for the nearest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def _unknown(cls: type[Settings], environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {field.alias for field in cls.model_fields.values()}
    return tuple(
        sorted(
            name
            for name in environ
            if name.startswith("DIRSYNC_")
            and name not in known
            and not name.startswith((CREDENTIAL_PREFIX, TEST_PREFIX))
        )
    )


def _explain(cls: type[Settings], error: ValidationError) -> ConfigurationError:
    by_alias = {field.alias or name: field for name, field in cls.model_fields.items()}
    by_alias.update(cls.model_fields)
    lines: dict[str, str] = {}
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        field = by_alias.get(name)
        label = (field.alias or name) if field else name
        expected = (field.description if field else None) or "a known setting"
        lines[label] = f"{label} is not valid: expected {expected}."
    return ConfigurationError(
        " ".join(lines.values()),
        code="setting_invalid",
        hint="The README lists every variable.",
    )
