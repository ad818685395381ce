"""The verb that looks at everything: doctor."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from bot.cli.config import print_check
from bot.cli.runner import JsonOption, ask, finish
from bot.control import requests
from bot.control.describe import check_lines
from bot.control.documents import CheckDocument, ConfigurationsDocument
from bot.control.opening import Need
from core.app import SystemClock, open_mailer
from core.errors import DirsyncError
from core.mail.templates import Templates
from core.model.directory import CheckLine, CheckStatus
from core.settings import Settings

LITTLE_SPACE = 200_000_000
WAL_FIXED = (3, 51, 3)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(doctor)


def doctor(*, as_json: JsonOption = False) -> None:
    """Look at everything and say what is missing. Files, Slack, mail, each provider."""
    finish(_doctor(as_json=as_json), as_json=as_json)


async def _doctor(*, as_json: bool) -> int:
    from bot.cli.slack_check import slack_lines  # noqa: PLC0415 - others start without Slack's client

    settings = Settings.from_environment()
    lines = [*_versions(), *_variables(settings), *_files(settings), *_links(settings)]
    lines += await slack_lines(settings)
    mailer = open_mailer(settings, SystemClock())
    lines.append(await mailer.check())
    await mailer.aclose()
    lines += Templates(settings.mail_templates_dir).check()
    described = list(check_lines(lines))
    try:
        found = await ask(requests.Doctor(), CheckDocument, need=Need.READ)
        described += found.lines
        stored = await ask(requests.ConfigList(), ConfigurationsDocument, need=Need.READ)
        described += check_lines(_configured(len(stored.configurations)))
    except DirsyncError as error:
        described += check_lines([CheckLine.failed("Database", error)])
    return print_check(CheckDocument(lines=tuple(described)), as_json=as_json)


def _configured(number: int) -> Iterator[CheckLine]:
    if not number:
        yield CheckLine(
            name="Configurations",
            status=CheckStatus.WARNING,
            detail="there is none yet, so there is nothing to sync",
            hint="dirsync config example prints one; dirsync config apply FILE stores it.",
            code="no_configuration",
        )


def _versions() -> Iterator[CheckLine]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield CheckLine.ok("Python", python)
    remark = ""
    if sqlite3.sqlite_version_info < WAL_FIXED:
        remark = (
            ": before 3.51.3, two processes can corrupt a file; that does no harm here, because "
            "dirsync lets only one process open it"
        )
    yield CheckLine.ok("SQLite", f"{sqlite3.sqlite_version}{remark}")
    yield from ldap_lines(_installed("bonsai"), _installed("python-ldap"))


def ldap_lines(reading: str | None, changes: str | None) -> Iterator[CheckLine]:
    """Say which LDAP libraries there are, if LDAP was installed at all."""
    if reading is None:
        return
    if changes is not None:
        detail = f"bonsai {reading}, python-ldap {changes}"
        yield CheckLine.ok("LDAP", detail)
        return
    yield CheckLine(
        name="LDAP",
        status=CheckStatus.WARNING,
        detail=f"bonsai {reading}, but python-ldap is missing, by which Active Directory tells "
        "of deletions",
        hint="Install slack-dirsync[ldap] anew.",
        code="extra_incomplete",
    )


def _installed(distribution: str) -> str | None:
    """Return the version of what is installed under this name."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _variables(settings: Settings) -> Iterator[CheckLine]:
    for name in settings.unknown_variables:
        yield CheckLine(
            name="Settings",
            status=CheckStatus.WARNING,
            detail=f"{name} is not a setting, so nothing reads it",
            hint="Look for a misspelling; the README lists every variable.",
            code="unknown_variable",
        )
    if not settings.unknown_variables:
        yield CheckLine.ok("Settings", "all variables are known")


def _links(settings: Settings) -> Iterator[CheckLine]:
    if settings.public_url:
        yield CheckLine.ok("Invitation links", settings.public_url)
    else:
        yield CheckLine(
            name="Invitation links",
            status=CheckStatus.WARNING,
            detail="DIRSYNC_PUBLIC_URL is not set, so invitations carry no link to accept with",
            hint="Set it to the address under which people reach this server's HTTP port.",
            code="no_public_url",
        )


def _files(settings: Settings) -> Iterator[CheckLine]:
    path = settings.database_path
    if path is not None:
        yield _rights("Database file", path)
        yield _space(path.parent)
    if settings.control_socket is not None and settings.control_socket.exists():
        yield _rights("Control socket", settings.control_socket)
    folder = settings.credentials_dir
    if folder is None:
        yield CheckLine(
            name="Credentials folder",
            status=CheckStatus.SKIPPED,
            detail="DIRSYNC_CREDENTIALS_DIR is not set, so file: references and CSV files are off",
        )
    else:
        yield _rights("Credentials folder", folder)


def _rights(name: str, path: Path) -> CheckLine:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return CheckLine(
            name=name,
            status=CheckStatus.FAILED,
            detail=f"{path}: {error.strerror}",
            hint="Check the path; dirsync db upgrade makes a new database.",
            code="file_missing",
        )
    if not os.access(path, os.R_OK):
        detail, hint, code = f"{path} cannot be read", "Correct its owner.", "file_unreadable"
        return CheckLine(name=name, status=CheckStatus.FAILED, detail=detail, hint=hint, code=code)
    if mode & 0o077:
        return CheckLine(
            name=name,
            status=CheckStatus.WARNING,
            detail=f"{path} is open to other users (mode {mode:04o})",
            hint=f"chmod go= {path}",
            code="file_open",
        )
    return CheckLine.ok(name, f"{path} (mode {mode:04o})")


def _space(folder: Path) -> CheckLine:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return CheckLine(
            name="Disk", status=CheckStatus.FAILED, detail=f"{folder}: {error.strerror}"
        )
    little = free < LITTLE_SPACE
    return CheckLine(
        name="Disk",
        status=CheckStatus.WARNING if little else CheckStatus.OK,
        detail=f"{free / 1e9:,.1f} GB free in {folder}",
        hint="Make room." if little else "",
        code="disk_nearly_full" if little else "",
    )
