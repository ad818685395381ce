"""The near end of a connection that asks Active Directory for changes."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from core.providers.ldap.ad_wire import Sweep, SweepAnswer, Swept
from core.providers.ldap.link import Link, lost
from core.providers.ldap.wire import Failed


class SweepLink(Link):
    """One connection, signed in, for nothing but changes."""

    worker: ClassVar[str] = "core.providers.ldap.ad_worker"
    answers: ClassVar[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(SweepAnswer)

    async def sweep(self, request: Sweep) -> Swept | Failed:
        """Return what the server says, be it a refusal. Raises if nothing comes."""
        answer = await self._answered(request, within=request.timeout)
        if not isinstance(answer, (Swept, Failed)):
            raise lost(self._host)
        return answer
