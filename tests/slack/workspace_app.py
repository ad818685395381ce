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
    """A Bolt app of ten lines' depth; `heard` collects what it received."""
    client = AsyncWebClient(token=demo.bot_token, base_url=demo.slack_api_url, retry_handlers=[])
    app = AsyncApp(
        name="probe",
        client=client,
        token=demo.bot_token,
        signing_secret=demo.signing_secret,
    )

    @app.command("/dirsync")
    async def command(ack, body, client):
        heard.append(("command", body))
        if body["text"] == "sleep":
            return
        await ack(
            {"text": "public answer", "response_type": "in_channel"}
            if body["text"] == "loud"
            else "heard you"
        )
        if body["text"] == "card":
            await client.chat_postMessage(channel=body["channel_id"], text="card", blocks=CARD)
        if body["text"] == "modal":
            await client.views_open(trigger_id=body["trigger_id"], view=modal())

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

    @app.view("edit")
    async def save(ack, body, view):
        heard.append(("view", body))
        name = view["state"]["values"]["name"]["value"]["value"]
        if name == "taken":
            await ack(response_action="errors", errors={"name": "It is taken."})
        elif name == "more":
            await ack(response_action="push", view=modal("More"))
        elif name == "other":
            await ack(response_action="update", view=modal("Other"))
        elif name == "all":
            await ack(response_action="clear")
        else:
            await ack()

    @app.view_closed("edit")
    async def closed(ack, body):
        heard.append(("closed", body))
        await ack()

    @app.event("app_home_opened")
    async def home(event, body, client):
        heard.append(("home", body))
        blocks = [section("Welcome home"), {"type": "actions", "elements": [button("Go", "go")]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("go")
    async def go(ack, body):
        heard.append(("action", body))
        await ack()

    @app.event("message")
    async def message(event, body):
        heard.append(("message", body))

    return app


def socket_handler(app, demo):
    return AsyncSocketModeHandler(app, demo.app_token, ping_interval=2)
