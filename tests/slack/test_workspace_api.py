import asyncio
import contextlib
import random
import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from workspace_app import modal, section

from bot.demo.faults import Fault, FaultKind
from bot.demo.passes import Answerable
from bot.demo.rates import UNLIMITED, Rate
from bot.demo.server import DemoOptions, serve
from bot.demo.team import DEFAULT_SCOPES, Timing
from bot.demo.webapi import METHODS

ROOM, GENERAL, PRIVATE = "C0DIRECTRY", "C0GENERAL1", "G0SECURITY"
OWNER, GUEST, OUTSIDER = "U0OWNER001", "U0GUEST001", "U0OUTSIDE1"


def client_of(demo, token=None, **more):
    chosen = demo.bot_token if token is None else token
    return AsyncWebClient(
        token=chosen, base_url=demo.slack_api_url, retry_handlers=[], timeout=60, **more
    )


@contextlib.asynccontextmanager
async def workspace(**more):
    async with serve(DemoOptions(**{"rates": UNLIMITED, **more})) as demo:
        yield demo, client_of(demo)


@pytest.fixture
async def slack():
    async with workspace() as both:
        yield both


async def refusal(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def code(call):
    return (await refusal(call))["error"]


async def fetch(url, method="GET", **more):
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, allow_redirects=False, **more) as answer,
    ):
        return answer.status, answer.headers, await answer.text()


async def test_auth_test_says_who_the_bot_is(slack):
    _, client = slack
    who = await client.auth_test()
    assert (who["user"], who["team_id"]) == ("dirsync", "T0DEMO0001")


async def test_tokens_are_checked(slack):
    demo, client = slack
    assert await code(client_of(demo, "").auth_test()) == "not_authed"
    assert await code(client_of(demo, "xoxb-other").auth_test()) == "invalid_auth"
    assert await code(client_of(demo, demo.app_token).auth_test()) == "not_allowed_token_type"
    open_link = client.apps_connections_open(app_token=demo.bot_token)
    assert await code(open_link) == "not_allowed_token_type"
    for wrong in ("token_revoked", "account_inactive"):
        demo.team.installation.refusal = wrong
        assert await code(client.auth_test()) == wrong


async def test_an_unknown_method_is_refused(slack):
    _, client = slack
    assert await code(client.api_call("chat.shout")) == "unknown_method"


async def test_each_method_demands_its_documented_scope():
    calls = {
        "chat:write": lambda client: client.chat_postMessage(channel=ROOM, text="x"),
        "im:write": lambda client: client.conversations_open(users=OWNER),
        "channels:read": lambda client: client.conversations_info(channel=ROOM),
        "channels:join": lambda client: client.conversations_join(channel=GENERAL),
        "users:read": lambda client: client.users_info(user=OWNER),
        "users:read.email": lambda client: client.users_lookupByEmail(email="x@x.example"),
        "usergroups:read": lambda client: client.usergroups_users_list(usergroup="S0ITADMINS"),
        "files:write": lambda client: client.files_getUploadURLExternal(filename="x", length=1),
    }
    async with workspace(scopes=frozenset({"commands"})) as (_, client):
        for scope, call in calls.items():
            answer = await refusal(call(client))
            assert answer["error"] == "missing_scope"
            assert (answer["needed"], answer["provided"]) == (scope, "commands")


async def test_a_message_is_posted_changed_and_deleted(slack):
    demo, client = slack
    posted = await client.chat_postMessage(channel=ROOM, text="one", blocks=[section("one")])
    ts = posted["ts"]
    assert posted["message"]["blocks"][0]["block_id"]
    await client.chat_update(channel=ROOM, ts=ts, text="two")
    kept = demo.workspace.message(ROOM, ts)
    assert (kept.text, kept.edited, kept.blocks[0]["text"]["text"]) == ("two", True, "one")
    await client.chat_update(channel=ROOM, ts=ts, text="three", blocks=[])
    assert demo.workspace.message(ROOM, ts).blocks == ()
    await client.chat_delete(channel=ROOM, ts=ts)
    assert await code(client.chat_update(channel=ROOM, ts=ts, text="x")) == "message_not_found"


async def test_form_and_json_bodies_are_understood_alike(slack):
    demo, client = slack
    blocks = '[{"type":"divider"}]'
    await client.api_call("chat.postMessage", data={"channel": ROOM, "text": "a", "blocks": blocks})
    await client.api_call("chat.postMessage", json={"channel": ROOM, "text": "a", "blocks": blocks})
    assert [message.blocks[0]["type"] for message in demo.workspace.messages(ROOM)] == [
        "divider",
        "divider",
    ]
    broken = {"channel": ROOM, "blocks": "[{"}
    answer = client.api_call("chat.postMessage", data=broken)
    assert await code(answer) == "invalid_blocks_format"


async def test_what_is_missing_or_too_long_is_named(slack):
    _, client = slack
    post = client.chat_postMessage
    for empty in ({"text": ""}, {"text": "", "blocks": []}, {}):
        call = client.api_call("chat.postMessage", json={"channel": ROOM, **empty})
        assert await code(call) == "no_text"
    assert await code(post(channel=ROOM, text="x" * 40_001)) == "msg_too_long"
    assert (
        await code(client.api_call("chat.postMessage", json={"text": "x"})) == "invalid_arguments"
    )
    answer = await refusal(post(channel=ROOM, text="x", blocks=[section("")]))
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"
    ]
    long = [section("x" * 3000)] * 5
    assert await code(post(channel=ROOM, text="x", blocks=long)) == "msg_blocks_too_long"


async def test_where_the_bot_may_write_depends_on_scope_membership_and_archive():
    async with workspace(scopes=DEFAULT_SCOPES - {"chat:write.public"}) as (demo, client):
        post = client.chat_postMessage
        assert await code(post(channel="C0NOWHERE", text="x")) == "channel_not_found"
        assert await code(post(channel=PRIVATE, text="x")) == "channel_not_found"
        assert await code(post(channel=GENERAL, text="x")) == "not_in_channel"
        demo.workspace.change_channel(ROOM, leave=[demo.team.bot])
        assert await code(post(channel=ROOM, text="x")) == "not_in_channel"
        demo.workspace.change_channel(ROOM, is_archived=True)
        assert await code(post(channel="#it-directory", text="x")) == "is_archived"
    async with workspace() as (_, client):
        await client.chat_postMessage(channel=GENERAL, text="x")
        ephemeral = client.chat_postEphemeral(channel=GENERAL, user=OWNER, text="x")
        assert await code(ephemeral) == "not_in_channel"


async def test_an_ephemeral_message_is_for_a_member_and_cannot_be_updated(slack):
    demo, client = slack
    sent = await client.chat_postEphemeral(channel=ROOM, user=GUEST, text="x")
    kept = demo.workspace.message(ROOM, sent["message_ts"])
    assert (kept.seen_by(GUEST), kept.seen_by(OWNER)) == (True, False)
    change = client.chat_update(channel=ROOM, ts=kept.ts, text="y")
    assert await code(change) == "message_not_found"
    demo.workspace.change_channel(ROOM, leave=[GUEST])
    again = client.chat_postEphemeral(channel=ROOM, user=GUEST, text="x")
    assert await code(again) == "user_not_in_channel"
    nobody = client.chat_postEphemeral(channel=ROOM, user="U0NOBODY", text="x")
    assert await code(nobody) == "user_not_found"


async def test_other_peoples_messages_are_not_the_bots_to_change(slack):
    demo, client = slack
    ts = demo.workspace.post(channel=ROOM, user=OWNER, text="mine").ts
    assert await code(client.chat_update(channel=ROOM, ts=ts, text="x")) == "cant_update_message"
    assert await code(client.chat_delete(channel=ROOM, ts=ts)) == "cant_delete_message"


async def test_replies_count_at_their_parent_and_need_one(slack):
    demo, client = slack
    ts = (await client.chat_postMessage(channel=ROOM, text="parent"))["ts"]
    reply = await client.chat_postMessage(channel=ROOM, text="reply", thread_ts=ts)
    await client.chat_postMessage(channel=ROOM, text="deeper", thread_ts=reply["ts"])
    assert demo.workspace.message(ROOM, ts).reply_count == 2
    lost = client.chat_postMessage(channel=ROOM, text="x", thread_ts="1.000001")
    assert await code(lost) == "cannot_reply_to_message"


async def test_a_permalink_leads_into_the_page(slack):
    demo, client = slack
    ts = (await client.chat_postMessage(channel=ROOM, text="x"))["ts"]
    link = (await client.chat_getPermalink(channel=ROOM, message_ts=ts))["permalink"]
    _, headers, _ = await fetch(link)
    assert headers["Location"] == f"/#{ROOM}/{ts}"
    assert link.startswith(demo.url)
    lost = client.chat_getPermalink(channel=ROOM, message_ts="1.000001")
    assert await code(lost) == "message_not_found"


async def test_people_carry_the_flags_that_roles_depend_on(slack):
    _, client = slack
    owner = (await client.users_info(user=OWNER))["user"]
    assert owner["is_primary_owner"]
    assert owner["is_admin"]
    assert owner["profile"]["email"] == "marlene@larkspur-finch.example"
    assert (await client.users_info(user=GUEST))["user"]["is_restricted"]
    outsider = (await client.users_info(user=OUTSIDER))["user"]
    assert outsider["is_stranger"]
    assert outsider["team_id"] != owner["team_id"]
    assert (await client.users_info(user="U0DIRSYNC1"))["user"]["is_bot"]
    assert await code(client.users_info(user="U0NOBODY")) == "user_not_found"


async def test_an_address_is_shown_only_with_its_scope():
    async with workspace(scopes=DEFAULT_SCOPES - {"users:read.email"}) as (_, client):
        assert "email" not in (await client.users_info(user=OWNER))["user"]["profile"]


async def test_people_are_found_by_address_and_user_group(slack):
    demo, client = slack
    found = await client.users_lookupByEmail(email="Tomasz@Larkspur-Finch.example")
    assert found["user"]["id"] == "U0ADMIN001"
    demo.workspace.change_person("U0ADMIN001", deleted=True)
    gone = client.users_lookupByEmail(email="tomasz@larkspur-finch.example")
    assert await code(gone) == "users_not_found"
    group = await client.usergroups_users_list(usergroup="S0ITADMINS")
    assert group["users"] == ["U0ADMIN001", "U0ADMIN002"]
    assert await code(client.usergroups_users_list(usergroup="S1")) == "no_such_subteam"
    assert await code(client.usergroups_users_list(usergroup="S0OLDCREW1")) == "no_such_subteam"
    old = await client.usergroups_users_list(usergroup="S0OLDCREW1", include_disabled=True)
    assert old["users"] == ["U0MEMBER02"]


async def test_a_direct_message_is_opened_and_written_to(slack):
    demo, client = slack
    channel = (await client.conversations_open(users=OWNER))["channel"]["id"]
    await client.chat_postMessage(channel=channel, text="psst")
    await client.chat_postMessage(channel=OWNER, text="psst again")
    assert [message.text for message in demo.workspace.messages(channel)] == ["psst", "psst again"]
    several = client.conversations_open(users=f"{OWNER},{GUEST}")
    assert (await refusal(several))["needed"] == "mpim:write"


async def test_channels_are_read_and_joined_with_the_scopes_for_it():
    scopes = DEFAULT_SCOPES | {"channels:read", "channels:join"}
    async with workspace(scopes=scopes) as (demo, client):
        info = (await client.conversations_info(channel=GENERAL))["channel"]
        assert (info["is_member"], info["is_archived"]) == (False, False)
        assert (await client.conversations_join(channel=GENERAL))["channel"]["is_member"]
        answer = await refusal(client.conversations_info(channel=PRIVATE))
        assert answer["needed"] == "groups:read"
        demo.workspace.change_channel(GENERAL, is_archived=True)
        assert await code(client.conversations_join(channel=GENERAL)) == "is_archived"


async def test_a_trigger_lives_three_seconds_and_opens_one_view():
    async with workspace(timing=Timing(trigger=0.05)) as (demo, client):
        used = demo.team.passes.trigger(OWNER)
        bad = client.views_open(trigger_id=used, view=modal(title="x" * 25))
        assert await code(bad) == "invalid_arguments"
        await client.views_open(trigger_id=used, view=modal())
        again = client.views_open(trigger_id=used, view=modal())
        assert await code(again) == "exchanged_trigger_id"
        old = demo.team.passes.trigger(OWNER)
        await asyncio.sleep(0.06)
        late = client.views_open(trigger_id=old, view=modal())
        assert await code(late) == "expired_trigger_id"
        answer = await refusal(client.views_open(trigger_id="1.2.x", view=modal()))
        assert "invalid `trigger_id`" in answer["response_metadata"]["messages"][0]


async def test_views_stack_to_three_and_are_updated_under_their_hash(slack):
    demo, client = slack

    async def push():
        return await client.views_push(trigger_id=demo.team.passes.trigger(OWNER), view=modal())

    opening = client.views_open(trigger_id=demo.team.passes.trigger(OWNER), view=modal())
    view = (await opening)["view"]
    await push()
    top = (await push())["view"]
    assert (top["root_view_id"], top["previous_view_id"] != view["id"]) == (view["id"], True)
    assert await code(push()) == "push_limit_reached"
    changed = await client.views_update(view_id=view["id"], hash=view["hash"], view=modal("Two"))
    assert changed["view"]["id"] == view["id"]
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=modal("Three"))
    assert await code(stale) == "hash_conflict"
    assert await code(client.views_update(view_id="V1", view=modal())) == "not_found"


async def test_an_external_id_names_one_open_view(slack):
    demo, client = slack
    trigger = demo.team.passes.trigger
    named = modal(external_id="mine")
    await client.views_open(trigger_id=trigger(OWNER), view=named)
    await client.views_update(external_id="mine", view=modal("Two", external_id="mine"))
    twin = client.views_open(trigger_id=trigger(GUEST), view=named)
    assert await code(twin) == "duplicate_external_id"


async def test_a_home_tab_is_published_under_its_hash(slack):
    _, client = slack
    home = {"type": "home", "blocks": [section("hello")]}
    first = (await client.views_publish(user_id=OWNER, view=home))["view"]
    second = (await client.views_publish(user_id=OWNER, view=home, hash=first["hash"]))["view"]
    assert second["id"] == first["id"]
    stale = client.views_publish(user_id=OWNER, view=home, hash=first["hash"])
    assert await code(stale) == "hash_conflict"
    assert await code(client.views_publish(user_id="U0NOBODY", view=home)) == "user_not_found"
    assert await code(client.views_publish(user_id=OWNER, view=modal())) == "invalid_arguments"


async def test_a_file_is_announced_uploaded_shared_and_downloaded(slack):
    demo, client = slack
    channel = (await client.conversations_open(users=OWNER))["channel"]["id"]
    await client.files_upload_v2(
        channel=channel, filename="plan.csv", content="a,b\n1,2\n", initial_comment="The plan"
    )
    message = demo.workspace.messages(channel)[-1]
    assert (message.text, message.files[0].name) == ("The plan", "plan.csv")
    _, headers, text = await fetch(demo.url + message.files[0].url)
    assert (headers["Content-Disposition"], text) == ("attachment", "a,b\n1,2\n")


async def test_a_file_that_never_came_or_came_short_is_refused(slack):
    _, client = slack
    announced = await client.files_getUploadURLExternal(filename="x.csv", length=10)
    status, _, text = await fetch(announced["upload_url"], method="POST", data=b"short")
    assert (status, text) == (400, "invalid_length")
    files = [{"id": announced["file_id"], "title": "x"}]
    share = client.files_completeUploadExternal(files=files, channel_id=ROOM)
    assert await code(share) == "file_not_found"


async def test_a_response_url_answers_five_times(slack):
    demo, _ = slack
    token = demo.team.passes.response_token(Answerable(user=OWNER, channel=ROOM))
    hook = AsyncWebhookClient(f"{demo.url}/hooks/{token}", retry_handlers=[])
    for number in range(5):
        answer = await hook.send(text=f"answer {number}")
        assert (answer.status_code, answer.body) == (200, "ok")
    last = await hook.send(text="one too many")
    assert (last.status_code, "used_url" in last.body) == (404, True)
    assert all(message.only_for == OWNER for message in demo.workspace.messages(ROOM))


async def test_a_response_url_replaces_and_deletes_even_an_ephemeral_original(slack):
    demo, _ = slack
    original = demo.workspace.post(channel=ROOM, user=demo.team.bot, text="old", only_for=OWNER)
    to = Answerable(user=OWNER, channel=ROOM, ts=original.ts)
    hook = AsyncWebhookClient(f"{demo.url}/hooks/{demo.team.passes.response_token(to)}")
    await hook.send(text="new", replace_original=True)
    assert demo.workspace.message(ROOM, original.ts).text == "new"
    await hook.send(text="for all", response_type="in_channel")
    assert demo.workspace.messages(ROOM)[-1].only_for is None
    bad = await hook.send(text="x", blocks=[section("")])
    assert (bad.status_code, "invalid_blocks" in bad.body) == (400, True)
    await hook.send(delete_original=True)
    assert [message.text for message in demo.workspace.messages(ROOM)] == ["for all"]


async def test_posting_is_limited_per_channel_and_says_how_long_to_wait():
    rates = {"chat.postMessage": Rate(burst=2, per_second=1)}
    async with workspace(rates=rates) as (_, client):
        for _ in range(2):
            await client.chat_postMessage(channel=ROOM, text="x")
        answer = await refusal(client.chat_postMessage(channel=ROOM, text="x"))
        assert (answer.status_code, answer["error"]) == (429, "ratelimited")
        assert answer.headers["Retry-After"] == "1"
        await client.chat_postMessage(channel=GENERAL, text="x")


async def test_slacks_own_rates_hold_by_default():
    async with serve(DemoOptions()) as demo:
        client = client_of(demo)
        ts = (await client.chat_postMessage(channel=ROOM, text="x"))["ts"]
        for _ in range(50):
            await client.chat_update(channel=ROOM, ts=ts, text="y")
        assert await code(client.chat_update(channel=ROOM, ts=ts, text="y")) == "ratelimited"


async def test_faults_come_in_the_order_they_were_set(slack):
    demo, client = slack
    inject = demo.faults.inject
    inject("chat.postMessage", Fault(kind=FaultKind.RATE_LIMITED, seconds=7))
    inject("chat.postMessage", Fault(kind=FaultKind.SERVER_ERROR))
    inject("chat.postMessage", Fault(kind=FaultKind.ERROR, error="team_access_not_granted"))
    post = client.chat_postMessage
    limited = await refusal(post(channel=ROOM, text="x"))
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert (await refusal(post(channel=ROOM, text="x"))).status_code == 500
    assert await code(post(channel=ROOM, text="x")) == "team_access_not_granted"
    await post(channel=ROOM, text="x")
    assert demo.team.calls["chat.postMessage"] == 4


@pytest.mark.parametrize(
    ("kind", "effects"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 1)]
)
async def test_a_connection_drops_before_or_after_the_effect(slack, kind, effects):
    demo, client = slack
    demo.faults.inject("*", Fault(kind=kind))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel=ROOM, text="x")
    assert len(demo.workspace.messages(ROOM)) == effects


async def test_a_slow_call_is_slow_and_then_works(slack):
    demo, client = slack
    demo.faults.inject("auth.test", Fault(kind=FaultKind.SLOW, seconds=0.2))
    began = time.monotonic()
    await client.auth_test()
    assert time.monotonic() - began >= 0.2


async def test_a_response_url_can_fail_too(slack):
    demo, _ = slack
    demo.faults.inject("response_url", Fault(kind=FaultKind.SERVER_ERROR))
    token = demo.team.passes.response_token(Answerable(user=OWNER, channel=ROOM))
    hook = AsyncWebhookClient(f"{demo.url}/hooks/{token}", retry_handlers=[])
    assert (await hook.send(text="x")).status_code == 500
    assert (await hook.send(text="x")).status_code == 200


ODD = [
    None,
    7,
    True,
    "",
    "x",
    [],
    {},
    [[]],
    [{}],
    {"type": "modal"},
    "{",
    "[1]",
    "U0OWNER001",
    ROOM,
]
NAMES = [
    "channel",
    "user",
    "users",
    "ts",
    "text",
    "blocks",
    "view",
    "view_id",
    "trigger_id",
    "files",
    "filename",
    "length",
    "email",
    "user_id",
    "usergroup",
    "thread_ts",
    "hash",
    "message_ts",
    "channel_id",
    "external_id",
    "attachments",
]


async def test_no_argument_however_odd_is_answered_with_a_server_error(slack):
    demo, _ = slack
    headers = {"Authorization": f"Bearer {demo.bot_token}"}
    dice = random.Random(7)
    async with aiohttp.ClientSession(headers=headers) as session:
        for method in [*METHODS] * 12:
            body = {name: dice.choice(ODD) for name in NAMES if dice.random() < 0.7}
            async with session.post(f"{demo.slack_api_url}{method}", json=body) as answer:
                assert answer.status == 200, (method, body)
                assert "ok" in await answer.json()
        for raw in (b"{", b"\xff", b"[]", b"null", b"[" * 5000):
            json_type = {"Content-Type": "application/json"}
            url = f"{demo.slack_api_url}chat.postMessage"
            async with session.post(url, data=raw, headers=json_type) as answer:
                assert (await answer.json())["ok"] is False


async def test_a_foreign_host_or_origin_is_turned_away(slack):
    demo, _ = slack
    assert (await fetch(demo.url, headers={"Host": "evil.example"}))[0] == 403
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{demo.url}/page/ws", origin="http://evil.example")


async def test_a_channel_keeps_its_newest_messages_only(slack):
    demo, _ = slack
    for number in range(3005):
        demo.workspace.post(channel=ROOM, user=OWNER, text=str(number))
    kept = demo.workspace.messages(ROOM)
    assert (len(kept), kept[0].text, kept[-1].text) == (3000, "5", "3004")
