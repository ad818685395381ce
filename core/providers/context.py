"""What every provider is opened with."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.http.addresses import IpNetwork
from core.http.client import HttpOptions
from core.http.limits import HttpLimits
from core.ports import Clock
from core.providers.references import VARIABLE_PREFIX, References


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderContext:
    """The host's side of opening a provider; nothing in it comes from a configuration.

    Attributes:
        credentials_dir: the folder that ``file:`` references and CSV paths are confined to.
        environ: the environment; only ``DIRSYNC_CREDENTIAL_…`` is ever looked at.
        allow_networks: networks beside the public ones that may be reached.
        wanted: provider attribute paths that the mapping uses; empty means all usual ones.
        org_units: the scope names organizational units.
        limits: bounds of outbound requests.
        tls: the context that verifies servers, or None to build the usual one.
    """

    clock: Clock
    credentials_dir: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    stored: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_networks: tuple[IpNetwork, ...] = ()
    wanted: frozenset[str] = frozenset()
    org_units: bool = False
    user_agent: str = "dirsync"
    limits: HttpLimits = field(default_factory=HttpLimits)
    tls: ssl.SSLContext | None = None

    @property
    def references(self) -> References:
        """What configurations may refer to."""
        open_part = {
            name: value for name, value in self.environ.items() if name.startswith(VARIABLE_PREFIX)
        }
        return References(
            credentials_dir=self.credentials_dir, environ=open_part, stored=self.stored
        )

    @property
    def http(self) -> HttpOptions:
        """The options of every outbound client."""
        return HttpOptions(
            clock=self.clock,
            allow_networks=self.allow_networks,
            user_agent=self.user_agent,
            limits=self.limits,
            tls=self.tls,
        )

    def secret(self, reference: str, *, name: str) -> Callable[[], str]:
        """Return a function that resolves the reference at the moment of use."""
        references = self.references
        return lambda: references.secret(reference, name=name)

    def text(self, value: str, *, name: str) -> Callable[[], str]:
        """Return a function for a value that may be written plainly or be a reference."""
        if value.startswith(("env:", "file:", "stored:")):
            return self.secret(value, name=name)
        return lambda: value
