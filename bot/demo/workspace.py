"""The demo workspace's state: people, channels, messages and Home tabs; pure and bounded."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.demo import people
from bot.demo.people import Person
from bot.demo.refusals import RefusedError

HISTORY = 3000
"""Messages that a channel keeps; the oldest go first."""

Blocks = Sequence[Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel (`kind` channel or private), or a direct message (im, app)."""

    id: str
    name: str
    kind: str = "channel"
    topic: str = ""
    members: frozenset[str] = frozenset()
    is_archived: bool = False
    is_shared: bool = False

    @property
    def is_direct(self) -> bool:
        """Say whether it is a conversation of two."""
        return self.kind in {"im", "app"}


@dataclass(frozen=True, kw_only=True)
class File:
    """An uploaded file as messages show it; `url` is a path on the demo's server.

    Attributes:
        alt: describes a picture to those who do not see it.
    """

    id: str
    name: str
    url: str
    size: int
    alt: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message; `only_for` makes it ephemeral, seen by that person alone."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: Blocks = ()
    thread_ts: str | None = None
    edited: bool = False
    only_for: str | None = None
    reply_count: int = 0
    files: tuple[File, ...] = ()

    def seen_by(self, user: str) -> bool:
        """Say whether the message is shown to this person."""
        return self.only_for is None or self.only_for == user


@dataclass(frozen=True, kw_only=True)
class MessagePosted:
    """A message was posted."""

    message: Message


@dataclass(frozen=True, kw_only=True)
class MessageChanged:
    """A message was edited, or got a reply."""

    message: Message


@dataclass(frozen=True, kw_only=True)
class MessageDeleted:
    """A message was deleted."""

    message: Message


@dataclass(frozen=True, kw_only=True)
class ChannelChanged:
    """A channel is new, or its members or state changed."""

    channel: Channel


@dataclass(frozen=True, kw_only=True)
class ViewShown:
    """A modal was opened, pushed or updated for a person."""

    user: str
    action: str
    view: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class ViewsClosed:
    """A modal (or the whole stack) was closed for a person."""

    user: str
    view_id: str
    all: bool


@dataclass(frozen=True, kw_only=True)
class HomePublished:
    """A person's Home tab was published."""

    user: str
    view: Mapping[str, object]


Event = (
    MessagePosted
    | MessageChanged
    | MessageDeleted
    | ChannelChanged
    | ViewShown
    | ViewsClosed
    | HomePublished
)
Listener = Callable[[Event], None]


class Workspace:
    """People, channels and messages of one Slack team; tells its listeners what changed.

    `clock` gives Unix seconds. Nothing here does I/O.
    """

    def __init__(self, *, clock: Callable[[], float], cast: Iterable[Person] | None = None) -> None:
        self.people = {person.id: person for person in (cast or people.cast())}
        self.channels: dict[str, Channel] = {}
        self.homes: dict[str, Mapping[str, object]] = {}
        self.usergroups = {group.id: group for group in people.user_groups()}
        self._clock = clock
        self._messages: dict[str, dict[str, Message]] = {}
        self._read: dict[tuple[str, str], str] = {}
        self._listeners: list[Listener] = []
        self._last_ts = 0
        self._numbers = itertools.count(1)
        self._furnish()

    def _furnish(self) -> None:
        bot = people.BOT_USER_ID
        inside = frozenset(person.id for person in self.people.values() if not person.is_bot)
        staff = frozenset(id_ for id_ in inside if self.people[id_].role in {"owner", "admin"})
        members = frozenset(
            id_ for id_ in inside if self.people[id_].role not in {"guest", "outsider"}
        )
        rooms = (
            Channel(
                id="C0DIRECTRY",
                name="it-directory",
                topic="Joiners, leavers and what dirsync did about them",
                members=inside | {bot},
                is_shared=True,
            ),
            Channel(id="C0GENERAL1", name="general", topic="Everybody", members=members),
            Channel(id="G0SECURITY", name="it-security", kind="private", members=staff),
        )
        for room in rooms:
            self._add(room)
        for id_ in sorted(inside):
            pair = frozenset({bot, id_})
            self._add(Channel(id=f"D{id_[1:]}", name="dirsync", kind="app", members=pair))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every event from now on; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, event: Event) -> None:
        """Pass an event to every listener."""
        for listener in [*self._listeners]:
            listener(event)

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self._clock()

    def new_ts(self) -> str:
        """Return a Slack timestamp, later than every one before it."""
        self._last_ts = max(self._last_ts + 1, int(self._clock() * 1_000_000))
        seconds, micros = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def new_id(self, prefix: str) -> str:
        """Return an identifier in Slack's manner: a letter or two, then capitals and digits."""
        return f"{prefix}0{next(self._numbers):08X}"

    def person(self, id_: str) -> Person:
        """Return a person; refuse an unknown one with `user_not_found`."""
        if id_ not in self.people:
            raise RefusedError("user_not_found")
        return self.people[id_]

    def change_person(self, id_: str, **changes: bool | str) -> None:
        """Change flags of a person, for example `deleted=True`."""
        self.people[id_] = replace(self.person(id_), **changes)  # type: ignore[arg-type]

    def channel(self, id_: str) -> Channel:
        """Return a channel; refuse an unknown one with `channel_not_found`."""
        if id_ not in self.channels:
            raise RefusedError("channel_not_found")
        return self.channels[id_]

    def channel_named(self, name: str) -> Channel:
        """Return a channel by its name; refuse an unknown one with `channel_not_found`."""
        for channel in self.channels.values():
            if channel.name == name and not channel.is_direct:
                return channel
        raise RefusedError("channel_not_found")

    def direct(self, user: str) -> Channel:
        """Return the direct message between the app and a person, opening it if need be."""
        person = self.person(user)
        if person.is_bot:
            raise RefusedError("cannot_dm_bot")
        return self.channels[f"D{user[1:]}"]

    def change_channel(
        self,
        id_: str,
        *,
        is_archived: bool | None = None,
        join: Iterable[str] = (),
        leave: Iterable[str] = (),
    ) -> Channel:
        """Archive, unarchive or change the members of a channel."""
        old = self.channel(id_)
        return self._add(
            replace(
                old,
                is_archived=old.is_archived if is_archived is None else is_archived,
                members=(old.members | frozenset(join)) - frozenset(leave),
            )
        )

    def _add(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        self._messages.setdefault(channel.id, {})
        self.tell(ChannelChanged(channel=channel))
        return channel

    def seen_channels(self, user: str) -> Iterator[Channel]:
        """Yield the channels that a person has in the sidebar."""
        return (channel for channel in self.channels.values() if user in channel.members)

    def messages(self, channel: str) -> list[Message]:
        """Return a channel's messages, ephemeral ones and replies included, oldest first."""
        return [*self._messages[self.channel(channel).id].values()]

    def message(self, channel: str, ts: str) -> Message:
        """Return one message; refuse with `message_not_found`."""
        found = self._messages[self.channel(channel).id].get(ts)
        if found is None:
            raise RefusedError("message_not_found")
        return found

    def post(
        self,
        *,
        channel: str,
        user: str,
        text: str,
        blocks: Blocks = (),
        thread_ts: str | None = None,
        only_for: str | None = None,
        files: tuple[File, ...] = (),
    ) -> Message:
        """Add a message to a channel and return it; a reply counts at its parent."""
        message = Message(
            ts=self.new_ts(),
            channel=channel,
            user=user,
            text=text,
            blocks=tuple(self._with_ids(blocks)),
            thread_ts=thread_ts,
            only_for=only_for,
            files=files,
        )
        kept = self._messages[channel]
        kept[message.ts] = message
        if len(kept) > HISTORY:
            del kept[next(iter(kept))]
        self.tell(MessagePosted(message=message))
        if thread_ts in kept and only_for is None:
            self._replace(replace(kept[thread_ts], reply_count=kept[thread_ts].reply_count + 1))
        return message

    def edit(self, message: Message, *, text: str, blocks: Blocks) -> Message:
        """Replace a message's text and blocks."""
        return self._replace(
            replace(message, text=text, blocks=tuple(self._with_ids(blocks)), edited=True)
        )

    def delete(self, message: Message) -> None:
        """Remove a message; its replies stay, as in Slack."""
        self._messages[message.channel].pop(message.ts, None)
        self.tell(MessageDeleted(message=message))

    def _replace(self, message: Message) -> Message:
        self._messages[message.channel][message.ts] = message
        self.tell(MessageChanged(message=message))
        return message

    def _with_ids(self, blocks: Blocks) -> Iterator[Mapping[str, object]]:
        for block in blocks:
            yield self.with_ids(block)

    def with_ids(self, block: Mapping[str, object]) -> Mapping[str, object]:
        """Return a block with the block_id and action_ids that Slack would add."""
        filled = {"block_id": self.new_id("b"), **block}
        elements = filled.get("elements")
        if block.get("type") == "actions" and isinstance(elements, list):
            filled["elements"] = [self._with_action(item) for item in elements]
        for name in ("accessory", "element"):
            if isinstance(filled.get(name), dict):
                filled[name] = self._with_action(filled[name])
        return filled

    def _with_action(self, element: object) -> object:
        if isinstance(element, dict) and element.get("type") != "image":
            return {"action_id": self.new_id("a"), **element}
        return element

    def publish_home(self, user: str, view: Mapping[str, object]) -> None:
        """Show a view on a person's Home tab."""
        self.homes[user] = view
        self.tell(HomePublished(user=user, view=view))

    def mark_read(self, user: str, channel: str) -> None:
        """Note that a person has read a channel up to now."""
        self._read[user, channel] = self.new_ts()

    def unread(self, user: str, channel: str) -> int:
        """Return how many messages of others a person has not read in a channel."""
        since = self._read.get((user, channel), "")
        return sum(
            message.ts > since and message.user != user and message.seen_by(user)
            for message in self._messages[channel].values()
        )
