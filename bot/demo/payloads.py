"""What Slack sends an app when people type, click, submit, close and open: pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.demo import people
from bot.demo.methods_chat import message_object
from bot.demo.people import Person
from bot.demo.refusals import RefusedError
from bot.demo.workspace import Channel, Message

Json = dict[str, object]
Element = Mapping[str, object]

TEAM = {"id": people.TEAM_ID, "domain": people.TEAM_DOMAIN}
VERIFICATION = "demo-verification-token"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something happened: the channel, the trigger and the response URL."""

    channel: Channel
    trigger_id: str
    response_url: str


def _envelope(kind: str, person: Person) -> Json:
    return {
        "type": kind,
        "user": {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": person.team_id,
        },
        "team": TEAM,
        "api_app_id": people.APP_ID,
        "token": VERIFICATION,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def slash(person: Person, place: Place, *, command: str, text: str) -> Json:
    """Return the payload of a slash command."""
    return {
        "token": VERIFICATION,
        "team_id": people.TEAM_ID,
        "team_domain": people.TEAM_DOMAIN,
        "channel_id": place.channel.id,
        "channel_name": "directmessage" if place.channel.is_direct else place.channel.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": people.APP_ID,
        "is_enterprise_install": "false",
        "response_url": place.response_url,
        "trigger_id": place.trigger_id,
    }


def message_action(
    person: Person, place: Place, *, message: Message, action: Element, state: Element
) -> Json:
    """Return block_actions for an element of a message."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": place.channel.id,
        "is_ephemeral": message.only_for is not None,
    }
    payload = _envelope("block_actions", person) | {
        "container": container,
        "trigger_id": place.trigger_id,
        "response_url": place.response_url,
        "channel": {"id": place.channel.id, "name": place.channel.name},
        "state": {"values": dict(state)},
        "actions": [dict(action)],
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    if message.only_for is None:
        payload["message"] = message_object(message)
    return payload


def view_action(person: Person, trigger_id: str, *, view: Element, action: Element) -> Json:
    """Return block_actions for an element of a modal or of the Home tab."""
    return _envelope("block_actions", person) | {
        "container": {"type": "view", "view_id": view["id"]},
        "trigger_id": trigger_id,
        "view": dict(view),
        "actions": [dict(action)],
    }


def submission(person: Person, trigger_id: str, *, view: Element) -> Json:
    """Return view_submission."""
    return _envelope("view_submission", person) | {
        "trigger_id": trigger_id,
        "view": dict(view),
        "response_urls": [],
    }


def closed(person: Person, *, view: Element, cleared: bool) -> Json:
    """Return view_closed."""
    return _envelope("view_closed", person) | {"view": dict(view), "is_cleared": cleared}


def suggestion(person: Person, *, action_id: str, block_id: str, value: str, view: Element) -> Json:
    """Return block_suggestion: what a person typed into an external menu of a view."""
    return _envelope("block_suggestion", person) | {
        "action_id": action_id,
        "block_id": block_id,
        "value": value,
        "view": dict(view),
        "container": {"type": "view", "view_id": view.get("id")},
    }


def event(inner: Json, *, event_id: str, at: float) -> Json:
    """Return an Events API callback round an event."""
    return {
        "token": VERIFICATION,
        "team_id": people.TEAM_ID,
        "api_app_id": people.APP_ID,
        "event": inner,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(at),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": people.TEAM_ID,
                "user_id": people.BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def elements(blocks: object) -> Iterator[tuple[str, Element]]:
    """Yield every interactive element with its block's id."""
    for block in blocks if isinstance(blocks, (list, tuple)) else ():
        several = block.get("elements")
        parts = several if block.get("type") == "actions" and isinstance(several, list) else []
        for part in (*parts, block.get("accessory"), block.get("element")):
            if isinstance(part, dict) and "action_id" in part:
                yield str(block["block_id"]), part


def find_element(blocks: object, action: Element) -> Element:
    """Return the element that an action is about, or refuse: it is not there (any more)."""
    wanted = (action.get("block_id"), action.get("action_id"), action.get("type"))
    for block_id, element in elements(blocks):
        if (block_id, element["action_id"], element["type"]) == wanted:
            return element
    raise RefusedError("action_not_found")


def choice(element: Element, action: Element, ts: str) -> Json:
    """Return the action object that the app gets: what was offered, and what was chosen of it.

    A page cannot forge a button's value, nor choose what a menu does not offer.
    """
    carried = {
        name: value
        for name, value in action.items()
        if name.startswith("selected_") or (name == "value" and element["type"] != "button")
    }
    offered = _offered(element)
    for option in _chosen(carried):
        if offered is not None and option.get("value") not in offered:
            raise RefusedError("option_not_found")
    kept = {name: element[name] for name in ("text", "value", "style") if name in element}
    base = {"type": element["type"], "action_id": element["action_id"]}
    return {**base, **kept, **carried, "block_id": action["block_id"], "action_ts": ts}


def _offered(element: Element) -> set[object] | None:
    groups = element.get("option_groups")
    listed = element.get("options")
    if isinstance(groups, list):
        listed = [option for group in groups for option in group["options"]]
    return {option["value"] for option in listed} if isinstance(listed, list) else None


def _chosen(carried: Json) -> Iterator[Element]:
    one, many = carried.get("selected_option"), carried.get("selected_options")
    for option in (one, *(many if isinstance(many, list) else ())):
        if isinstance(option, dict):
            yield option
