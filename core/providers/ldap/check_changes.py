"""What a check says of deltas: how changes are asked for, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.errors import DirsyncError, WatermarkExpiredError
from core.model.directory import CheckStatus
from core.model.findings import Findings
from core.providers.ldap.ad_sweep import Obstacle, Refused, Sweeper
from core.providers.ldap.dialect import Dialect
from core.providers.ldap.directory import Directory

CHANGES: Final = "Changes"
_DAILY: Final = "who was deleted is seen by the daily full read"
_BY_NUMBER: Final = f"By uSNChanged: {_DAILY}"
GRANT: Final = (
    "Let the account read the container of deleted objects. On a domain controller, as a domain "
    'admin: dsacls "CN=Deleted Objects,DC=…" /takeownership, and the same with '
    "/g DOMAIN\\user:LCRP instead."
)
_WHY: Final[Mapping[Obstacle, tuple[str, str]]] = {
    Obstacle.NOT_INSTALLED: (
        "python-ldap, which asks by the DirSync control, is not installed.",
        "Whoever runs dirsync installs slack-dirsync[ldap] anew.",
    ),
    Obstacle.NOT_OFFERED: ("The server does not offer the DirSync control.", ""),
    Obstacle.OTHER_ID: (
        "The DirSync control knows people by objectGUID only.",
        "Leave id out of the configuration; ids change with it.",
    ),
    Obstacle.OTHER_CONTEXT: (
        "base and groups_base are not both in one domain of this domain controller.",
        "Name bases of one domain, and one of its domain controllers.",
    ),
    Obstacle.REFUSED: (
        "The DirSync control was refused.",
        "A read-only domain controller lists no changes: name one that can be written to.",
    ),
}


async def check_changes(directory: Directory, dialect: Dialect, findings: Findings) -> None:
    """Say how changes are asked for; nothing that a person can mend is raised."""
    if directory.settings.member_of is not None:
        findings.say(
            CHANGES, CheckStatus.OK, "Everything is read each time: one group's members are read."
        )
    elif not dialect.active_directory:
        findings.say(CHANGES, CheckStatus.OK, f"By modifyTimestamp; {_DAILY}.")
    else:
        await _check_control(directory, findings)


async def _check_control(directory: Directory, findings: Findings) -> None:
    sweeper = Sweeper(directory)
    try:
        shown = await sweeper.shows_deleted()
    except Refused as refused:
        detail, hint = _WHY[refused.obstacle]
        said = f" It said: {refused.said}" if refused.said else ""
        text = f"{_BY_NUMBER}. {detail}{said}"
        findings.say(CHANGES, CheckStatus.WARNING, text, hint, f"dirsync_{refused.obstacle}")
    except WatermarkExpiredError:
        _say_shown(findings)
    except DirsyncError as error:
        text = f"{_BY_NUMBER}. {error.message}"
        findings.say(CHANGES, CheckStatus.WARNING, text, error.hint, error.code)
    else:
        if shown:
            _say_shown(findings)
            return
        text = f"By the DirSync control, which does not tell this account of deletions: {_DAILY}."
        findings.say(CHANGES, CheckStatus.WARNING, text, GRANT, "deletions_hidden")


def _say_shown(findings: Findings) -> None:
    findings.say(CHANGES, CheckStatus.OK, "Changes and deletions, by the DirSync control.")
