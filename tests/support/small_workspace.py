"""A chat workspace of a handful of people, for whatever asks the port `Workspace`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.errors import ConflictError, DirsyncError, NotFoundError
from core.model.account import Actor
from core.model.views import PersonFacts


@dataclass(kw_only=True)
class SmallWorkspace:
    """Answers at once; `trouble` is raised by whatever asks for a user group."""

    people: dict[str, PersonFacts] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    trouble: Callable[[], DirsyncError] | None = None
    asked: list[tuple[str, bool]] = field(default_factory=list)
    greeted: list[tuple[str, str]] = field(default_factory=list)
    closed: frozenset[str] = frozenset()

    def add(self, id_: str, **flags: object) -> PersonFacts:
        """Add somebody, or change who they are."""
        base = self.people.get(id_, PersonFacts(id=id_, team_id="T1", name=f"Name of {id_}"))
        self.people[id_] = replace(base, **flags)
        return self.people[id_]

    async def facts(self, user: str, *, fresh: bool) -> PersonFacts:
        del fresh
        if user not in self.people:
            raise NotFoundError("There is nobody.", code="no_such_person")
        return self.people[user]

    async def find(self, email: str) -> PersonFacts:
        return await self.facts(email.partition("@")[0].upper(), fresh=True)

    async def members(self, group: str, *, fresh: bool) -> frozenset[str]:
        self.asked.append((group, fresh))
        if self.trouble is not None:
            raise self.trouble()
        if group not in self.groups:
            raise NotFoundError("There is no such group.", code="no_such_group")
        return self.groups[group]

    async def greet(self, channel: str, *, by: Actor, text: str) -> None:
        if channel in self.closed:
            raise ConflictError("I cannot post to that channel.", code="cannot_post")
        self.greeted.append((channel, f"{by.name} {text}"))
