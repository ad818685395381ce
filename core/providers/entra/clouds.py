"""Microsoft's clouds: where each one signs in, and where its Graph is.

The addresses are those of "Microsoft Graph national cloud deployments"; the sign-in of China is
the one that 21Vianet's own documentation names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """One cloud's origins and its admin center, for hints."""

    login: str
    graph: str
    admin: str = "the Microsoft Entra admin center"


CLOUDS: Final[Mapping[str, Cloud]] = {
    "global": Cloud(
        login="https://login.microsoftonline.com",
        graph="https://graph.microsoft.com",
        admin="the Microsoft Entra admin center (entra.microsoft.com)",
    ),
    "us-government": Cloud(
        login="https://login.microsoftonline.us", graph="https://graph.microsoft.us"
    ),
    "us-dod": Cloud(
        login="https://login.microsoftonline.us", graph="https://dod-graph.microsoft.us"
    ),
    "china": Cloud(
        login="https://login.partner.microsoftonline.cn",
        graph="https://microsoftgraph.chinacloudapi.cn",
    ),
}


def cloud_named(name: str) -> Cloud:
    """Return the cloud, or raise `ConfigurationError`."""
    try:
        return CLOUDS[name]
    except KeyError:
        raise ConfigurationError(
            f"There is no cloud {name}.", hint=f"Known are {', '.join(CLOUDS)}."
        ) from None
