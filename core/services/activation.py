"""Who gets in: invitations, licenses and the waiting line, for every door alike."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from core.engine.matching import match_key
from core.errors import UsageError
from core.model import wording
from core.model.account import (
    Actor,
    Invited,
    PersonOutcome,
    PersonResult,
    Role,
)
from core.model.application import Application, Login, LoginName, LoginStatus, NamedBy
from core.model.configuration import InvitationWay
from core.model.inviting import InvitationQueue, StagedPeople
from core.services.ground import Ground
from core.services.together import Together
from core.store.logins import LoginAsked

MOST_PEOPLE = 1_000
LONGEST_TOKEN = 200
MOST_LOGINS = 200
"""Logins that one transaction carries out at most."""
_PAGE_KEY = "page_key"
_LINK = Actor(id="link", name="an invitation's link", role=Role.NONE, door="link")


class ActivationService:
    """Invites people, and gives and takes licenses."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._per_minute = ground.settings.invitations_per_minute
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices
        self._logins = Together(self._log_in, most=MOST_LOGINS)
        self._wake = ground.wake

    async def activate(self, actor: Actor, people: Sequence[str]) -> list[PersonResult]:
        """Give licenses to people named by address, in this order, as long as any is free.

        Returns one result a person: activated, already active, waiting with the place, no
        license free, disabled, deleted, unknown. Raises `UsageError` for none or over 1,000.
        """
        await self._access.require(actor, Role.OPERATOR, "activate")
        keys = _keys(people)
        entry = self._audit.entry(actor, "activate", "chosen people")
        results = await self._store.activations.activate(keys, audit=entry)
        await self._told(actor, "activated", PersonOutcome.ACTIVATED, results)
        return results

    async def activate_waiting(self, actor: Actor, count: int) -> list[PersonResult]:
        """Give free licenses to the first `count` in the waiting line."""
        await self._access.require(actor, Role.OPERATOR, "activate", "waiting")
        if count < 1:
            raise UsageError("Say how many of those who wait: from 1.")
        entry = self._audit.entry(actor, "activate", "the waiting line", count=count)
        results = await self._store.activations.activate_waiting(
            min(count, MOST_PEOPLE), audit=entry
        )
        await self._told(actor, "activated", PersonOutcome.ACTIVATED, results)
        return results

    async def free(self, actor: Actor, people: Sequence[str]) -> list[PersonResult]:
        """Take people's licenses; they are invited again. Admins only."""
        await self._access.require(actor, Role.ADMIN, "licenses.free")
        entry = self._audit.entry(actor, "licenses.free", "chosen people")
        results = await self._store.activations.free(_keys(people), audit=entry)
        await self._told(actor, "freed the licenses of", PersonOutcome.FREED, results)
        return results

    async def invite(
        self,
        actor: Actor,
        people: Sequence[str],
        *,
        resend: bool = False,
        by: InvitationWay | None = None,
    ) -> list[PersonResult]:
        """Send invitations to staged people; with `resend`, to invited ones once more.

        They go by the way `by`, else as each one's configuration says.
        """
        await self._access.require(actor, Role.OPERATOR, "invite")
        entry = self._audit.entry(actor, "invite", "chosen people", resend=resend)
        results = await self._store.activations.invite(
            _keys(people), resend=resend, by=by, audit=entry
        )
        await self._told(actor, "invited", PersonOutcome.INVITED, results)
        return results

    async def staged(self, actor: Actor) -> StagedPeople:
        """Return how many people are not invited yet."""
        await self._access.require(actor, Role.OPERATOR, "invite", "everybody")
        return await self._store.staged_invitations.count()

    async def invite_staged(
        self, actor: Actor, *, expected: int, by: InvitationWay | None = None
    ) -> list[PersonResult]:
        """Invite everybody who is not invited yet, if they are as many as was confirmed.

        Raises `ConflictError` (code ``staged_changed``) if they are not.
        """
        await self._access.require(actor, Role.OPERATOR, "invite", "everybody")
        entry = self._audit.entry(actor, "invite", "everybody who was not invited yet")
        results = await self._store.staged_invitations.invite(expected=expected, by=by, audit=entry)
        await self._told(actor, "invited", PersonOutcome.INVITED, results)
        return results

    async def bounced(self, actor: Actor, message_id: str, *, status: str) -> bool:
        """Note that a message came back; False if no invitation that stands has this id."""
        await self._access.require(actor, Role.OPERATOR, "mail.bounce")
        noted = await self._store.invitations.bounced(message_id, detail=status)
        if noted:
            await self._audit.add(self._audit.entry(actor, "mail.bounce", message_id))
            self._wake()
        return noted

    async def on_their_way(self) -> InvitationQueue:
        """Return how many invitations are on their way, and how long that takes."""
        return await self._store.invitation_standings.queue(self._per_minute)

    async def page_key(self) -> bytes:
        """Return the key that proves, in every replica, that a page was shown by dirsync."""
        return bytes.fromhex(
            await self._store.settings.set_default(_PAGE_KEY, secrets.token_hex(32))
        )

    async def contacts(self) -> tuple[str, ...]:
        """Return the names of the admins whom people who wait may ask."""
        return await self._access.contacts()

    async def invited(self, token: str) -> Invited | None:
        """Return whom a link belongs to; None if it is unknown, expired or used."""
        if len(token) > LONGEST_TOKEN:
            return None
        return await self._store.activations.invited(token, now=self._clock.now())

    async def accept(self, token: str) -> Invited | None:
        """Take a license for the person of a link, or a place in line; None as for `invited`."""
        if len(token) > LONGEST_TOKEN:
            return None
        entry = self._audit.entry(_LINK, "invitation.accept", "")
        accepted = await self._store.activations.accept(token, audit=entry)
        if accepted is not None:
            self._wake()
        return accepted

    async def accept_in_chat(
        self, actor: Actor, person: str, invitation: int, *, version: int
    ) -> Invited | None:
        """Accept an invitation by the button of its direct message.

        `person` is who pressed it, as the chat says; None unless it was written to them, and as
        for `invited`. Whoever has a license already is told so.
        """
        entry = self._audit.entry(actor, "invitation.accept", "")
        accepted = await self._store.activations.accept_in_chat(
            invitation, version=version, person=person, audit=entry
        )
        if accepted is not None:
            self._wake()
        return accepted

    async def log_in(
        self, application: Application, *, email: str = "", user_name: str = ""
    ) -> Login:
        """Answer an application whether somebody may come in; an invited person is activated.

        The person is named by `email`, compared as matching does, or by `user_name`.
        """
        name = _login_name(email, user_name)
        if name is None:
            return Login(status=LoginStatus.UNKNOWN)
        settled = await self._store.logins.look(name, now=self._clock.now())
        if settled is not None:
            return settled
        actor = Actor(
            id=f"app:{application.name}", name=application.name, role=Role.NONE, door="api"
        )
        return await self._logins.ask(
            LoginAsked(name=name, audit=self._audit.entry(actor, "login", "people"))
        )

    async def _log_in(self, asked: Sequence[LoginAsked]) -> list[Login]:
        answers = await self._store.logins.log_in(asked, now=self._clock.now())
        if any(each.status in (LoginStatus.ACTIVATED, LoginStatus.WAITING) for each in answers):
            self._wake()
        return answers

    async def _told(
        self, actor: Actor, verb: str, did: PersonOutcome, results: Sequence[PersonResult]
    ) -> None:
        count = sum(each.outcome is did for each in results)
        if not count:
            return
        await self._notices.record(actor, did.value, f"{verb} {wording.people(count)}")
        self._wake()


def _keys(people: Sequence[str]) -> list[str]:
    readable = [each.encode("utf-8", "replace").decode() for each in people]
    keys = [match_key(each) for each in readable if each.strip()]
    if not keys or len(keys) > MOST_PEOPLE:
        raise UsageError(f"Name from 1 to {MOST_PEOPLE:,} people by their addresses.")
    return keys


def _login_name(email: str, user_name: str) -> LoginName | None:
    """Return how the store knows a person, or None for a name that nobody can have."""
    key = user_name.strip() or match_key(email)
    readable = key.encode("utf-8", "replace").decode()
    if not key or "\x00" in key or readable != key:
        return None
    return LoginName(by=NamedBy.USER_NAME if user_name.strip() else NamedBy.EMAIL, key=key)
