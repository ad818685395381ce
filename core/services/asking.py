"""Asking people first whether they still need their license, before an admin takes it."""

from __future__ import annotations

from datetime import timedelta

from core.errors import UsageError
from core.model.account import Actor, Role
from core.model.asking import Answer, Asking
from core.model.wording import people
from core.services.ground import Ground


class AskingService:
    """Asks, and takes the answers."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices
        self._wake = ground.wake

    async def look(self, actor: Actor, *, idle: timedelta) -> Asking:
        """Return how many without a login for `idle` would be asked. Admins only.

        Raises `UsageError` for less than a day.
        """
        await self._access.require(actor, Role.ADMIN, "licenses.ask")
        if idle < timedelta(days=1):
            raise UsageError("Say from how many days on something counts as unused: 30d.")
        now = self._clock.now()
        due, lately = await self._store.questions.look(before=now - idle, now=now)
        return Asking(idle_days=idle.days, due=due, lately=lately)

    async def ask(self, actor: Actor, *, idle: timedelta, seen: int) -> int:
        """Ask each of them, by direct message; return how many are asked.

        Nobody is asked twice within 30 days. Raises as `look` does, and `ConflictError` (code
        ``people_changed``) if they are not the `seen` number any more.
        """
        await self.look(actor, idle=idle)
        if not seen:
            return 0
        entry = self._audit.entry(actor, "licenses.ask", "people without a login", days=idle.days)
        count = await self._store.questions.ask(before=entry.at - idle, seen=seen, audit=entry)
        await self._notices.record(
            actor, "licenses_asked", f"asks {people(count)} whether they still need their license"
        )
        self._wake()
        return count

    async def answer(
        self, actor: Actor, person: str, question: int, *, give_back: bool
    ) -> Answer | None:
        """Take the answer of `person`, as the chat says who it is; None if it is not theirs."""
        action = "licenses.give_back" if give_back else "licenses.still_needed"
        entry = self._audit.entry(actor, action, "")
        said = await self._store.questions.answer(
            question, person=person, give_back=give_back, audit=entry
        )
        if said is Answer.GIVEN_BACK:
            self._wake()
        return said
