"""Finding one person by id, user principal name or mail."""

from __future__ import annotations

import re
from typing import Final

from core.providers.entra.changes import quoted, selected
from core.providers.entra.graph import Graph
from core.providers.entra.records import UserDecoder
from core.providers.entra.rights import PEOPLE
from core.providers.finding import Identify, named, the_only

_OBJECT_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LONGEST: Final = 512


async def find_person(
    graph: Graph, name: str, *, decoder: UserDecoder, identify: Identify
) -> bytes | None:
    """Return the one person's raw record, as a listing has it, or None; one request.

    Raises `ConflictError` if there are several.
    """
    if len(name) > _LONGEST:
        return None
    text = quoted(name)
    wanted = f"userPrincipalName eq {text} or mail eq {text}"
    if _OBJECT_ID.fullmatch(name):
        wanted = f"id eq {text}"
    listing = await graph.page("users", {"$filter": wanted, **selected(decoder.plan)}, right=PEOPLE)
    found = named(listing.records, name, decode=decoder.decode, identify=identify)
    return the_only(found, name)
