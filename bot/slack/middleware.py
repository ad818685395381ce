"""The wrapper round every listener: acknowledge, claim, establish who it is, run, answer errors.

The third of the three places where everything is caught: whatever goes wrong behind the
acknowledgement becomes an answer that a person understands.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from bot.grammar import parse
from bot.slack.blocks import Block, Message, modal
from bot.slack.client import Person, SlackClient
from bot.slack.ids import COMMAND, ViewId
from bot.slack.limits import LIMITS
from bot.slack.received import Kind, Payload, Received, received
from bot.slack.supervisor import Supervisor
from bot.slack.views import answers
from core.app import Core
from core.errors import DirsyncError, RemoteError, TerminalRemoteError, UsageError
from core.model.account import Actor, Role
from core.model.views import PersonFacts

KNOWN_FOR = 30.0
"""Seconds for which a reading command may rely on what was known of a person."""
MOST_KNOWN = 5000
JUDGING = 1.0
"""Seconds that judging what was entered may take before it is acknowledged."""
ACKNOWLEDGED = 0.5
"""Seconds after which Slack has carried out an acknowledgement."""
TRIGGER_OVER = frozenset({"expired_trigger_id", "invalid_trigger_id", "exchanged_trigger_id"})
"""Slack's error codes for a trigger that opens nothing any more."""
UNSEEN = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
"""Slack's error codes for somebody whom it does not know, or does not show to the app."""
_log = structlog.get_logger(__name__)


class People:
    """Who people are, asked of Slack; remembered for seconds, for reading only."""

    def __init__(self, client: SlackClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, Person]] = {}

    async def look_up(self, user: str, *, fresh: bool) -> Person:
        """Return somebody as Slack knows them, now if `fresh`. Raises as `SlackClient` does."""
        now = self._clock()
        known = self._known.get(user)
        if known is not None and not fresh and now - known[0] < KNOWN_FOR:
            return known[1]
        person = await self._client.person(user)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[user] = (now, person)
        return person


class Answerer:
    """Tells one person something that only they see, by whichever way still works."""

    def __init__(self, client: SlackClient, what: Received, *, acknowledged: float) -> None:
        self._client = client
        self._what = what
        self._acknowledged = acknowledged
        self._uses = 0
        self._since = time.monotonic()

    async def say(self, message: Message, *, replace: bool = False) -> None:
        """Answer at the response URL, else as an ephemeral message, else in a direct message.

        `replace` puts the answer in place of the private message that was clicked on.
        """
        what = self._what
        if what.response_url and self._may_respond():
            self._uses += 1
            try:
                await self._client.respond(
                    what.response_url, message, replace=replace and what.ephemeral
                )
            except TerminalRemoteError as error:
                _log.info("slack_response_url_refused", code=error.code)
            else:
                return
        if what.channel and what.kind != "event" and not what.channel.startswith("D"):
            try:
                await self._client.ephemeral(what.channel, what.user, message)
            except TerminalRemoteError as error:
                _log.info("slack_ephemeral_refused", code=error.code)
            else:
                return
        await self._client.post(await self._client.direct(what.user), message)

    async def after_acknowledgement(self) -> None:
        """Wait until Slack has carried out what the acknowledgement of a form said.

        It may show something in the form's place, and would show it over what came before.
        """
        if self._what.kind == "view":
            await asyncio.sleep(max(0.0, self._what.at + self._acknowledged - time.monotonic()))

    def _may_respond(self) -> bool:
        young = time.monotonic() - self._since < LIMITS["response_url.seconds"]
        return self._uses < LIMITS["response_url.uses"] and young


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What a handler works with: who it is, what was asked, and how to answer."""

    core: Core
    client: SlackClient
    people: People
    what: Received
    person: Person
    actor: Actor
    answer: Answerer

    @property
    def now(self) -> datetime:
        """The time in UTC."""
        return self.core.clock.now()

    @property
    def role(self) -> Role:
        """The role that was established for this very click or command."""
        return self.actor.role

    async def say(self, message: Message, *, replace: bool = False) -> None:
        """Answer for their eyes only."""
        await self.answer.say(message, replace=replace)

    async def open(self, view: Block, *, again: str) -> None:
        """Open a modal; if Slack's three seconds are over, offer a button that runs `again`."""
        try:
            await self.client.open_view(self.what.trigger, view)
        except TerminalRemoteError as error:
            if error.code not in TRIGGER_OVER:
                raise
            await self.say(answers.open_again(again))

    async def show(self, view: Block) -> None:
        """Show something else in the modal that this came from; a message if it was closed."""
        await self.answer.after_acknowledgement()
        try:
            await self.client.update_view(self.what.view_id, view)
        except TerminalRemoteError as error:
            if error.code != "not_found":
                raise
            await self.say(answers.of_view(view))


Handler = Callable[[Visit], Awaitable[None]]
Fresh = Callable[[Received], bool]
Check = Callable[[Received, Core], Awaitable[Payload | None]]
"""Judges what was entered, before the acknowledgement; it may read the store once."""


@dataclass(kw_only=True)
class Gate:
    """Makes Bolt listeners of handlers.

    Attributes:
        acknowledged: seconds in which Slack carries out what the acknowledgement of a form said.
        seen: how many deliveries were dropped because they had been taken on before.
    """

    core: Core
    client: SlackClient
    supervisor: Supervisor
    people: People
    acknowledged: float = ACKNOWLEDGED
    seen: int = field(default=0)

    def listener(
        self, kind: Kind, handler: Handler, *, fresh: Fresh | None = None
    ) -> Callable[..., Awaitable[None]]:
        """Return a listener that acknowledges at once and runs `handler` afterwards.

        `fresh` says whether who it is must be asked anew; by default it must.
        """

        async def listen(ack: Callable[..., Awaitable[object]], body: Payload) -> None:
            if kind == "command" and not self.supervisor.room:
                await ack(text="I am very busy right now. Please try again in a minute.")
                return
            await ack()
            what = received(kind, body)
            self.supervisor.start(self._run(what, handler, fresh or _always))

        return listen

    def form(self, check: Check, handler: Handler) -> Callable[..., Awaitable[None]]:
        """Return a listener for submitted modals.

        `check` returns Slack's answer to the submission: errors at their fields, or what to show
        while `handler` works. Where there are errors, `handler` is not called.
        """

        async def listen(ack: Callable[..., Awaitable[object]], body: Payload) -> None:
            what = received("view", body)
            answer = await self._judged(check, what)
            await ack(**answer)
            if answer.get("response_action") != "errors":
                self.supervisor.start(self._run(what, handler, _always))

        return listen

    async def _judged(self, check: Check, what: Received) -> Payload:
        """Return what to acknowledge a form with; nothing in particular if judging is too slow."""
        try:
            async with asyncio.timeout(JUDGING):
                return await check(what, self.core) or {}
        except (DirsyncError, TimeoutError) as error:
            _log.warning("slack_form_not_judged", error=type(error).__name__)
            return {"response_action": "update", "view": answers.one_moment()}

    async def _run(self, what: Received, handler: Handler, fresh: Fresh) -> None:
        answer = Answerer(self.client, what, acknowledged=self.acknowledged)
        try:
            if not what.user or not await self._first_time(what):
                return
            visit = await self._visit(what, answer, fresh=fresh(what))
            if visit is not None:
                await handler(visit)
        except DirsyncError as error:
            _log.info("slack_answered_error", code=error.code, kind=what.kind)
            await self._tell(answer, what, answers.problem(error))
        except Exception as error:  # noqa: BLE001 - a person waits for an answer, whatever failed
            await self._broke(error, answer, what)

    async def _broke(self, error: Exception, answer: Answerer, what: Received) -> None:
        incident = secrets.token_hex(4)
        _log.error("slack_incident", incident=incident, kind=what.kind, exc_info=error)
        await self._tell(answer, what, answers.broken(incident))

    async def _first_time(self, what: Received) -> bool:
        if not what.key:
            return True
        first = await self.core.store.inbox.claim(what.key, now=self.core.clock.now())
        self.seen += not first
        return first

    async def _visit(self, what: Received, answer: Answerer, *, fresh: bool) -> Visit | None:
        person = await self._person(what.user, fresh=fresh)
        role = await self.core.access.role_of(person.facts, fresh=fresh)
        actor = Actor(id=f"slack:{what.user}", name=person.facts.name, role=role, door="slack")
        if not person.facts.member and what.kind != "event":
            await self.core.audit.denied(actor, what.kind, _tried(what))
            await answer.say(answers.refused())
            return None
        return Visit(
            core=self.core,
            client=self.client,
            people=self.people,
            what=what,
            person=person,
            actor=actor,
            answer=answer,
        )

    async def _person(self, user: str, *, fresh: bool) -> Person:
        """Return who it is; whom Slack does not show us is a stranger."""
        try:
            return await self.people.look_up(user, fresh=fresh)
        except TerminalRemoteError as error:
            if error.code not in UNSEEN:
                raise
            return Person(facts=PersonFacts(id=user, is_stranger=True))

    async def _tell(self, answer: Answerer, what: Received, message: Message) -> None:
        if what.kind == "event":
            return
        if what.kind == "view" and what.view_id and await self._told_in_view(answer, what, message):
            return
        try:
            await answer.say(message)
        except RemoteError as error:
            _log.warning("slack_answer_lost", code=error.code, kind=what.kind)

    async def _told_in_view(self, answer: Answerer, what: Received, message: Message) -> bool:
        """Say what is wrong in the modal that was submitted, if it is still open."""
        view = modal("dirsync", message.blocks, callback_id=ViewId.NOTE)
        await answer.after_acknowledgement()
        try:
            await self.client.update_view(what.view_id, view)
        except RemoteError as error:
            _log.info("slack_view_lost", code=error.code)
            return False
        return True


def _always(_what: Received) -> bool:
    return True


def _tried(what: Received) -> str:
    """Return what a stranger wanted, without what they typed: it may name people."""
    if what.kind != "command":
        return what.action_id[:100]
    try:
        return f"{COMMAND} {parse(what.text).verb}".rstrip()
    except UsageError:
        return COMMAND


async def guarded(work: Awaitable[object]) -> object | None:
    """Return what `work` returns, or None, logged, whatever it raises: for Bolt's own parsing."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - a body from outside never becomes a 500
        _log.warning("slack_payload_unreadable", error=type(error).__name__)
        return None
