"""The signed HTTP side: what is not Slack's is turned away before anything parses it."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from urllib.parse import urlencode

import aiohttp
import pytest
from app_world import ADMIN, CLI, VIEWER, app_world, finished, until

from bot.slack.app import slack_runtime
from bot.slack.verifier import LARGEST_BODY, Verifier, readable
from bot.verbs import SLASH
from core.errors import ConfigurationError
from core.settings import Settings
from tests.support.figures import FULL

FUZZED = 10_000 if FULL else 300
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path, mode="http") as made:
        yield made


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(trust_env=False) as made:
        yield made


def signed(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    base = b"v0:" + stamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def command(text: str = "help", trigger: str = "1.1", user: str = VIEWER) -> bytes:
    return urlencode(
        {
            "command": SLASH,
            "text": text,
            "user_id": user,
            "team_id": "T0DEMO0001",
            "channel_id": "C0DIRECTRY",
            "trigger_id": trigger,
        }
    ).encode()


async def status(session, world, body: bytes, headers=None, *, kind: str = FORM) -> int:
    sent = {"Content-Type": kind, **(headers or {})}
    async with session.post(world.request_url, data=body, headers=sent) as answer:
        await answer.read()
        return answer.status


async def test_commands_clicks_and_the_home_tab_work_over_signed_http(world):
    assert "What dirsync can do" in (await world.ask(VIEWER, "help")).text
    card = await world.synced()
    assert "Errors of people-scim" in (await world.click(ADMIN, "View errors", on=card)).text
    page = await world.as_(ADMIN)
    await page.open_home()
    await until(lambda: page.screen.home is not None)


async def test_unsigned_stale_and_wrongly_signed_requests_are_turned_away(world, session):
    body, secret = command("sync", user=ADMIN), world.demo.signing_secret
    good = signed(secret, body)
    turned_away = [
        {},
        {"X-Slack-Signature": good["X-Slack-Signature"]},
        {"X-Slack-Request-Timestamp": good["X-Slack-Request-Timestamp"]},
        {**good, "X-Slack-Signature": "v0=" + "0" * 64},
        {**good, "X-Slack-Signature": "v0=\u00e9"},
        {**good, "X-Slack-Request-Timestamp": "9" * 40},
        {**good, "X-Slack-Request-Timestamp": "-1"},
        {**good, "X-Slack-Request-Timestamp": "now"},
        signed(secret, body, at=time.time() - 301),
        signed(secret, body, at=time.time() + 301),
        signed("another-secret-0123456789", body),
        signed(secret, body + b" "),
    ]
    for headers in turned_away:
        assert await status(session, world, body, headers) == 401
    assert (await world.core.history.list(CLI)).total == 0
    assert await status(session, world, body, good) == 200


async def test_a_large_body_is_refused_before_it_is_read(world, session):
    body = b"x" * (LARGEST_BODY + 1)
    headers = signed(world.demo.signing_secret, body)
    assert await status(session, world, body, headers) == 413

    async def chunks():
        for _ in range(LARGEST_BODY // 50_000 + 1):
            yield b"x" * 50_000

    async with session.post(world.request_url, data=chunks(), headers=headers) as answer:
        assert answer.status == 413


async def test_a_signed_body_that_is_malformed_is_turned_away(world, session):
    for body, kind in (
        (b"", FORM),
        (b"", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b"null", JSON),
        (b'{"type": "block_actions"}', FORM),
        (b"\xff\xfe", FORM),
        (b"payload=", FORM),
        (b"payload=%5B%5D", FORM),
        (b"payload=" + b"%7B%22a%22:" * 20_000, FORM),
        (b"[" * 100_000, JSON),
        (b"&".join(b"a=1" for _ in range(1000)), FORM),
    ):
        headers = signed(world.demo.signing_secret, body)
        assert await status(session, world, body, headers, kind=kind) == 401, body[:50]


def fuzzed_bodies(count: int) -> list[tuple[bytes, str]]:
    made = random.Random(11)
    scraps = ["x", "", 0, 10**70, None, True, [], {}, "<!channel>", "\x00", "a" * 5000, [[{}]]]
    names = ["type", "user", "team", "actions", "view", "event", "event_id", "command", "text"]
    names += ["channel", "container", "authorizations", "user_id", "trigger_id", "challenge"]
    names += ["is_enterprise_install", "enterprise", "callback_id", "response_url", "payload"]
    kinds = ["block_actions", "view_submission", "view_closed", "event_callback", "shortcut"]
    kinds += ["url_verification", "block_suggestion", "message_action", "dialog_submission"]
    bodies = []
    for _ in range(count):
        payload = {name: made.choice(scraps) for name in made.sample(names, 6)}
        payload["type"] = made.choice([*kinds, *scraps])
        if made.random() < 0.5:
            payload["actions"] = [{"action_id": made.choice(scraps), "type": "button"}]
            payload["event"] = {"type": made.choice(["app_home_opened", 5, "message", {}])}
            payload["view"] = {"id": made.choice(scraps), "callback_id": made.choice(scraps)}
        how = made.random()
        if how < 0.4:
            bodies.append((urlencode({"payload": json.dumps(payload)}).encode(), FORM))
        elif how < 0.8:
            bodies.append((json.dumps(payload).encode(), JSON))
        else:
            bodies.append((made.randbytes(made.randint(0, 60)), made.choice([FORM, JSON, "x/y"])))
    return bodies


@pytest.mark.timeout(900)
async def test_any_signed_body_gets_an_answer_that_is_no_server_error(world, session):
    wrong = []
    for body, kind in fuzzed_bodies(FUZZED):
        headers = signed(world.demo.signing_secret, body)
        got = await status(session, world, body, headers, kind=kind)
        if got >= 500:
            wrong.append((got, body[:200]))
    assert wrong == []
    await until(lambda: world.runtime.supervisor.running == 0)
    assert "What dirsync can do" in (await world.ask(VIEWER, "help")).text
    assert (await world.core.history.list(CLI)).total == 0


async def test_a_replayed_request_runs_once(world, session):
    body = command("sync", trigger="77.1", user=ADMIN)
    headers = signed(world.demo.signing_secret, body)
    for _ in range(3):
        assert await status(session, world, body, headers) == 200
    page = await world.as_(ADMIN)
    await page.message(finished, patience=60)
    await until(lambda: world.runtime.supervisor.running == 0)
    assert (await world.core.history.list(CLI)).total == 1


async def test_slack_checks_the_address_with_a_challenge(world, session):
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"}).encode()
    headers = {**signed(world.demo.signing_secret, body), "Content-Type": JSON}
    async with session.post(world.request_url, data=body, headers=headers) as answer:
        assert answer.status == 200
        assert "abc" in await answer.text()


async def test_http_mode_without_a_signing_secret_is_refused_at_the_start():
    async with slack_runtime(Settings.for_demo()) as runtime:
        with pytest.raises(ConfigurationError, match="SLACK_SIGNING_SECRET"):
            runtime.route(None)


def test_the_verifier_knows_slacks_own_example_scheme():
    verifier = Verifier("8f742231b10e8888abcd99yyyzzz85a5", clock=lambda: 1_531_420_618.0)
    body = b"token=x&team_id=T1"
    headers = signed("8f742231b10e8888abcd99yyyzzz85a5", body, at=1_531_420_618)
    stamp, signature = headers.values()
    assert verifier.genuine(body, stamp=stamp, signature=signature)
    assert not verifier.genuine(body + b"2", stamp=stamp, signature=signature)


def test_a_readable_body_is_an_object_or_a_form():
    assert readable(b"a=1", FORM) == "a=1"
    assert readable(b'{"a": 1}', JSON + "; charset=utf-8") == '{"a": 1}'
    assert readable(b"[1]", JSON) is None
