"""Directories in memory that can be asked whose groups somebody is in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import replace

import msgspec

from core.engine.groups import flatten
from core.errors import DirsyncError
from core.model.directory import ExternalId, Memberships, Page
from tests.support.scripted_directory import Person, ScriptedDirectory, Team


class AskedDirectory(ScriptedDirectory):
    """One that says of single people which groups they are in.

    `fault` is raised instead; `sure` says whether it vouches for "not in it", where lists are
    whole. `read` counts the groups whose members were read.
    """

    def __init__(
        self, persons: Iterable[Person] = (), teams: Iterable[Team] = (), **more: object
    ) -> None:
        super().__init__(persons, teams, **more)
        self.fault: DirsyncError | None = None
        self.sure = True
        self.read = 0
        self.bend_names = list

    async def list_groups(self) -> AsyncIterator[Page]:
        """Yield the groups without their members."""
        hidden = [
            replace(one, people=frozenset(), groups=frozenset(), complete=False)
            for one in self.teams
        ]
        raws = [msgspec.json.encode(one, order="deterministic") for one in hidden]
        for page in self._deliver(self.bend_names(self._pages(raws))):
            yield page

    async def read_groups(self) -> AsyncIterator[Page]:
        """Yield the groups, and count them."""
        self.read += len(self.teams)
        async for page in super().read_groups():
            yield page

    async def held_by(self, person: ExternalId, groups: Collection[ExternalId]) -> Memberships:
        """Follow the members as the engine does."""
        self.requests += 1
        if self.fault is not None:
            raise self.fault
        known = flatten(map(self._decoded, self.teams))
        asked = [known[one] for one in groups]
        held = frozenset(one.external_id for one in asked if person in one.members)
        certain = all(one.proven for one in asked if one.external_id not in held)
        return Memberships(groups=held, whole=self.sure and certain)

    def _decoded(self, one: Team):
        return self.decode_group(msgspec.json.encode(one, order="deterministic"))


class ReadableDirectory(AskedDirectory):
    """One whose single groups' members can be read, too."""

    async def with_members(self, groups: Sequence[bytes]) -> Sequence[bytes]:
        """Return these groups as `read_groups` has them."""
        self.requests += 1
        self.read += len(groups)
        if self.fault is not None:
            raise self.fault
        whole = {one.id: one for one in self.teams}
        ids = [msgspec.json.decode(raw)["id"] for raw in groups]
        return [msgspec.json.encode(whole[one], order="deterministic") for one in ids]
