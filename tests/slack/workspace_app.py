"""A small real Bolt app that the tests of the demo workspace talk to."""

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

COMMANDS = [
    {
        "command": "/dirsync",
        "description": "Keep people in step",
        "usage_hint": "[sync|status]",
        "completions": [{"text": "sync", "description": "Read and apply"}],
    }
]


def plain(text):
    return {"type": "plain_text", "text": text}


def section(text, **more):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(text, action_id, **more):
    return {"type": "button", "text": plain(text), "action_id": action_id, **more}


CONFIRM = {
    "title": plain("Sure?"),
    "text": plain("It stops."),
    "confirm": plain("Stop"),
    "deny": plain("Keep"),
}
CARD = [
    section("Ready"),
    {
        "type": "actions",
        "elements": [
            button("Edit", "edit", value="v1"),
            button("Cancel", "cancel", confirm=CONFIRM),
        ],
    },
]


def modal(title="Edit", **more):
    return {
        "type": "modal",
        "callback_id": "edit",
        "title": plain(title),
        "submit": plain("Save"),
        "notify_on_close": True,
        "blocks": [
            {
                "type": "input",
                "block_id": "name",
                "label": plain("Name"),
                "element": {"type": "plain_text_input", "action_id": "value"},
            }
        ],
        **more,
    }


def build_app(demo, heard):
    """Return a small Bolt app; `heard` collects what it received."""
    client = AsyncWebClient(token=demo.bot_token, base_url=demo.slack_api_url, retry_handlers=[])
    app = AsyncApp(name="probe", client=client, signing_secret=demo.signing_secret)
    listen_to_commands(app, heard)
    listen_to_clicks(app, heard)
    listen_to_views(app, heard)
    listen_to_events(app, heard)
    return app


def listen_to_commands(app, heard):
    @app.command("/dirsync")
    async def command(ack, body, client):
        heard.append(("command", body))
        match body["text"]:
            case "sleep":
                return
            case "loud":
                await ack({"text": "public answer", "response_type": "in_channel"})
            case "card":
                await ack()
                await client.chat_postMessage(channel=body["channel_id"], text="card", blocks=CARD)
            case "modal":
                await ack()
                await client.views_open(trigger_id=body["trigger_id"], view=modal())
            case _:
                await ack("heard you")


def listen_to_clicks(app, heard):
    @app.action("edit")
    async def edit(ack, body, client):
        heard.append(("action", body))
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    @app.action("cancel")
    async def cancel(ack, body, respond):
        heard.append(("action", body))
        await ack()
        await respond(text="cancelled", replace_original=True)

    @app.action("go")
    async def go(ack, body):
        heard.append(("action", body))
        await ack()


def listen_to_views(app, heard):
    answers = {
        "taken": {"response_action": "errors", "errors": {"name": "It is taken."}},
        "more": {"response_action": "push", "view": modal("More")},
        "other": {"response_action": "update", "view": modal("Other")},
        "all": {"response_action": "clear"},
    }

    @app.view("edit")
    async def save(ack, body, view):
        heard.append(("view", body))
        await ack(**answers.get(view["state"]["values"]["name"]["value"]["value"], {}))

    @app.view_closed("edit")
    async def closed(ack, body):
        heard.append(("closed", body))
        await ack()


def listen_to_events(app, heard):
    @app.event("app_home_opened")
    async def home(event, body, client):
        heard.append(("home", body))
        blocks = [section("Welcome home"), {"type": "actions", "elements": [button("Go", "go")]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.event("message")
    async def message(body):
        heard.append(("message", body))


def socket_handler(app, demo):
    return AsyncSocketModeHandler(app, demo.app_token, ping_interval=1)
