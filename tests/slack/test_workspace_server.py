import asyncio
import gc
import json

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from workspace_app import COMMANDS, button, section

from bot.demo import people
from bot.demo.rates import UNLIMITED
from bot.demo.server import DemoOptions, serve
from bot.demo.team import DEFAULT_SCOPES, Timing
from bot.demo.visitor import NotThereError, VisitorError, visit

ROOM = "C0DIRECTRY"


def options(**more):
    return DemoOptions(**{"commands": COMMANDS, "rates": UNLIMITED, **more})


class Recorder:
    """An app's request URL that writes down what came and answers from a list."""

    def __init__(self, *answers):
        self.requests = []
        self.answers = list(answers)

    async def handle(self, request):
        self.requests.append((dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.json_response(answer)

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/", self.handle)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()


async def get(url):
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_stopping_leaves_no_task_and_no_open_port():
    before = asyncio.all_tasks()
    async with (
        serve(options()) as demo,
        visit(demo.url) as visitor,
        aiohttp.ClientSession() as session,
    ):
        await visitor.open_home()
        link = await session.ws_connect(demo.sockets.new_url())
        await demo.sockets.connected()
        stopping = asyncio.get_running_loop().time()
        await demo.close()
        await link.close()
    assert asyncio.get_running_loop().time() - stopping < 2
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(demo.url)
    gc.collect()


async def test_other_applications_are_mounted_beside_slack():
    async def pong(_):
        return web.Response(text="pong")

    extra = web.Application()
    extra.router.add_get("/ping", pong)
    async with serve(options(extra_apps={"/scim": extra})) as demo:
        assert await get(f"{demo.url}/scim/ping") == (200, "pong")
        status, page = await get(demo.url)
        assert status == 200
        assert "<!doctype html>" in page.lower()


async def test_the_page_is_greeted_with_everything_its_person_sees():
    link = {"label": "Directory", "url": "/directory/"}
    chosen = options(links=[link], hint="Type /dirsync sync")
    async with serve(chosen) as demo, visit(demo.url) as visitor:
        hello = visitor.screen.hello
    assert hello["team"]["name"] == "Larkspur & Finch"
    assert hello["me"] == "U0OWNER001"
    assert people.BOT_USER_ID not in hello["personas"]
    assert {person["role"] for person in hello["people"]} == {
        "owner",
        "admin",
        "member",
        "guest",
        "outsider",
        "bot",
    }
    kinds = {channel["name"]: channel["kind"] for channel in hello["channels"]}
    assert kinds == {
        "it-directory": "channel",
        "general": "channel",
        "it-security": "channel",
        "dirsync": "app",
    }
    assert (hello["links"], hello["hint"], hello["home"]) == ([link], "Type /dirsync sync", None)
    assert hello["commands"] == COMMANDS


async def test_signed_requests_verify_and_a_failed_event_is_retried_with_its_number():
    timing = Timing(ack=0.5, retries=(0.01, 0.01))
    async with serve(options(timing=timing)) as demo, Recorder(500, 500) as app:
        await demo.use_request_url(app.url)
        async with visit(demo.url) as visitor:
            await visitor.open_home()
            async with asyncio.timeout(60):
                while len(app.requests) < 3:  # noqa: ASYNC110 - the recorder has no event
                    await asyncio.sleep(0.01)
    verifier = SignatureVerifier(demo.signing_secret)
    assert all(verifier.is_valid_request(body, headers) for headers, body in app.requests)
    numbers = [headers.get("X-Slack-Retry-Num") for headers, _ in app.requests]
    reasons = {headers.get("X-Slack-Retry-Reason") for headers, _ in app.requests[1:]}
    assert (numbers, reasons) == ([None, "1", "2"], {"http_error"})
    assert len({json.loads(body)["event_id"] for _, body in app.requests}) == 1


async def test_an_app_that_answers_what_slack_refuses_fails_the_command():
    bad = {"text": "x", "blocks": [section("")]}
    async with serve(options()) as demo, Recorder(bad, 500) as app, visit(demo.url) as visitor:
        await demo.use_request_url(app.url)
        with pytest.raises(VisitorError, match="invalid_blocks"):
            await visitor.say("/dirsync")
        with pytest.raises(VisitorError, match="http_error"):
            await visitor.say("/dirsync")


async def test_the_page_cannot_click_what_is_not_there_nor_forge_what_is():
    blocks = [{"type": "actions", "block_id": "b", "elements": [button("Go", "go", value="7")]}]
    async with serve(options()) as demo, Recorder() as app, visit(demo.url) as visitor:
        await demo.use_request_url(app.url)
        message = demo.workspace.post(channel=ROOM, user=demo.team.bot, text="x", blocks=blocks)
        hidden = demo.workspace.post(
            channel=ROOM, user=demo.team.bot, text="x", blocks=blocks, only_for="U0GUEST001"
        )
        forged = {"type": "button", "action_id": "go", "block_id": "b", "value": "forged"}
        await visitor._request("action", channel=ROOM, ts=message.ts, action=forged)
        assert b"forged" not in app.requests[0][1]
        other = {**forged, "action_id": "stop"}
        for ts, action in ((message.ts, other), (hidden.ts, forged), ("1.000001", forged)):
            with pytest.raises(VisitorError):
                await visitor._request("action", channel=ROOM, ts=ts, action=action)
        assert len(app.requests) == 1


async def test_a_menu_answers_only_with_what_it_offers():
    offered = [{"text": {"type": "plain_text", "text": "Daily"}, "value": "d"}]
    menu = {"type": "static_select", "action_id": "when", "options": offered}
    blocks = [section("When?", accessory=menu)]
    async with serve(options()) as demo, Recorder() as app, visit(demo.url) as visitor:
        await demo.use_request_url(app.url)
        demo.workspace.post(channel=ROOM, user=demo.team.bot, text="x", blocks=blocks)
        shown = await visitor.message("When?")
        await visitor.choose("when", "Daily", on=shown)
        with pytest.raises(NotThereError):
            await visitor.choose("when", "Hourly", on=shown)
        unoffered = {"text": {"type": "plain_text", "text": "Hourly"}, "value": "h"}
        with pytest.raises(VisitorError, match="no longer there"):
            await visitor.choose("when", unoffered, on=shown)
    assert len(app.requests) == 1


async def test_an_external_menu_asks_the_app():
    option = {"text": {"type": "plain_text", "text": "Marlene"}, "value": "m"}
    element = {"type": "external_select", "action_id": "who", "min_query_length": 1}
    label = {"type": "plain_text", "text": "Who"}
    view = {
        "type": "modal",
        "title": label,
        "submit": label,
        "blocks": [{"type": "input", "block_id": "b", "label": label, "element": element}],
    }
    async with serve(options()) as demo, Recorder({"options": [option]}) as app:
        await demo.use_request_url(app.url)
        opened = demo.team.modals.open("U0OWNER001", view)
        found = await demo.interactions.suggest(
            "U0OWNER001", view_id=opened["id"], block_id="b", action_id="who", value="mar"
        )
    assert found == [option]


async def test_every_block_is_readable_in_the_transcript():
    rich = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "40 of 120"}]}
        ],
    }
    cells = [{"type": "raw_text", "text": text} for text in ("Provider", "okta")]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "people-scim"}},
        section("By <@U0ADMIN001> in <#C0GENERAL1> &amp; <https://x.example|there>"),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "12 s"}]},
        {"type": "table", "rows": [cells, list(reversed(cells))]},
        {
            "type": "plan",
            "title": "Sync",
            "tasks": [
                {"type": "task_card", "task_id": "1", "title": "Connect", "status": "complete"},
                {
                    "type": "task_card",
                    "task_id": "2",
                    "title": "Apply",
                    "status": "in_progress",
                    "details": rich,
                },
            ],
        },
        {"type": "actions", "elements": [button("Cancel", "c"), button("Details", "d")]},
    ]
    async with serve(options()) as demo, visit(demo.url) as visitor:
        demo.workspace.post(channel=ROOM, user=demo.team.bot, text="x", blocks=blocks)
        shown = await visitor.message("people-scim")
    assert shown.text.splitlines() == [
        "# people-scim",
        "By @tomasz in #general & there (https://x.example)",
        "  12 s",
        "Provider | okta",
        "okta     | Provider",
        "▸ Sync",
        "  ✓ Connect",
        "  … Apply: 40 of 120",
        "[Cancel] [Details]",
    ]


async def test_waiting_for_what_never_comes_ends_with_the_screen_in_the_error():
    async with serve(options()) as demo, visit(demo.url) as visitor:
        await visitor.say("good morning")
        demo.workspace.post(channel=ROOM, user=demo.team.bot, text="and to you")
        await visitor.message("and to you")
        with pytest.raises(VisitorError, match="and to you"):
            await visitor.message("never", patience=0.05)


async def test_unread_counts_what_others_said_since_the_last_look():
    async with serve(options()) as demo:
        demo.workspace.post(channel=ROOM, user=demo.team.bot, text="one")
        assert demo.workspace.unread("U0OWNER001", ROOM) == 1
        demo.workspace.mark_read("U0OWNER001", ROOM)
        demo.workspace.post(channel=ROOM, user="U0OWNER001", text="two")
        assert demo.workspace.unread("U0OWNER001", ROOM) == 0


async def test_a_window_ignores_what_is_not_of_the_protocol():
    async with (
        serve(options()) as demo,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{demo.url}/page/ws") as socket,
    ):
        await socket.receive_json()
        for nonsense in ("{", "[]", "7", '{"type": 3}', '{"type": "be", "user": {}}'):
            await socket.send_str(nonsense)
        await socket.send_json({"type": "submit", "ref": 1, "view_id": None, "state": "x"})
        assert (await socket.receive_json())["type"] == "pending"
        assert (await socket.receive_json())["type"] == "failed"


async def test_commands_need_their_scope():
    chosen = options(scopes=DEFAULT_SCOPES - {"commands"})
    async with serve(chosen) as demo, visit(demo.url) as visitor:
        with pytest.raises(VisitorError, match="not a valid command"):
            await visitor.say("/dirsync")
