"""Payloads on their way to the app: acknowledgement in time, retries of events, duplicates."""

import asyncio
import json
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.demo.team import Team

Payload = Mapping[str, object]


class Kind(StrEnum):
    """What a payload is, named as Socket Mode envelopes name it."""

    SLASH = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


class UnacknowledgedError(Exception):
    """The app did not acknowledge: `operation_timeout`, `dispatch_failed` or `http_error`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One payload on its way, and which retry it is (0 the first time) and why."""

    kind: Kind
    payload: Payload
    retry: int = 0
    reason: str = ""


class Transport(Protocol):
    """A way to the app."""

    async def deliver(self, delivery: Delivery) -> Payload:
        """Return what the acknowledgement carried; raise UnacknowledgedError without one."""
        ...


class Tasks:
    """Background tasks with strong references, all cancelled at the end."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` in the background."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        running = [*self._running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Dispatcher:
    """Sends payloads over the transport that is switched on."""

    def __init__(self, team: Team, transport: Transport) -> None:
        self._team = team
        self.transport = transport
        self.tasks = Tasks()

    async def send(self, kind: Kind, payload: Payload) -> Payload:
        """Deliver a command or an interaction once (twice, if the fault is set).

        Raises UnacknowledgedError when three seconds pass, or nobody listens.
        """
        delivery = Delivery(kind=kind, payload=payload)
        if self._team.faults.take_duplicate():
            self.tasks.start(_quietly(self._in_time(delivery)))
        return await self._in_time(delivery)

    def announce(self, event: Payload) -> None:
        """Deliver an event in the background, again and again as Slack does."""
        if self._team.faults.take_duplicate():
            self.tasks.start(self._insist(event))
        self.tasks.start(self._insist(event))

    async def _in_time(self, delivery: Delivery) -> Payload:
        try:
            async with asyncio.timeout(self._team.timing.ack):
                payload = await self.transport.deliver(delivery)
        except TimeoutError:
            raise UnacknowledgedError("operation_timeout") from None
        if self._team.faults.take_lost_ack():
            raise UnacknowledgedError("operation_timeout")
        return payload

    async def _insist(self, event: Payload) -> None:
        reason = ""
        for retry, wait in enumerate((0.0, *self._team.timing.retries)):
            await asyncio.sleep(wait)
            delivery = Delivery(kind=Kind.EVENT, payload=event, retry=retry, reason=reason)
            try:
                await self._in_time(delivery)
            except UnacknowledgedError as error:
                reason = "http_error" if error.reason == "http_error" else "timeout"
            else:
                return


async def _quietly(work: Awaitable[Payload]) -> None:
    try:
        await work
    except UnacknowledgedError:
        return


def as_answer(body: str) -> Payload:
    """Parse what an acknowledgement carries: a JSON object, or a bare text."""
    if not body.strip():
        return {}
    try:
        answer = json.loads(body)
    except ValueError:
        return {"text": body}
    return answer if isinstance(answer, dict) else {}
