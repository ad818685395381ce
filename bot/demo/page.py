"""The page's web socket: what one browser window sees, and what it may do (README.md)."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from bot.demo import people
from bot.demo.dispatch import Tasks
from bot.demo.interactions import FailedError, Interactions
from bot.demo.people import Person
from bot.demo.refusals import RefusedError
from bot.demo.team import Team
from bot.demo.workspace import (
    Channel,
    ChannelChanged,
    Event,
    HomePublished,
    Message,
    MessageChanged,
    MessageDeleted,
    MessagePosted,
    ViewsClosed,
    ViewShown,
)

Json = dict[str, object]
Incoming = Mapping[str, object]
Trouble = Callable[[Incoming], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Front:
    """What the page is given besides the workspace: commands, links, who starts, a hint."""

    commands: Sequence[Mapping[str, object]] = ()
    links: Sequence[Mapping[str, str]] = ()
    me: str = "U0OWNER001"
    hint: str = ""


class Page:
    """Serves every browser window."""

    def __init__(
        self, *, team: Team, interactions: Interactions, front: Front, trouble: Trouble
    ) -> None:
        self.team = team
        self.interactions = interactions
        self.front = front
        self.trouble = trouble
        self.tasks = Tasks()
        self._windows: set[Window] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one window until it is closed. Other origins are refused."""
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("//")[2] != request.host:
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        window = Window(self, socket)
        self._windows.add(window)
        stop = self.team.workspace.subscribe(window.notice)
        try:
            window.greet()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    window.take(message.data)
        finally:
            stop()
            self._windows.discard(window)
        return socket

    async def close(self) -> None:
        """Close every window and end what they started."""
        await self.tasks.stop()
        for window in [*self._windows]:
            await window.close()


class Window:
    """One browser window, looking at the workspace as one person."""

    def __init__(self, page: Page, socket: web.WebSocketResponse) -> None:
        self._page = page
        self._socket = socket
        self._me = page.front.me
        self._handlers: Mapping[str, Callable[[Incoming], Awaitable[None]]] = {
            "say": self._say,
            "action": self._action,
            "submit": self._submit,
            "close": self._close,
            "home": self._home,
            "suggest": self._suggest,
            "fault": page.trouble,
        }
        self._outbox: deque[str] = deque()
        self._writing = False

    async def close(self) -> None:
        """Close the window's socket."""
        await self._socket.close()

    def greet(self) -> None:
        """Send `hello`: everything that this person sees."""
        self._send(hello(self._page.team, self._page.front, self._me))

    def take(self, text: str) -> None:
        """Take one message of the window; what is not of the protocol is ignored."""
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        kind = str(message.get("type"))
        if kind == "be":
            self._be(str(message.get("user")))
        elif kind == "read":
            self._read(str(message.get("channel")))
        elif kind in self._handlers:
            self._page.tasks.start(self._handle(kind, message))

    def _be(self, user: str) -> None:
        person = self._page.team.workspace.people.get(user)
        if person is not None and not person.is_bot:
            self._me = user
            self.greet()

    def _read(self, channel: str) -> None:
        if channel in self._page.team.workspace.channels:
            self._page.team.workspace.mark_read(self._me, channel)

    async def _handle(self, kind: str, message: Incoming) -> None:
        ref = message.get("ref")
        self._send({"type": "pending", "ref": ref})
        try:
            await self._handlers[kind](message)
        except FailedError as failed:
            self._send({"type": "failed", "ref": ref, "text": failed.text})
        except RefusedError as refused:
            self._send({"type": "failed", "ref": ref, "text": refused.code})
        else:
            self._send({"type": "done", "ref": ref})

    async def _say(self, message: Incoming) -> None:
        thread = message.get("thread_ts")
        await self._page.interactions.say(
            self._me,
            str(message.get("channel")),
            str(message.get("text", "")),
            str(thread) if thread else None,
        )

    async def _action(self, message: Incoming) -> None:
        action, state = _object(message.get("action")), _values(message.get("state"))
        if message.get("view_id"):
            view_id = str(message["view_id"])
            await self._page.interactions.click_view(
                self._me, view_id=view_id, action=action, state=state
            )
            return
        await self._page.interactions.click(
            self._me,
            channel=str(message.get("channel")),
            ts=str(message.get("ts")),
            action=action,
            state=state,
        )

    async def _submit(self, message: Incoming) -> None:
        view_id = str(message.get("view_id"))
        state = _values(message.get("state"))
        errors = await self._page.interactions.submit(self._me, view_id=view_id, state=state)
        if errors:
            self._send({"type": "view_errors", "view_id": view_id, "errors": dict(errors)})

    async def _close(self, message: Incoming) -> None:
        view_id, everything = str(message.get("view_id")), message.get("all") is True
        await self._page.interactions.close(self._me, view_id=view_id, everything=everything)

    async def _home(self, message: Incoming) -> None:  # noqa: ARG002 - handlers share one shape
        self._page.interactions.open_home(self._me)

    async def _suggest(self, message: Incoming) -> None:
        options = await self._page.interactions.suggest(
            self._me,
            view_id=str(message.get("view_id")),
            block_id=str(message.get("block_id")),
            action_id=str(message.get("action_id")),
            value=str(message.get("value", "")),
        )
        self._send({"type": "options", "ref": message.get("ref"), "options": options})

    def notice(self, event: Event) -> None:
        """Pass an event of the workspace on, if this person sees it."""
        team, me = self._page.team, self._me
        match event:
            case MessagePosted(message=message) if self._sees(message):
                self._send(_about("message", message))
            case MessageChanged(message=message) if self._sees(message):
                self._send(_about("message_changed", message))
            case MessageDeleted(message=message) if self._sees(message):
                gone = {"channel": message.channel, "ts": message.ts}
                self._send({"type": "message_deleted", **gone})
            case ChannelChanged(channel=channel) if me in channel.members:
                self._send({"type": "channel", "channel": _channel(team, channel, me)})
            case ViewShown(user=user, action=action, view=view) if user == me:
                self._send({"type": "view", "action": action, "view": view})
            case ViewsClosed(user=user, view_id=view_id) if user == me:
                self._send({"type": "view_closed", "view_id": view_id, "all": event.all})
            case HomePublished(user=user, view=view) if user == me:
                self._send({"type": "home", "view": view})
            case _:
                return

    def _sees(self, message: Message) -> bool:
        channel = self._page.team.workspace.channel(message.channel)
        return self._me in channel.members and message.seen_by(self._me)

    def _send(self, message: Incoming) -> None:
        self._outbox.append(json.dumps(message, ensure_ascii=False))
        if not self._writing:
            self._writing = True
            self._page.tasks.start(self._write())

    async def _write(self) -> None:
        try:
            while self._outbox:
                await self._socket.send_str(self._outbox.popleft())
        except ConnectionError:
            self._outbox.clear()
        finally:
            self._writing = False


def hello(team: Team, front: Front, me: str) -> Json:
    """Return the page's `hello` for a person."""
    channels = [*team.workspace.seen_channels(me)]
    persons = team.workspace.people.values()
    return {
        "type": "hello",
        "team": {"id": people.TEAM_ID, "name": people.TEAM_NAME},
        "me": me,
        "people": [people.page_object(person) for person in persons],
        "groups": [
            people.group_object(group)
            for group in team.workspace.usergroups.values()
            if not group.disabled
        ],
        "personas": [person.id for person in persons if _can_be(person)],
        "channels": [_channel(team, channel, me) for channel in channels],
        "commands": [*front.commands],
        "messages": {
            channel.id: [
                message_object(message)
                for message in team.workspace.messages(channel.id)
                if message.seen_by(me)
            ]
            for channel in channels
        },
        "links": [*front.links],
        "home": team.workspace.homes.get(me),
        "hint": front.hint,
    }


def message_object(message: Message) -> Json:
    """Return a message as the page's protocol has it."""
    shown: Json = {
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": [*message.blocks],
        "reply_count": message.reply_count,
    }
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.edited:
        shown["edited"] = True
    if message.only_for:
        shown["ephemeral"] = True
    if message.files:
        shown["files"] = [
            {"name": file.name, "url": file.url, "size": file.size, "alt": file.alt}
            for file in message.files
        ]
    return shown


def _can_be(person: Person) -> bool:
    return not person.is_bot and not person.deleted


def _about(kind: str, message: Message) -> Json:
    return {"type": kind, "channel": message.channel, "message": message_object(message)}


def _channel(team: Team, channel: Channel, me: str) -> Json:
    shown: Json = {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "kind": "channel" if channel.kind == "private" else channel.kind,
        "unread": team.workspace.unread(me, channel.id),
        "is_private": channel.kind == "private",
        "is_archived": channel.is_archived,
    }
    if channel.is_direct:
        shown["with"] = next(iter(channel.members - {me}), me)
    return shown


def _object(value: object) -> Incoming:
    return value if isinstance(value, dict) else {}


def _values(state: object) -> Incoming:
    """Return `values` of a state, whether it came wrapped or bare."""
    found = _object(state)
    return _object(found["values"]) if "values" in found else found
