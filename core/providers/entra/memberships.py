"""Which groups one person is in, by "user: checkMemberGroups", which follows nested groups itself.

It takes the permissions that reading groups takes, and twenty groups a question. For an app without
`Member.Read.Hidden` it leaves out groups whose members are hidden, without a word. So in a tenant
that lists such a group, "in none" is nothing to rely on, and members have to be read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from functools import partial
from typing import Final
from urllib.parse import quote

import msgspec

from core.errors import PermissionMissingError
from core.model.directory import ExternalId, Memberships, Page
from core.providers.entra.graph import MAX_TOP, Graph, several
from core.providers.entra.listing import not_graph
from core.providers.entra.members import SELECTION, is_hidden, read_group
from core.providers.entra.paging import walk
from core.providers.entra.rights import GROUPS, missing_right

AT_MOST: Final = 20
"""Groups in a question."""


class _Answer(msgspec.Struct):
    value: list[str]


class MembershipChecks:
    """Lists groups, and asks which of them have somebody in them."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._all_shown = False

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Yield all groups without their members."""
        params = {"$select": SELECTION, "$top": str(MAX_TOP)}
        hidden = False
        async with aclosing(walk(self._graph, "groups", params, right=GROUPS)) as pages:
            async for listing, token in pages:
                last = listing.next_link is None
                groups = [read_group(raw) for raw in listing.records]
                hidden = hidden or any(group is None or is_hidden(group) for group in groups)
                self._all_shown = last and not hidden
                yield Page(records=listing.records, last=last, total=None, token=token)

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Say which groups have the person in them; one request for twenty groups."""
        ordered = sorted(groups)
        cuts = [ordered[start : start + AT_MOST] for start in range(0, len(ordered), AT_MOST)]
        found = await several(partial(self._asked, person, cut) for cut in cuts)
        return Memberships(
            groups=frozenset[ExternalId]().union(*found),
            whole=self._all_shown,
        )

    async def _asked(
        self, person: ExternalId, groups: Collection[ExternalId]
    ) -> frozenset[ExternalId]:
        question = msgspec.json.encode({"groupIds": list(groups)})
        target = f"users/{quote(person, safe='')}/checkMemberGroups"
        try:
            answer = await self._graph.client.post_json(target, question)
        except PermissionMissingError as error:
            raise missing_right(error, GROUPS, admin=self._graph.admin) from error
        host = self._graph.client.host
        try:
            held = frozenset(map(ExternalId, msgspec.json.decode(answer.body, type=_Answer).value))
        except (ValueError, RecursionError) as error:
            raise not_graph(host, "the list of somebody's groups cannot be read") from error
        if not held <= set(groups):
            raise not_graph(host, "it names groups that it was not asked about")
        return held
