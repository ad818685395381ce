"""What people do in the workspace (type, click, submit, close) and what the app's ack does."""

from collections.abc import Mapping

from bot.demo import block_rules, limits, payloads
from bot.demo.dispatch import Dispatcher, Kind, Payload, UnacknowledgedError
from bot.demo.methods_chat import answer_from
from bot.demo.passes import Answerable
from bot.demo.payloads import Element, Place
from bot.demo.refusals import RefusedError
from bot.demo.team import Team
from bot.demo.workspace import Channel, Message

TROUBLE = "We had some trouble connecting. Try again?"
REQUIRED = "Please complete this required field."
_EVENT_SCOPES = {"message.im": "im:history"}
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class FailedError(Exception):
    """An interaction failed; the text is what Slack would show."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Interactions:
    """Turns what a person does into payloads for the app, under Slack's rules.

    Every method raises FailedError with the text that the person gets to see.
    """

    def __init__(self, team: Team, dispatcher: Dispatcher) -> None:
        self._team = team
        self._dispatcher = dispatcher

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> None:
        """Post a message, or run a slash command, as a person."""
        where = self._channel(user, channel)
        if text.startswith("/"):
            await self._command(user, where, text, thread_ts)
            return
        if not text.strip():
            raise FailedError("There is nothing to send.")
        message = self._team.workspace.post(
            channel=where.id, user=user, text=text.translate(_ESCAPES), thread_ts=thread_ts
        )
        if where.kind == "app":
            self._announce("message.im", _direct_message(message))

    async def _command(self, user: str, where: Channel, text: str, thread_ts: str | None) -> None:
        command, _, rest = text.partition(" ")
        app = self._team.installation
        if command not in app.commands or "commands" not in app.scopes:
            raise FailedError(f"{command} is not a valid command.")
        if thread_ts:
            raise FailedError(f"{command} is not supported in threads. Sorry!")
        to = Answerable(user=user, channel=where.id)
        person = self._team.workspace.person(user)
        payload = payloads.slash(person, self._place(to), command=command, text=rest.strip())
        try:
            carried = await self._dispatcher.send(Kind.SLASH, payload)
            if carried.get("text") or carried.get("blocks"):
                answer_from(self._team, to, carried)
        except UnacknowledgedError as error:
            why = f"because the app did not respond ({error.reason})"
            raise FailedError(f"{command} failed {why}") from None
        except RefusedError as refused:
            raise FailedError(f'{command} failed with the error "{refused.code}"') from None

    async def click(
        self, user: str, *, channel: str, ts: str, action: Element, state: Element
    ) -> None:
        """Use an element of a message that the person can see."""
        where = self._channel(user, channel)
        message = self._message(user, where, ts)
        chosen = self._choice(message.blocks, action)
        to = Answerable(user=user, channel=where.id, ts=ts, thread_ts=message.thread_ts)
        payload = payloads.message_action(
            self._team.workspace.person(user),
            self._place(to),
            message=message,
            action=chosen,
            state=state,
        )
        await self._send(payload)

    async def click_view(self, user: str, *, view_id: str, action: Element, state: Element) -> None:
        """Use an element of an open modal or of the Home tab."""
        view = self._view(user, view_id, state)
        chosen = self._choice(view["blocks"], action)
        person = self._team.workspace.person(user)
        trigger = self._team.passes.trigger(user)
        await self._send(payloads.view_action(person, trigger, view=view, action=chosen))

    async def submit(self, user: str, *, view_id: str, state: Element) -> Mapping[str, str]:
        """Submit a modal; return errors by block_id, from required inputs or from the app."""
        view = self._view(user, view_id, state)
        missing = dict.fromkeys(_unanswered(view, state), REQUIRED)
        if missing:
            return missing
        person = self._team.workspace.person(user)
        trigger = self._team.passes.trigger(user)
        carried = await self._send(payloads.submission(person, trigger, view=view), failure=TROUBLE)
        try:
            return self._obey(user, view, carried)
        except RefusedError as refused:
            raise FailedError(f"{TROUBLE} ({refused.code})") from None

    def _obey(self, user: str, view: Element, carried: Payload) -> Mapping[str, str]:
        view_id, modals = str(view["id"]), self._team.modals
        match carried.get("response_action"):
            case None:
                modals.close(user, view_id, all_of_them=False)
            case "clear":
                modals.close(user, view_id, all_of_them=True)
            case "errors":
                return _errors(view, carried.get("errors"))
            case "update":
                modals.update(view_id, _modal(carried.get("view")))
            case "push":
                modals.push(user, _modal(carried.get("view")))
            case _:
                raise RefusedError("invalid_response_action")
        return {}

    async def close(self, user: str, *, view_id: str, everything: bool) -> None:
        """Close a modal, or all of them; the app hears of it where it asked to."""
        view = self._view(user, view_id, None)
        everything = everything or bool(view.get("clear_on_close"))
        gone = self._team.modals.close(user, view_id, all_of_them=everything)
        person = self._team.workspace.person(user)
        for closed in gone:
            if closed.get("notify_on_close"):
                await self._send(payloads.closed(person, view=closed, cleared=everything))

    async def suggest(
        self, user: str, *, view_id: str, block_id: str, action_id: str, value: str
    ) -> list[object]:
        """Ask the app for the options of an external menu."""
        view = self._view(user, view_id, None)
        payload = payloads.suggestion(
            self._team.workspace.person(user),
            action_id=action_id,
            block_id=block_id,
            value=value,
            view=view,
        )
        options = (await self._send(payload)).get("options")
        if not isinstance(options, list):
            raise FailedError("The app offered nothing.")
        if options and any(block_rules.OPTIONS.problems(options, "/options")):
            raise FailedError("The app offered what Slack does not show.")
        return options

    def open_home(self, user: str) -> None:
        """Open the app's Home tab."""
        channel = self._team.workspace.direct(user)
        inner: dict[str, object] = {
            "type": "app_home_opened",
            "user": user,
            "channel": channel.id,
            "tab": "home",
            "event_ts": self._team.workspace.new_ts(),
        }
        view = self._team.workspace.homes.get(user)
        self._announce("app_home_opened", inner | ({"view": dict(view)} if view else {}))

    def _announce(self, name: str, inner: dict[str, object]) -> None:
        app = self._team.installation
        scope = _EVENT_SCOPES.get(name)
        if name in app.events and (scope is None or scope in app.scopes):
            event_id = self._team.workspace.new_id("Ev")
            now = self._team.workspace.now()
            self._dispatcher.announce(payloads.event(inner, event_id=event_id, at=now))

    async def _send(self, payload: Payload, *, failure: str = "") -> Payload:
        try:
            return await self._dispatcher.send(Kind.INTERACTIVE, payload)
        except UnacknowledgedError as error:
            said = failure or "The app did not respond."
            raise FailedError(f"{said} ({error.reason})") from None

    def _place(self, to: Answerable) -> Place:
        token = self._team.passes.response_token(to)
        return Place(
            channel=self._team.workspace.channel(to.channel),
            trigger_id=self._team.passes.trigger(to.user),
            response_url=f"{self._team.base_url}/hooks/{token}",
        )

    def _channel(self, user: str, id_: str) -> Channel:
        channel = self._team.workspace.channels.get(id_)
        if channel is None or user not in channel.members:
            raise FailedError("You are not in that channel.")
        if channel.is_archived:
            raise FailedError("The channel is archived.")
        return channel

    def _message(self, user: str, channel: Channel, ts: str) -> Message:
        try:
            message = self._team.workspace.message(channel.id, ts)
        except RefusedError:
            raise FailedError("That message is no longer there.") from None
        if not message.seen_by(user):
            raise FailedError("That message is not yours to see.")
        return message

    def _view(self, user: str, view_id: str, state: Element | None) -> Element:
        home = self._team.workspace.homes.get(user)
        if home is not None and home["id"] == view_id:
            return {**home, "state": {"values": dict(state or {})}}
        try:
            view = self._team.modals.owned(user, view_id)
            return view if state is None else self._team.modals.keep_state(view_id, state)
        except RefusedError:
            raise FailedError("That view is no longer open.") from None

    def _choice(self, blocks: object, action: Element) -> Element:
        try:
            element = payloads.find_element(blocks, action)
            return payloads.choice(element, action, self._team.workspace.new_ts())
        except RefusedError:
            raise FailedError("That is no longer there to be clicked.") from None


def _direct_message(message: Message) -> dict[str, object]:
    return {
        "type": "message",
        "channel": message.channel,
        "channel_type": "im",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "event_ts": message.ts,
    }


def _modal(view: object) -> Element:
    limits.check_view(view, kind=block_rules.MODAL)
    return view if isinstance(view, dict) else {}


def _inputs(view: Element) -> dict[str, Element]:
    blocks = view["blocks"]
    listed = blocks if isinstance(blocks, list) else []
    return {str(block["block_id"]): block for block in listed if block["type"] == "input"}


def _errors(view: Element, errors: object) -> Mapping[str, str]:
    known = _inputs(view)
    if not isinstance(errors, dict) or not errors or not set(errors) <= set(known):
        raise RefusedError("invalid_errors")
    return {str(block_id): str(text) for block_id, text in errors.items()}


def _unanswered(view: Element, state: Element) -> list[str]:
    return [
        block_id
        for block_id, block in _inputs(view).items()
        if not block.get("optional") and not _answered(state.get(block_id))
    ]


def _answered(block_state: object) -> bool:
    values = block_state.values() if isinstance(block_state, dict) else ()
    return any(
        bool(item)
        for value in values
        if isinstance(value, dict)
        for name, item in value.items()
        if name == "value" or name.startswith("selected_")
    )
