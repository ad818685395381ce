"""The people of the account: searching, and one person's story."""

from __future__ import annotations

from core.errors import ConflictError, NotFoundError, UsageError
from core.model.account import Actor, Role, User, UserId, UserStatus
from core.model.views import PeoplePage, PersonView
from core.services.access import AccessService
from core.store.opening import Store


class PeopleService:
    """Reads people, for viewers."""

    def __init__(self, *, store: Store, access: AccessService) -> None:
        self._store = store
        self._access = access

    async def search(
        self,
        actor: Actor,
        *,
        text: str | None = None,
        status: str | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> PeoplePage:
        """Return people by name whose name or address contains `text` and who have `status`.

        Raises `UsageError` for an unknown status.
        """
        await self._access.require(actor, Role.VIEWER, "users")
        wanted = None if status is None else _status(status)
        users = await self._store.people.search(
            text=text, status=wanted, limit=limit, offset=offset
        )
        invitations = await self._store.invitation_standings.of([each.id for each in users])
        return PeoplePage(
            users=tuple(users),
            total=await self._store.people.count(text=text, status=wanted),
            offset=offset,
            limit=limit,
            counts=await self._store.people.statuses(),
            undelivered=frozenset(user for user, each in invitations.items() if each.undelivered),
        )

    async def find(self, actor: Actor, email_or_name: str) -> PersonView:
        """Return the one person with this address, or whose name or address contains the text.

        Raises `NotFoundError`, `ConflictError` (code ``several_people``).
        """
        await self._access.require(actor, Role.VIEWER, "user")
        return await self._view(await self._one(email_or_name))

    async def get(self, actor: Actor, user: UserId) -> PersonView:
        """Return one person by id; raises `NotFoundError`."""
        await self._access.require(actor, Role.VIEWER, "user")
        return await self._view(await self._store.people.get(user))

    async def _view(self, user: User) -> PersonView:
        invitations = await self._store.invitation_standings.of([user.id])
        return PersonView(
            user=user,
            invitation=invitations.get(user.id),
            manager=await self._store.people.manager(user.id),
            changes=tuple(await self._store.people.history(user.id)),
            problems=tuple(await self._store.people.problems(user.id)),
        )

    async def _one(self, email_or_name: str) -> User:
        exact = await self._store.people.by_email(email_or_name)
        if exact is not None:
            return exact
        found = await self._store.people.search(text=email_or_name, limit=2)
        if not found:
            raise NotFoundError(
                "Nobody here has that address or name.",
                code="no_such_person",
                hint="`users --search` finds people by a part of it; `why` tells who was left out.",
            )
        if len(found) > 1:
            raise ConflictError(
                "Several people match.",
                code="several_people",
                hint="Give the whole address, or search with: users --search.",
            )
        return found[0]


def _status(text: str) -> UserStatus:
    try:
        return UserStatus(text.strip().lower())
    except ValueError:
        known = ", ".join(status.value for status in UserStatus)
        raise UsageError(f"A status is one of {known}.", code="unknown_status") from None
