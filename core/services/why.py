"""Why somebody is, or is not, in the account: one timeline over all cycles."""

from __future__ import annotations

from dataclasses import replace

from core.engine.matching import match_key
from core.engine.scoping import because
from core.errors import NotFoundError
from core.model.account import Actor, Role, User, UserStatus
from core.model.configuration import Configuration, Scope
from core.model.trail import PersonTrail, Sighting, Standing, TrailEvent, TrailKind
from core.services.access import AccessService
from core.services.people import PeopleService
from core.store.opening import Store

MOST_EVENTS = 500


class WhyService:
    """Tells one person's story, for viewers."""

    def __init__(self, *, store: Store, access: AccessService, people: PeopleService) -> None:
        self._store = store
        self._access = access
        self._people = people

    async def explain(
        self, actor: Actor, email_or_name: str, *, limit: int = MOST_EVENTS
    ) -> PersonTrail:
        """Return everything that is stored of one person; of the events, the latest `limit`.

        Also of somebody who was read and never provisioned, by the exact address. Raises
        `NotFoundError` (code ``no_such_person``), `ConflictError` (code ``several_people``).
        """
        await self._access.require(actor, Role.VIEWER, "why")
        user, seen = await self._find(actor, email_or_name)
        events: list[TrailEvent] = []
        for sighting in seen:
            events += await self._store.trails.events(sighting)
        if user is not None:
            events += await self._store.trails.account_events(user.id)
        names = await self._access.names()
        events = [replace(each, by_name=each.by_name or names.get(each.by, "")) for each in events]
        events.sort(key=lambda event: (event.at, event.kind is not TrailKind.HELD))
        return PersonTrail(
            name=_name(user, seen, email_or_name),
            user=user,
            standings=tuple([await self._standing(each, user, events) for each in seen]),
            events=tuple(events[-limit:]),
            earlier=max(0, len(events) - limit),
            waits=await self._waits(user),
        )

    async def _waits(self, user: User | None) -> str:
        """Return why somebody waits for a license, or an empty string."""
        if user is None or user.status is not UserStatus.WAITING:
            return ""
        pool, place = await self._store.licenses.line(user.id)
        if not pool.unused:
            why = f"all {pool.total:,} licenses are in use"
        elif pool.free:
            why = "licenses are free, and nobody has given one yet"
        else:
            left = [each for each in pool.reserves if each.left]
            kept = " and ".join(f"{each.left:,} for {each.group}" for each in left)
            why = f"the free licenses are kept back: {kept}"
        return f"number {place:,} in line: {why}"

    async def _find(self, actor: Actor, text: str) -> tuple[User | None, list[Sighting]]:
        """Return the person of the account, or whoever was only ever read."""
        try:
            user = (await self._people.find(actor, text)).user
        except NotFoundError:
            seen = await self._store.trails.of_label(text)
            if seen:
                return None, seen
            raise NotFoundError(
                "No cycle has met anybody with that address or name.",
                code="no_such_person",
                hint="`sync --user` with the address asks the provider now.",
            ) from None
        return user, await self._store.trails.of_user(user.id)

    async def _standing(
        self, seen: Sighting, user: User | None, events: list[TrailEvent]
    ) -> Standing:
        try:
            configuration = await self._store.configurations.get(seen.configuration_id)
        except NotFoundError:
            scope = "the configuration was deleted: nothing is read any more"
            kept: tuple[str, ...] = ()
        else:
            scope = _scope(configuration, seen, user, events)
            kept = configuration.spec.only_on_create if user is not None else ()
        return Standing(seen=seen, scope=scope, match=_match(seen, user, events), kept=kept)


def _name(user: User | None, seen: list[Sighting], asked: str) -> str:
    if user is not None:
        return user.email or user.user_name
    return seen[0].label or asked


def _scope(
    configuration: Configuration, seen: Sighting, user: User | None, events: list[TrailEvent]
) -> str:
    if seen.until is not None:
        return "given to another configuration"
    if seen.kept:
        return "out of scope by an edit of the configuration, and kept"
    if seen.absent_since is not None:
        return "not in the directory any more"
    if user is None or user.configuration_id != configuration.id:
        return "read and not provisioned: " + _why_not(seen, events)
    removed = _last(seen, events, {"disable", "delete", "enable", "restore", "create", "link"})
    if removed is not None and removed.what in {"disable", "delete"}:
        return removed.text
    return "in scope: " + _because(configuration.spec.scope, user)


def _why_not(seen: Sighting, events: list[TrailEvent]) -> str:
    told = [e for e in events if e.kind is TrailKind.PROBLEM and e.configuration]
    mine = [e for e in told if e.configuration == seen.configuration]
    return mine[-1].text if mine else "out of scope, or disabled in the directory"


def _because(scope: Scope, user: User) -> str:
    wanted = {name.casefold().strip() for name in scope.groups}
    named = [name for name in user.groups if name.casefold().strip() in wanted]
    return because(scope, named, match_key(user.email))


def _match(seen: Sighting, user: User | None, events: list[TrailEvent]) -> str:
    if user is None:
        return f"nobody in the account: the provider's id is {seen.external_id}"
    linked = _last(seen, events, {"link", "create"})
    if linked is not None and linked.what == "link":
        return f"by the e-mail address, with somebody whom the account had already ({user.email})"
    return f"by the provider's id {seen.external_id}, since the account's person was made from it"


def _last(seen: Sighting, events: list[TrailEvent], what: set[str]) -> TrailEvent | None:
    mine = [e for e in events if e.kind is TrailKind.CHANGE]
    found = [e for e in mine if e.what in what and e.configuration == seen.configuration]
    return found[-1] if found else None
