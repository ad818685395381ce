"""Socket Mode's server side: tickets, links, envelopes and polite or rude goodbyes."""

import asyncio
import itertools
import json
import secrets
from collections.abc import Mapping

from aiohttp import WSMsgType, web

from bot.demo import people
from bot.demo.dispatch import Delivery, Kind, Payload, UnacknowledgedError
from bot.demo.team import Team

LINKS = 10
"""Connections that an app may have open."""
TICKETS = 100
LAST_WORDS = 0.5
"""Seconds that a link lives on after `refresh_requested`."""


class LinkLostError(Exception):
    """The link went away before the envelope was acknowledged."""


class Link:
    """One web socket of the app, and the envelopes on it that wait for their acknowledgement."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._waiting: dict[str, asyncio.Future[Payload]] = {}

    async def ask(self, envelope: Mapping[str, object]) -> Payload:
        """Send an envelope and return what its acknowledgement carries."""
        id_ = str(envelope["envelope_id"])
        answer = self._waiting.setdefault(id_, asyncio.get_running_loop().create_future())
        try:
            await self.tell(envelope)
            return await answer
        finally:
            self._waiting.pop(id_, None)

    async def tell(self, message: Mapping[str, object]) -> None:
        """Send a message that needs no answer."""
        try:
            await self._socket.send_str(json.dumps(message))
        except ConnectionError:
            raise LinkLostError from None

    def take(self, text: str) -> None:
        """Take what the app sent: acknowledgements; the rest is ignored, as by Slack."""
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        answer = self._waiting.get(str(message.get("envelope_id")))
        if answer is not None and not answer.done():
            payload = message.get("payload")
            answer.set_result(payload if isinstance(payload, dict) else {})

    def lose(self) -> None:
        """Give up on every envelope that still waits."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LinkLostError())

    async def close(self) -> None:
        """Close the socket with a closing handshake."""
        await self._socket.close()

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()


class SocketMode:
    """Hands out tickets, keeps the links, and delivers over them in turn."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self._tickets: dict[str, None] = {}
        self._links: list[Link] = []
        self._turn = itertools.count()
        self._arrived = asyncio.Condition()
        self._numbers = itertools.count(1)
        self.sent = 0
        """Envelopes sent so far, repeated ones included."""
        team.new_link = self.new_url

    @property
    def links(self) -> int:
        """How many connections the app has open."""
        return len(self._links)

    def new_url(self) -> str:
        """Return a web socket's URL that is good for one connection."""
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = None
        if len(self._tickets) > TICKETS:
            del self._tickets[next(iter(self._tickets))]
        base = self._team.base_url.replace("http", "ws", 1)
        return f"{base}/link?ticket={ticket}&app_id={people.APP_ID}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection of the app until it ends."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="invalid ticket")
        del self._tickets[ticket]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        link = Link(socket, request)
        if len(self._links) >= LINKS:
            await link.tell({"type": "disconnect", "reason": "too_many_websockets"})
            await link.close()
            return socket
        await link.tell(self._hello())
        await self._welcome(link)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    link.take(message.data)
        finally:
            self._forget(link)
            link.lose()
        return socket

    def _hello(self) -> Payload:
        return {
            "type": "hello",
            "num_connections": len(self._links) + 1,
            "connection_info": {"app_id": people.APP_ID},
            "debug_info": {"host": "demo", "approximate_connection_time": 3600},
        }

    async def _welcome(self, link: Link) -> None:
        async with self._arrived:
            self._links.append(link)
            self._arrived.notify_all()

    def _forget(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)

    async def connected(self, links: int = 1) -> None:
        """Wait until the app has this many connections."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self._links) >= links)

    async def deliver(self, delivery: Delivery) -> Payload:
        """Send an envelope; one whose link drops is sent again over the next link.

        Raises UnacknowledgedError at once when the app has no connection.
        """
        if not self._links:
            raise UnacknowledgedError("dispatch_failed")
        envelope = self._envelope(delivery)
        attempt = delivery.retry
        while True:
            if attempt and delivery.kind is Kind.EVENT:
                reason = delivery.reason or "connection_lost"
                envelope = {**envelope, "retry_attempt": attempt, "retry_reason": reason}
            await self.connected()
            link = self._links[next(self._turn) % len(self._links)]
            self.sent += 1
            try:
                return await link.ask(envelope)
            except LinkLostError:
                self._forget(link)
                attempt += 1

    def _envelope(self, delivery: Delivery) -> dict[str, object]:
        envelope: dict[str, object] = {
            "envelope_id": f"{next(self._numbers):08d}-{secrets.token_hex(8)}",
            "type": delivery.kind.value,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind is not Kind.EVENT,
        }
        if delivery.kind is Kind.EVENT:
            envelope |= {"retry_attempt": delivery.retry, "retry_reason": delivery.reason}
        return envelope

    async def refresh(self) -> None:
        """Ask every link to go, as Slack does when it moves house."""
        farewell = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {}}
        for link in [*self._links]:
            try:
                await link.tell(farewell)
            except LinkLostError:
                self._forget(link)
        leaving = [*self._links]
        await asyncio.sleep(LAST_WORDS)
        await self._close(leaving)

    def cut(self) -> None:
        """Drop every connection abruptly."""
        for link in [*self._links]:
            self._forget(link)
            link.lose()
            link.cut()

    async def close(self) -> None:
        """Close every link."""
        await self._close([*self._links])

    async def _close(self, links: list[Link]) -> None:
        for link in links:
            self._forget(link)
        await asyncio.gather(*(link.close() for link in links))
