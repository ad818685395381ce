"""What a visitor has on the screen, kept from the page's protocol; and the log of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from bot.demo import blocktext, payloads

Node = Mapping[str, object]


class Place(Enum):
    """Where a control is looked for."""

    HOME = auto()
    MODAL = auto()
    ANY_MESSAGE = auto()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A message on the screen; `text` is what it says, blocks and all."""

    channel: str
    ts: str
    message: Node
    text: str
    seen_at: int

    @property
    def is_ephemeral(self) -> bool:
        """Say whether only this person sees it."""
        return self.message.get("ephemeral") is True


@dataclass(frozen=True, kw_only=True)
class Found:
    """A control, its block, and how the page's protocol addresses it."""

    block_id: str
    element: Node
    target: Mapping[str, object]


class Log:
    """Lines of what happened; an edit right after its message replaces it."""

    def __init__(self) -> None:
        self._entries: list[tuple[object, str]] = []

    def say(self, text: str, key: object = None) -> None:
        """Add an entry; one with the key of the last entry replaces it."""
        if key is not None and self._entries and self._entries[-1][0] == key:
            self._entries.pop()
        self._entries.append((key, text))

    def text(self) -> str:
        """Return everything as text."""
        return "\n".join(text for _, text in self._entries)


class Screen:
    """One person's view of the workspace."""

    def __init__(self) -> None:
        self.me = ""
        self.people: dict[str, Node] = {}
        self.channels: dict[str, Node] = {}
        self.names: dict[str, str] = {}
        self.views: list[Node] = []
        self.home: Node | None = None
        self.errors: Mapping[str, str] = {}
        self.hello: Node = {}
        self.clock = 0
        self.log = Log()
        self._messages: dict[tuple[str, str], Shown] = {}
        self._takers: Mapping[str, Callable[[Node], None]] = {
            "hello": self._take_hello,
            "message": self._take_message,
            "message_changed": self._take_message,
            "message_deleted": self._take_deleted,
            "view": self._take_view,
            "view_closed": self._take_closed,
            "view_errors": self._take_errors,
            "home": self._take_home,
            "channel": self._take_channel,
        }

    def take(self, message: Node) -> None:
        """Take one message of the server into account."""
        self.clock += 1
        taker = self._takers.get(str(message["type"]))
        if taker is not None:
            taker(message)

    def _take_hello(self, hello: Node) -> None:
        self.hello = hello
        self.me = str(hello["me"])
        self.people = {str(person["id"]): person for person in _nodes(hello["people"])}
        self.channels = {str(channel["id"]): channel for channel in _nodes(hello["channels"])}
        groups = _nodes(hello.get("groups"))
        self.names = {
            **{str(group["id"]): str(group["handle"]) for group in groups},
            **{id_: str(person["name"]) for id_, person in self.people.items()},
            **{id_: str(channel["name"]) for id_, channel in self.channels.items()},
        }
        self.views, self._messages = [], {}
        home, kept = hello.get("home"), hello.get("messages")
        self.home = home if isinstance(home, dict) else None
        for channel, messages in kept.items() if isinstance(kept, dict) else ():
            for message in messages:
                self._keep(channel, message, seen_at=0)

    def _keep(self, channel: str, message: Node, *, seen_at: int) -> Shown:
        text = blocktext.message_text(message, self.names)
        ts = str(message["ts"])
        shown = Shown(channel=channel, ts=ts, message=message, text=text, seen_at=seen_at)
        self._messages[channel, ts] = shown
        return shown

    def _take_message(self, news: Node) -> None:
        message = news["message"]
        if not isinstance(message, dict):
            return
        old = self._messages.get((str(news["channel"]), str(message["ts"])))
        shown = self._keep(str(news["channel"]), message, seen_at=self.clock)
        own_words = message["user"] == self.me and old is None
        if not own_words and (old is None or old.text != shown.text):
            self.log.say(self._entry(shown, edited=old is not None), key=(shown.channel, shown.ts))

    def _entry(self, shown: Shown, *, edited: bool) -> str:
        who = self.names.get(str(shown.message["user"]), "?")
        notes = [
            note
            for note, holds in (
                ("only you see this", shown.is_ephemeral),
                ("in the thread", bool(shown.message.get("thread_ts"))),
                ("edited", edited),
            )
            if holds
        ]
        where = f"#{self.names.get(shown.channel, shown.channel)}"
        said = f" ({', '.join(notes)})" if notes else ""
        return f"{who} in {where}{said}:\n{_indented(shown.text)}"

    def _take_deleted(self, news: Node) -> None:
        self._messages.pop((str(news["channel"]), str(news["ts"])), None)

    def _take_view(self, news: Node) -> None:
        view = news["view"]
        if not isinstance(view, dict):
            return
        known = [index for index, old in enumerate(self.views) if old["id"] == view["id"]]
        if known:
            self.views[known[0]] = view
        else:
            self.views = [view] if news["action"] == "open" else [*self.views, view]
        said = blocktext.view_text(view, self.names)
        self.log.say(_indented(said), key=("view", view["id"]))

    def _take_closed(self, news: Node) -> None:
        ids = [view["id"] for view in self.views]
        if news.get("all") is True:
            self.views = []
        elif news["view_id"] in ids:
            del self.views[ids.index(news["view_id"]) :]

    def _take_errors(self, news: Node) -> None:
        errors = news["errors"]
        if isinstance(errors, dict):
            self.errors = errors
            self.log.say(f"  {errors}")

    def _take_home(self, news: Node) -> None:
        view = news["view"]
        if isinstance(view, dict):
            self.home = view
            self.log.say(_indented(blocktext.view_text(view, self.names)), key="home")

    def _take_channel(self, news: Node) -> None:
        channel = news["channel"]
        if isinstance(channel, dict):
            self.channels[str(channel["id"])] = channel
            self.names[str(channel["id"])] = str(channel["name"])

    @property
    def my_name(self) -> str:
        """The handle of whoever is looking."""
        return self.names.get(self.me, self.me)

    @property
    def top_view(self) -> Node | None:
        """The modal on top, if one is open."""
        return self.views[-1] if self.views else None

    def person_id(self, wanted: str) -> str | None:
        """Return the id of a person given by id or handle."""
        return self._id(self.people, wanted)

    def channel_id(self, wanted: str) -> str | None:
        """Return the id of a channel given by id or name."""
        return self._id(self.channels, wanted)

    def _id(self, among: Mapping[str, Node], wanted: str) -> str | None:
        named = (id_ for id_, node in among.items() if node["name"] == wanted)
        return wanted if wanted in among else next(named, None)

    def get(self, channel: str, ts: str) -> Shown | None:
        """Return a message as it is now, if it is still there."""
        return self._messages.get((channel, ts))

    def messages(self, channel: str | None = None) -> Iterator[Shown]:
        """Yield messages (of one channel), newest first."""
        for shown in sorted(self._messages.values(), key=lambda shown: shown.ts, reverse=True):
            if channel is None or shown.channel == channel:
                yield shown

    def find(
        self, matching: str | Callable[[str], bool], *, channel: str | None, after: int
    ) -> Shown | None:
        """Return the newest message that matches and came or changed after a mark."""
        for shown in self.messages(channel):
            holds = matching in shown.text if isinstance(matching, str) else matching(shown.text)
            if holds and shown.seen_at >= after:
                return shown
        return None

    def element(
        self, wanted: str, place: Place | Shown, *, kinds: tuple[str, ...] | None
    ) -> Found | None:
        """Return the first control of that text or action_id at a place."""
        for blocks, target in self._blocks(place):
            for block_id, element in payloads.elements(blocks):
                right_kind = kinds is None or element["type"] in kinds
                if right_kind and wanted in {element["action_id"], blocktext.label(element)}:
                    return Found(block_id=block_id, element=element, target=target)
        return None

    def _blocks(self, place: Place | Shown) -> Iterator[tuple[object, Node]]:
        if place is Place.HOME or place is Place.MODAL:
            view = self.home if place is Place.HOME else self.top_view
            if view is not None:
                yield view["blocks"], {"view_id": view["id"]}
            return
        there = self.messages()
        if isinstance(place, Shown):
            there = (
                shown for shown in there if (shown.channel, shown.ts) == (place.channel, place.ts)
            )
        for shown in there:
            target = {"channel": shown.channel, "ts": shown.ts, "ephemeral": shown.is_ephemeral}
            yield shown.message["blocks"], target


def _nodes(value: object) -> list[Node]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
