"""Finding one person by id or address, from the directory itself.

A search may not know a change for up to 36 hours ("Search for users"), so none is made: a single
read takes an id, a primary address or an alias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.errors import PermissionMissingError, TerminalRemoteError
from core.providers.decoding import id_of
from core.providers.finding import named, the_only
from core.providers.google.records import UserDecoder
from core.providers.google.server import GoogleServer, segment
from core.providers.google.signing import PEOPLE

_LONGEST: Final = 320
_NO_SUCH_KEY: Final = 400


class PersonFinder:
    """Asks for one person.

    Args:
        server: who is asked.
        decoder: knows the attributes that are wanted.
        anybody: the parameters of the shortest listing, to see whether people can be read at all.
    """

    def __init__(
        self, server: GoogleServer, *, decoder: UserDecoder, anybody: Mapping[str, str]
    ) -> None:
        self._server = server
        self._decoder = decoder
        self._anybody = anybody

    async def find(self, name: str) -> bytes | None:
        """Return the one person's raw record, or None; see `IdentityProvider.find_user`.

        Whom only an alias means is not found: an alias is no name of theirs.
        """
        if not name.strip() or len(name) > _LONGEST:
            return None
        raw = await self._asked(name)
        records = () if raw is None else (raw,)
        return the_only(named(records, name, decode=self._decoder.decode, identify=id_of), name)

    async def _asked(self, name: str) -> bytes | None:
        plan = self._decoder.plan
        params = {"fields": plan.selection, **plan.projection}
        try:
            return await self._server.single(PEOPLE, f"users/{segment(name)}", params)
        except PermissionMissingError:
            if "@" not in name:
                raise
            # An address of another company's domain is refused, too; what else is, raises here.
            await self._server.page(PEOPLE, "users", self._anybody, key="users")
            return None
        except TerminalRemoteError as error:
            if error.status != _NO_SUCH_KEY:
                raise
            return None
