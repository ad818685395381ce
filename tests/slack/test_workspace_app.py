import asyncio
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient
from workspace_app import COMMANDS, build_app, socket_handler

from bot.demo.faults import Fault, FaultKind
from bot.demo.rates import UNLIMITED
from bot.demo.server import DemoOptions, serve
from bot.demo.team import DEFAULT_SCOPES, Timing
from bot.demo.visitor import NotThereError, VisitorError, visit

FAST = Timing(ack=1.0, trigger=3.0, retries=(0.05, 0.05))


def options(**more):
    return DemoOptions(**{"commands": COMMANDS, "rates": UNLIMITED, "timing": FAST, **more})


@asynccontextmanager
async def over_sockets(demo, app):
    handler = socket_handler(app, demo)
    await handler.connect_async()
    await demo.sockets.connected()
    try:
        yield handler
    finally:
        await handler.close_async()
        await asyncio.sleep(0)


@asynccontextmanager
async def over_http(demo, app):
    runner = web.AppRunner(app.web_app("/slack/events"), shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield await demo.use_request_url(url)
    finally:
        await demo.use_socket_mode()
        await runner.cleanup()


@pytest.fixture(params=[over_sockets, over_http], ids=["sockets", "http"])
async def stage(request):
    heard = []
    async with serve(options()) as demo:
        app = build_app(demo, heard)
        async with request.param(demo, app), visit(demo.url, user="marlene") as visitor:
            yield demo, visitor, heard


@pytest.fixture
async def sockets():
    heard = []
    async with serve(options()) as demo:
        app = build_app(demo, heard)
        async with over_sockets(demo, app) as handler, visit(demo.url, user="marlene") as visitor:
            yield demo, visitor, heard, handler


async def until(holds, seconds=60.0):
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - the app under test has no event to wait for
            await asyncio.sleep(0.01)


async def test_a_command_is_acknowledged_with_a_text_only_its_person_sees(stage):
    demo, visitor, heard = stage
    await visitor.say("/dirsync hello  “there” ")
    shown = await visitor.message("heard you")
    assert shown.is_ephemeral
    assert heard[0][1]["text"] == "hello  “there”"
    assert heard[0][1]["channel_name"] == "it-directory"
    async with visit(demo.url, user="tomasz") as other:
        assert other.screen.find("heard you", channel=None, after=0) is None


async def test_an_acknowledgement_can_answer_in_the_channel(stage):
    _, visitor, _ = stage
    await visitor.say("/dirsync loud")
    assert not (await visitor.message("public answer")).is_ephemeral


async def test_a_command_in_a_thread_is_refused_in_slacks_words(stage):
    demo, visitor, heard = stage
    await visitor.say("good morning")
    ts = demo.workspace.messages("C0DIRECTRY")[-1].ts
    with pytest.raises(VisitorError, match=r"^/dirsync is not supported in threads. Sorry!$"):
        await visitor.say("/dirsync", thread_ts=ts)
    assert not heard


async def test_a_command_nobody_registered_is_refused(stage):
    _, visitor, _ = stage
    with pytest.raises(VisitorError, match="/frobnicate is not a valid command"):
        await visitor.say("/frobnicate")


async def test_a_command_that_is_not_acknowledged_in_time_fails(stage):
    _, visitor, _ = stage
    began = time.monotonic()
    with pytest.raises(VisitorError, match=r"operation_timeout|http_error"):
        await visitor.say("/dirsync sleep")
    assert time.monotonic() - began < 2


async def test_a_button_opens_a_modal_whose_answers_reach_the_app(stage):
    _, visitor, heard = stage
    await visitor.say("/dirsync card")
    card = await visitor.message("[Edit] [Cancel]")
    await visitor.click("Edit", on=card)
    await visitor.wait_view("Edit")
    assert await visitor.submit({"name": "people-scim"}) == {}
    await visitor.wait_until(lambda: not visitor.screen.views, what="the modal to close")
    kinds = [kind for kind, _ in heard]
    assert kinds == ["command", "action", "view"]
    action = heard[1][1]["actions"][0]
    assert (action["value"], action["type"], action["text"]["text"]) == ("v1", "button", "Edit")


async def test_an_input_left_empty_is_an_error_before_the_app_hears_of_it(stage):
    _, visitor, heard = stage
    await visitor.say("/dirsync modal")
    await visitor.wait_view("Edit")
    errors = await visitor.submit()
    assert errors == {"name": "Please complete this required field."}
    assert [kind for kind, _ in heard] == ["command"]


async def test_the_app_can_answer_a_submission_with_errors_a_push_an_update_and_clear(stage):
    _, visitor, _ = stage
    await visitor.say("/dirsync modal")
    await visitor.wait_view("Edit")
    assert await visitor.submit({"name": "taken"}) == {"name": "It is taken."}
    assert await visitor.submit({"name": "more"}) == {}
    await visitor.wait_view("More")
    assert len(visitor.screen.views) == 2
    assert await visitor.submit({"name": "other"}) == {}
    await visitor.wait_view("Other")
    assert len(visitor.screen.views) == 2
    assert await visitor.submit({"name": "all"}) == {}
    await visitor.wait_until(lambda: not visitor.screen.views, what="everything to close")


async def test_pushing_a_fourth_view_fails_as_slack_words_it(stage):
    _, visitor, _ = stage
    await visitor.say("/dirsync modal")
    await visitor.wait_view("Edit")
    for _ in range(2):
        await visitor.submit({"name": "more"})
    with pytest.raises(VisitorError, match=r"trouble connecting.*push_limit_reached"):
        await visitor.submit({"name": "more"})
    assert len(visitor.screen.views) == 3


async def test_closing_a_modal_is_told_to_an_app_that_asked(stage):
    _, visitor, heard = stage
    await visitor.say("/dirsync modal")
    await visitor.wait_view("Edit")
    await visitor.close()
    await until(lambda: heard[-1][0] == "closed")
    assert heard[-1][1]["is_cleared"] is False


async def test_a_button_that_asks_first_can_be_turned_back_from(stage):
    _, visitor, heard = stage
    await visitor.say("/dirsync card")
    card = await visitor.message("[Edit] [Cancel]")
    with pytest.raises(VisitorError, match="asks first"):
        await visitor.click("Cancel", on=card)
    await visitor.click("Cancel", on=card, confirm=False)
    assert [kind for kind, _ in heard] == ["command"]
    await visitor.click("Cancel", on=card, confirm=True)
    await visitor.message("cancelled")
    with pytest.raises(NotThereError):
        await visitor.click("Cancel", on=card, confirm=True)
    assert "Sure? It stops. [Keep]" in visitor.transcript()


async def test_opening_the_home_tab_publishes_it_and_its_buttons_work(stage):
    _, visitor, heard = stage
    await visitor.open_home()
    await visitor.wait_until(lambda: visitor.screen.home is not None, what="the Home tab")
    await visitor.click("Go", home=True)
    assert heard[-1][1]["container"]["type"] == "view"
    assert "Welcome home" in visitor.transcript()


async def test_duplicates_reach_the_app_twice_with_the_same_trigger(stage):
    demo, visitor, heard = stage
    demo.faults.duplicates = 1
    await visitor.say("/dirsync hello")
    await until(lambda: len(heard) == 2)
    assert heard[0][1]["trigger_id"] == heard[1][1]["trigger_id"]


async def test_a_message_to_the_app_is_an_event_only_where_the_scope_allows_it():
    for scopes, expected in ((DEFAULT_SCOPES, []), (DEFAULT_SCOPES | {"im:history"}, ["message"])):
        heard = []
        async with serve(options(scopes=scopes)) as demo:
            app = build_app(demo, heard)
            async with over_sockets(demo, app), visit(demo.url) as visitor:
                await visitor.say("help <me>", channel="dirsync")
                await asyncio.sleep(0.1)
        assert [kind for kind, _ in heard] == expected


async def test_without_a_connection_a_command_fails_at_once():
    async with serve(options()) as demo, visit(demo.url) as visitor:
        with pytest.raises(VisitorError, match="dispatch_failed"):
            await visitor.say("/dirsync")


async def test_an_event_is_sent_again_until_it_is_acknowledged(sockets):
    demo, visitor, heard, _ = sockets
    demo.faults.lost_acks = 2
    await visitor.open_home()
    await until(lambda: len(heard) == 3)
    await asyncio.sleep(0.2)
    assert len({body["event_id"] for _, body in heard}) == 1
    assert len(heard) == 3


async def test_a_polite_disconnect_is_followed_by_a_new_connection(sockets):
    demo, visitor, _, _ = sockets
    await visitor.fault("disconnect")
    await demo.sockets.connected()
    await visitor.say("/dirsync hello")
    await visitor.message("heard you")


async def test_what_was_under_way_on_a_dropped_connection_goes_over_the_next(sockets):
    demo, visitor, heard, _ = sockets
    client = AsyncWebClient(base_url=demo.slack_api_url)
    url = (await client.apps_connections_open(app_token=demo.app_token))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as rude:
        await demo.sockets.connected(2)
        hanging_up = asyncio.ensure_future(hang_up_on_first_envelope(rude))
        await visitor.say("/dirsync one")
        await visitor.say("/dirsync two")
        await hanging_up
    assert [body["text"] for _, body in heard] == ["one", "two"]
    assert demo.sockets.sent == 3


async def hang_up_on_first_envelope(socket):
    async for message in socket:
        if "envelope_id" in message.json():
            await socket.close()


async def test_after_a_rude_cut_the_app_comes_back_by_itself(sockets):
    demo, visitor, _, _ = sockets
    demo.sockets.cut()
    assert demo.sockets.links == 0
    async with asyncio.timeout(60):
        await demo.sockets.connected()
    await visitor.say("/dirsync hello")


async def test_a_ticket_opens_one_connection(sockets):
    demo, _, _, _ = sockets
    url = demo.sockets.new_url()
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as link:
            hello = await link.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
    assert (hello["type"], hello["num_connections"]) == ("hello", 2)


async def test_a_reader_sees_what_the_bot_says_only_in_channels_they_are_in(stage):
    demo, _, _ = stage
    async with visit(demo.url, user="lucas") as guest:
        assert guest.screen.channel_id("it-security") is None
        with pytest.raises(NotThereError):
            await guest.say("hello", channel="it-security")


async def test_the_transcript_reads_like_the_conversation(stage):
    _, visitor, _ = stage
    await visitor.say("/dirsync card")
    await visitor.message("[Edit] [Cancel]")
    text = visitor.transcript()
    assert "marlene in #it-directory: /dirsync card" in text
    assert "dirsync in #it-directory:\n    Ready\n    [Edit] [Cancel]" in text


async def test_a_second_window_sees_an_edit_without_reloading(stage):
    demo, visitor, _ = stage
    async with visit(demo.url, user="haruka") as other:
        mark = other.mark()
        await visitor.say("/dirsync card")
        card = await other.message("[Edit]")
        await visitor.click("Cancel", on=await visitor.message("[Edit]"), confirm=True)
        assert (await other.message("cancelled", after=mark)).ts == card.ts


async def test_a_revoked_token_and_a_broken_call_are_told_by_the_fault_switch(stage):
    demo, visitor, _ = stage
    demo.faults.inject("chat.postMessage", Fault(kind=FaultKind.SERVER_ERROR))
    await visitor.fault("revoke")
    assert demo.team.installation.refusal == "token_revoked"
    await visitor.fault("clear")
    assert demo.team.installation.refusal is None
    with pytest.raises(VisitorError, match="unknown_fault"):
        await visitor.fault("earthquake")
