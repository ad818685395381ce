"""A person at the page without a browser: speaks its protocol, for the played story and tests."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import cast

import aiohttp

from bot.demo import blocktext, forms, screen
from bot.demo.screen import Screen

Node = Mapping[str, object]
PATIENCE = 30.0
"""Seconds to wait for what should happen, unless told otherwise."""


class VisitorError(Exception):
    """What the person wanted to do cannot be done, or was refused; the text says why."""


class NotThereError(VisitorError):
    """There is no such button, menu, channel or message on the screen."""


@asynccontextmanager
async def visit(url: str, *, user: str | None = None) -> AsyncIterator["Visitor"]:
    """Open the page at `url` as a person (else as whoever the page begins with)."""
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.ws_connect(f"{url}/page/ws", max_msg_size=0) as socket,
    ):
        visitor = Visitor(socket)
        reader = asyncio.ensure_future(visitor.read())
        try:
            await visitor.wait_until(lambda: bool(visitor.screen.me), what="the page's hello")
            if user is not None:
                await visitor.be(user)
            yield visitor
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader


class Visitor:
    """What a person can do, and what they see. Made by `visit`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.screen = Screen()
        self._socket = socket
        self._refs = itertools.count(1)
        self._answers: dict[int, asyncio.Future[str | None]] = {}
        self._changed = asyncio.Condition()
        self._closed = False

    async def read(self) -> None:
        """Take what the server sends until it ends."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await self._take(json.loads(message.data))
        async with self._changed:
            self._closed = True
            for answer in self._answers.values():
                answer.set_exception(VisitorError("the page's connection ended"))
            self._changed.notify_all()

    async def _take(self, message: Node) -> None:
        kind = message["type"]
        if kind in {"done", "failed"}:
            answer = self._answers.pop(cast("int", message["ref"]), None)
            if answer is not None and not answer.done():
                answer.set_result(str(message["text"]) if kind == "failed" else None)
            return
        async with self._changed:
            self.screen.take(message)
            self._changed.notify_all()

    async def wait_until(
        self, holds: Callable[[], bool], *, what: str, patience: float = PATIENCE
    ) -> None:
        """Wait until `holds()` is true of the screen; VisitorError after `patience` seconds."""
        try:
            async with asyncio.timeout(patience), self._changed:
                await self._changed.wait_for(lambda: holds() or self._closed)
        except TimeoutError:
            seen = self.transcript()[-3000:]
            raise VisitorError(
                f"waited {patience:g} s for {what}; on the screen:\n{seen}"
            ) from None
        if not holds():
            raise VisitorError(f"the page's connection ended before {what}")

    async def _request(self, kind: str, **fields: object) -> None:
        if self._closed:
            raise VisitorError("the page's connection ended")
        ref = next(self._refs)
        answer = self._answers[ref] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"type": kind, "ref": ref, **fields})
        failure = await answer
        if failure is not None:
            self.screen.log.say(f"  ({failure})")
            raise VisitorError(failure)

    async def be(self, user: str) -> None:
        """Look at the workspace as another person (id or handle)."""
        wanted = self.screen.person_id(user)
        if wanted is None:
            raise NotThereError(f"nobody is called {user}")
        if wanted != self.screen.me:
            await self._socket.send_json({"type": "be", "user": wanted})
            await self.wait_until(lambda: self.screen.me == wanted, what=f"being {user}")

    async def say(
        self, text: str, *, channel: str = "it-directory", thread_ts: str | None = None
    ) -> None:
        """Type a message or a command; returns when it is acknowledged.

        `channel` is a name, an id, or `dirsync` for the direct message with the app.
        """
        id_ = self._channel(channel)
        self.screen.log.say(f"{self.screen.my_name} in #{self.screen.names.get(id_, id_)}: {text}")
        thread = {"thread_ts": thread_ts} if thread_ts else {}
        await self._request("say", channel=id_, text=text, **thread)

    def _channel(self, name: str) -> str:
        id_ = self.screen.channel_id(name.removeprefix("#"))
        if id_ is None:
            raise NotThereError(f"no channel {name} in the sidebar")
        return id_

    def mark(self) -> int:
        """Return a mark; waits with `after=mark` look only at what came or changed later."""
        return self.screen.clock + 1

    async def message(
        self,
        matching: str | Callable[[str], bool],
        *,
        channel: str | None = None,
        after: int = 0,
        patience: float = PATIENCE,
    ) -> screen.Shown:
        """Wait for a message whose text contains (or satisfies) `matching`; the newest wins."""
        wanted = None if channel is None else self._channel(channel)

        def found() -> screen.Shown | None:
            return self.screen.find(matching, channel=wanted, after=after)

        what = f"a message with {matching!r}" if isinstance(matching, str) else "a message"
        await self.wait_until(lambda: found() is not None, what=what, patience=patience)
        return cast("screen.Shown", found())

    async def gone(self, shown: screen.Shown, *, patience: float = PATIENCE) -> None:
        """Wait until a message has been deleted."""
        await self.wait_until(
            lambda: self.screen.get(shown.channel, shown.ts) is None,
            what="the message to go",
            patience=patience,
        )

    async def click(
        self,
        button: str,
        *,
        on: screen.Shown | None = None,
        home: bool = False,
        confirm: bool | None = None,
    ) -> None:
        """Click a button by its text or action_id.

        It is looked for in the open modal, on the Home tab (`home`), on the message `on`, else on
        the newest message that has it. A button that asks first needs `confirm`: True goes on,
        False turns back; one that does not ask must not be given it. Raises NotThereError if there
        is no such button, VisitorError when Slack would show a failure.
        """
        place = self._place(on=on, home=home)
        found = self.screen.element(button, place, kinds=("button",))
        if found is None:
            raise NotThereError(f"no button {button}")
        asks = "confirm" in found.element
        if asks != (confirm is not None):
            raise VisitorError(f"{button} {'asks first' if asks else 'does not ask first'}")
        self.screen.log.say(f"{self.screen.my_name} clicks [{blocktext.label(found.element)}]")
        if asks:
            said = blocktext.confirm_text(found.element, accepted=bool(confirm))
            self.screen.log.say(f"  {said}")
        if confirm is not False:
            await self._act(found, {"type": "button"})

    async def choose(
        self, menu: str, option: str, *, on: screen.Shown | None = None, home: bool = False
    ) -> None:
        """Choose an option (by text or value) of a menu (by text or action_id) outside inputs."""
        found = self.screen.element(menu, self._place(on=on, home=home), kinds=None)
        if found is None:
            raise NotThereError(f"no menu {menu}")
        self.screen.log.say(f"{self.screen.my_name} chooses {option} of [{menu}]")
        await self._act(found, self._answer(found.element, option))

    def _answer(self, element: Node, wanted: object) -> Node:
        try:
            return forms.answer(element, wanted)
        except LookupError as error:
            raise NotThereError(str(error)) from None

    def _place(self, *, on: screen.Shown | None, home: bool) -> screen.Place | screen.Shown:
        if home:
            return screen.Place.HOME
        if on is not None:
            return on
        return screen.Place.MODAL if self.screen.views else screen.Place.ANY_MESSAGE

    async def _act(self, found: screen.Found, answer: Node) -> None:
        element = found.element
        action = {**answer, "action_id": element["action_id"], "block_id": found.block_id}
        if element["type"] == "button" and "value" in element:
            action["value"] = element["value"]
        await self._request("action", **found.target, action=action, state={"values": {}})

    async def wait_view(self, title: str, *, patience: float = PATIENCE) -> Node:
        """Wait until a modal whose text contains `title` is on top, and return it."""

        def shown() -> bool:
            view = self.screen.top_view
            return view is not None and title in blocktext.view_text(view, self.screen.names)

        await self.wait_until(shown, what=f"the view {title!r}", patience=patience)
        return cast("Node", self.screen.top_view)

    async def submit(self, answers: Mapping[str, object] | None = None) -> Mapping[str, str]:
        """Fill inputs of the top modal (by block_id, action_id) and submit it.

        Returns the errors by block_id that the page would show, empty when there are none.
        """
        view = self.screen.top_view
        if view is None:
            raise NotThereError("no view is open")
        state = forms.initial_state(view)
        for name, wanted in (answers or {}).items():
            block_id, element = self._input(view, name)
            action_id = str(element["action_id"])
            state.setdefault(block_id, {})[action_id] = self._answer(element, wanted)
        self.screen.log.say(f"{self.screen.my_name} submits {dict(answers or {})}")
        self.screen.errors = {}
        await self._request("submit", view_id=view["id"], state={"values": state})
        return self.screen.errors

    def _input(self, view: Node, name: str) -> tuple[str, Node]:
        found = forms.find_input(view, name)
        if found is None:
            raise NotThereError(f"no input {name}")
        return found

    async def close(self, *, everything: bool = False) -> None:
        """Close the top modal, or all of them."""
        view = self.screen.top_view
        if view is None:
            raise NotThereError("no view is open")
        await self._request("close", view_id=view["id"], all=everything)

    async def open_home(self) -> None:
        """Open the app's Home tab; `screen.home` is its view once the app has published it."""
        await self._request("home")

    async def fault(self, name: str, **fields: object) -> None:
        """Turn a fault switch (README.md)."""
        await self._request("fault", name=name, **fields)

    def transcript(self) -> str:
        """Return what was said, clicked and shown, in order, as text."""
        return self.screen.log.text()
