"""People whom several configurations mean: who has them, who claims them, and what is decided."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from core.errors import ConflictError, NotFoundError, UsageError
from core.model.account import Actor, Role
from core.model.configuration import ConfigurationId
from core.model.ownership import (
    Conflict,
    ConflictPage,
    ConflictState,
    Ruled,
    Ruling,
    Verdict,
    ranked,
)
from core.model.wording import people
from core.services.configurations import ConfigurationService
from core.services.ground import Ground
from core.services.people import PeopleService

PAGE = 10
_Decided = Sequence[tuple[int, int, Verdict, str, str]]


class ConflictService:
    """Lists conflicts of ownership for viewers, and lets admins decide them."""

    def __init__(
        self, ground: Ground, *, configurations: ConfigurationService, people: PeopleService
    ) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices
        self._configurations = configurations
        self._people = people
        self._wake = ground.wake

    async def list(
        self,
        actor: Actor,
        configuration: str | None = None,
        *,
        kept: bool = False,
        limit: int = PAGE,
        offset: int = 0,
    ) -> ConflictPage:
        """Return a page of the open conflicts, or with `kept` of those decided for the owner.

        With `configuration`, those that it takes part in. Raises as
        `ConfigurationService.resolve`.
        """
        await self._access.require(actor, Role.VIEWER, "conflicts")
        chosen = await self._chosen(configuration)
        found, total = await self._store.conflicts.page(
            configuration=chosen,
            state=ConflictState.KEPT if kept else ConflictState.OPEN,
            limit=limit,
            offset=offset,
        )
        return ConflictPage(
            conflicts=tuple(found),
            order=await self._order(),
            total=total,
            offset=offset,
            limit=limit,
        )

    async def of_person(
        self, actor: Actor, who: str, configuration: str | None = None
    ) -> ConflictPage:
        """Return the conflicts about one person, decided ones too; raises `NotFoundError`."""
        await self._access.require(actor, Role.VIEWER, "conflicts")
        user = (await self._people.find(actor, who)).user
        chosen = await self._chosen(configuration)
        found = [
            each
            for each in await self._store.conflicts.of_person(user.id)
            if chosen in (None, each.claimant_id, each.owner_id)
        ]
        if not found:
            raise NotFoundError(
                "No other configuration claims that person.", code="conflict_not_found"
            )
        return ConflictPage(
            conflicts=tuple(found),
            order=await self._order(),
            total=len(found),
            offset=0,
            limit=len(found),
        )

    async def decide(
        self, actor: Actor, conflict: int, verdict: Verdict, *, revision: int, reason: str = ""
    ) -> Conflict:
        """Leave a person with the owner, or give them to the claimant.

        Returns the conflict as it was. Nobody is changed or disabled by it. Raises
        `NotFoundError`, `ConflictError` (``conflict_changed``, ``kept_already``).
        """
        await self._access.require(actor, Role.ADMIN, f"conflicts.{verdict}", str(conflict))
        found = await self._store.conflicts.get(conflict)
        if verdict is Verdict.KEEP and found.state is ConflictState.KEPT:
            raise ConflictError(
                f"It was decided already: they stay with {found.owner}.", code="kept_already"
            )
        chosen = [(conflict, revision)]
        await self._store.conflicts.decide(
            keep=chosen if verdict is Verdict.KEEP else (),
            move=chosen if verdict is Verdict.MOVE else (),
            by=actor,
            reason=reason,
            audit=self._audit.entry(
                actor,
                f"conflicts.{verdict}",
                found.claimant,
                reason=reason,
                before={"owner": found.owner},
                after={"owner": found.owner if verdict is Verdict.KEEP else found.claimant},
            ),
            now=self._clock.now(),
        )
        ruled = Ruled(owner=found.owner, claimant=found.claimant, verdict=verdict, people=1)
        await self._told(actor, [ruled])
        return found

    async def ruling(self, actor: Actor, configuration: str | None = None) -> Ruling:
        """Return how priority would decide the open conflicts, in numbers; changes nothing."""
        await self._access.require(actor, Role.ADMIN, "conflicts.priority")
        ruling, _ = await self._ruling(await self._chosen(configuration))
        return ruling

    async def rule(
        self,
        actor: Actor,
        configuration: str | None = None,
        *,
        digest: str,
        reason: str = "",
    ) -> Ruling:
        """Decide the open conflicts by priority, if they are those of this digest.

        Raises `ConflictError` (code ``conflict_changed``), `UsageError` (``nothing_to_decide``).
        """
        await self._access.require(actor, Role.ADMIN, "conflicts.priority")
        ruling, decided = await self._ruling(await self._chosen(configuration))
        if not decided:
            raise UsageError("There is no conflict to decide.", code="nothing_to_decide")
        if ruling.digest != digest:
            raise ConflictError(
                "Meanwhile this has changed, so nothing was decided.",
                code="conflict_changed",
                hint="Look at it again, then decide.",
            )
        await self._store.conflicts.decide(
            keep=[(each[0], each[1]) for each in decided if each[2] is Verdict.KEEP],
            move=[(each[0], each[1]) for each in decided if each[2] is Verdict.MOVE],
            others=ConflictState.KEPT,
            by=actor,
            reason=reason or "by priority",
            audit=self._audit.entry(
                actor,
                "conflicts.priority",
                configuration or "",
                reason=reason,
                keep=ruling.keeps,
                move=ruling.moves,
            ),
            now=self._clock.now(),
        )
        await self._told(actor, ruling.rows)
        return ruling

    async def _ruling(self, chosen: ConfigurationId | None) -> tuple[Ruling, _Decided]:
        order = await self._order()
        decided = await self._store.conflicts.ruled(order, configuration=chosen)
        counted = Counter((owner, claimant, what) for _, _, what, owner, claimant in decided)
        rows = tuple(
            Ruled(owner=owner, claimant=claimant, verdict=verdict, people=people)
            for (owner, claimant, verdict), people in sorted(counted.items())
        )
        return Ruling(rows=rows, digest=_digest(decided)), decided

    async def _order(self) -> tuple[ConfigurationId, ...]:
        return tuple(each.id for each in ranked(await self._store.configurations.all()))

    async def _chosen(self, configuration: str | None) -> ConfigurationId | None:
        if configuration is None:
            return None
        return (await self._configurations.resolve(configuration, channel=None)).id

    async def _told(self, actor: Actor, ruled: Sequence[Ruled]) -> None:
        """Leave one line in the channel; it names nobody."""
        said = [
            f"{people(each.people)} "
            + (
                f"stay with {each.owner}, not {each.claimant}"
                if each.verdict is Verdict.KEEP
                else f"move from {each.owner} to {each.claimant}"
            )
            for each in ruled
        ]
        await self._notices.record(
            actor, "conflicts_decided", f"decided about conflicts: {'; '.join(said[:_MOST_TOLD])}"
        )
        self._wake()


_MOST_TOLD = 10


def _digest(decided: _Decided) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for conflict, revision, verdict, *_ in decided:
        whole.update(f"{conflict} {revision} {verdict}\n".encode())
    return whole.hexdigest()
