"""The Protocols between the engine and the world.

Implementations live in `core.providers`, `core.store`, `core.mail` and `bot.slack`. Every
implementation of a port passes that port's contract suite in ``tests/contract``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from core.model.directory import (
    Capabilities,
    CheckReport,
    ExternalId,
    Page,
    Presence,
    ProviderGroup,
    ProviderUser,
)


class IdentityProvider(Protocol):
    """A company's directory, read side.

    Listings raise `SignInError`, `PermissionMissingError`, `TransientRemoteError` (after the
    client's own retries) or `TerminalRemoteError`; pages yielded before that stay valid. An
    implementation never swallows a fault and never yields ``last=True`` on a guess.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this provider can do."""
        ...

    @property
    def decoder_revision(self) -> str:
        """Changes whenever the same raw bytes would be decoded differently."""
        ...

    def read_users(self) -> AsyncIterator[Page]:
        """Yield all people, page by page, requesting the next page ahead."""
        ...

    def read_groups(self) -> AsyncIterator[Page]:
        """Yield all groups with their members; nothing if groups are not a capability."""
        ...

    def decode_user(self, raw: bytes) -> ProviderUser:
        """Decode one person's raw bytes, or raise `RecordError`. Pure and fast."""
        ...

    def decode_group(self, raw: bytes) -> ProviderGroup:
        """Decode one group's raw bytes, or raise `RecordError`. Pure and fast."""
        ...

    async def read_user(self, external_id: ExternalId) -> Presence:
        """Ask for one person; needs the `read_one` capability. Raises as listings do."""
        ...

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest; raises nothing that a person can mend."""
        ...

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""
        ...


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the time in UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps; counts while the process is stopped."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
