"""Database URLs as people write them, and as the drivers want them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import sqlalchemy as sa

from core.errors import ConfigurationError

Backend = Literal["sqlite", "postgresql"]
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_EXAMPLE = "Write sqlite:///dirsync.db or postgresql://user:password@host/database."


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the database is.

    Attributes:
        path: the SQLite file, or None.
        driver_url: for SQLAlchemy.
        redacted: without password, for people.
        arguments: for asyncpg's connect.
    """

    backend: Backend
    path: Path | None
    driver_url: sa.URL
    redacted: str
    arguments: dict[str, object] = field(default_factory=dict)


def parse_url(url: str) -> Address:
    """Take a database URL apart; raises `ConfigurationError` (code ``database_url_invalid``).

    ``sqlite:///relative.db`` and ``sqlite:////absolute.db`` follow SQLAlchemy. Of libpq's query
    parameters ``sslmode``, ``sslrootcert``, ``host`` and ``application_name`` are understood.
    """
    scheme = url.partition(":")[0].lower()
    if scheme == "sqlite":
        return _sqlite(url)
    if scheme in {"postgresql", "postgres"}:
        return _postgresql(url)
    raise ConfigurationError(
        "The database URL must begin with sqlite: or postgresql:.",
        code="database_url_invalid",
        hint=_EXAMPLE,
    )


def _sqlite(url: str) -> Address:
    prefix = "sqlite:///"
    name = unquote(url[len(prefix) :]) if url.lower().startswith(prefix) else ""
    if not name or name == ":memory:" or "?" in name:
        raise ConfigurationError(
            "The SQLite URL must name a file.", code="database_url_invalid", hint=_EXAMPLE
        )
    path = Path(name).absolute()
    return Address(
        backend="sqlite",
        path=path,
        driver_url=sa.URL.create("sqlite+aiosqlite", database=str(path)),
        redacted=f"{prefix}{name}",
    )


def _postgresql(url: str) -> Address:
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(
            "The PostgreSQL URL cannot be read.", code="database_url_invalid", hint=_EXAMPLE
        ) from error
    arguments: dict[str, object] = {}
    host = query.pop("host", None) or parts.hostname
    if mode := query.pop("sslmode", None):
        arguments["ssl"] = _ssl(mode, query.pop("sslrootcert", None))
    name = query.pop("application_name", "dirsync")
    arguments["server_settings"] = {"application_name": name}
    if query:
        raise ConfigurationError(
            f"The PostgreSQL URL has parameters that dirsync does not know: {', '.join(query)}.",
            code="database_url_invalid",
            hint="Known are sslmode, sslrootcert, host and application_name.",
        )
    driver_url = sa.URL.create(
        "postgresql+asyncpg",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        host=None if host and host.startswith("/") else host,
        port=port,
        database=unquote(parts.path.lstrip("/")) or None,
        query={"host": host} if host and host.startswith("/") else {},
    )
    return Address(
        backend="postgresql",
        path=None,
        driver_url=driver_url,
        redacted=_redacted(driver_url),
        arguments=arguments,
    )


def _redacted(url: sa.URL) -> str:
    text = url.set(drivername="postgresql").render_as_string(hide_password=True)
    return text.replace("postgresql+asyncpg", "postgresql")


def _ssl(mode: str, root: str | None) -> str | ssl.SSLContext:
    """Translate libpq's ``sslmode`` (PostgreSQL manual, 32.19) for asyncpg."""
    if mode not in _SSL_MODES:
        raise ConfigurationError(
            f"The PostgreSQL URL has an unknown sslmode: {mode}.",
            code="database_url_invalid",
            hint=f"Known are {', '.join(_SSL_MODES)}.",
        )
    if root is None or mode not in {"verify-ca", "verify-full"}:
        return mode
    try:
        context = ssl.create_default_context(cafile=root)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            "The file that sslrootcert names cannot be read.", code="database_url_invalid"
        ) from error
    context.check_hostname = mode == "verify-full"
    return context
