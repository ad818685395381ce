"""Signing in with a private key, and keeping below the limits that a server announces."""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_network
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from core.errors import (
    ConfigurationError,
    PermissionMissingError,
    SignInError,
    TerminalRemoteError,
)
from core.http.assertions import AssertionGrant, bearer_form, claims_for, client_form, sign
from core.http.client import HttpClient, HttpOptions
from core.http.limits import HttpLimits
from core.http.pacing import RateWindows
from core.http.redaction import Redactor
from tests.support.clocks import WallClock
from tests.support.engine_world import ManualClock
from tests.support.scripted_http import Asked, Says, Script, scripted

RSA = RSAKey.generate_key(2048)
CURVES = {name: ECKey.generate_key(name) for name in ("P-256", "P-384", "P-521")}
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def pem(key: RSAKey | ECKey | OKPKey) -> str:
    return key.as_pem(private=True).decode()


@pytest.mark.parametrize(
    ("key", "text", "algorithm"),
    [
        (RSA, pem(RSA), "RS256"),
        (RSA, pem(RSA).replace("\n", "\\n"), "RS256"),
        (RSA, json.dumps(RSA.as_dict(private=True)), "RS256"),
        *((one, pem(one), f"ES{name[2:].replace('521', '512')}") for name, one in CURVES.items()),
        (CURVES["P-256"], json.dumps(CURVES["P-256"].as_dict(private=True)), "ES256"),
    ],
    ids=["PEM", "PEM in a variable", "JWK", *CURVES, "JWK of a curve"],
)
def test_an_assertion_is_signed_with_whatever_key_one_has(key, text, algorithm):
    claims = claims_for("https://idp.example/token", issuer="me", subject="me", now=NOW)

    token = jwt.decode(sign(claims, key=text, header={"kid": "k1"}), key, algorithms=[algorithm])

    assert token.header == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert token.claims["exp"] - token.claims["iat"] == 300
    assert token.claims["iat"] == NOW.timestamp()


def test_the_key_id_of_a_jwk_is_used_and_no_assertion_is_like_another():
    key = RSA.as_dict(private=True) | {"kid": "of-the-jwk"}
    made = [claims_for("a", issuer="b", subject="b", now=NOW, scope="c") for _ in range(2)]

    token = jwt.decode(sign(made[0], key=json.dumps(key)), RSA)

    assert token.header["kid"] == "of-the-jwk"
    assert token.claims["scope"] == "c"
    assert made[0]["jti"] != made[1]["jti"]


UNUSABLE = {
    "nonsense": "planted nonsense",
    "broken JSON": "{",
    "half a JWK": '{"kty": "RSA"}',
    "no JWK": "{}",
    "broken PEM": pem(RSA).replace("M", "N"),
    "public PEM": RSA.as_pem(private=False).decode(),
    "public JWK": json.dumps(RSA.as_dict(private=False)),
    "encrypted PEM": RSA.as_pem(private=True, password="secret").decode(),
    "shared secret": json.dumps(OctKey.generate_key(256).as_dict(private=True)),
    "Edwards curve": pem(OKPKey.generate_key("Ed25519")),
}


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_sign_is_told_without_showing_it(text):
    with pytest.raises(ConfigurationError) as raised:
        sign({"iss": "me"}, key=text)

    assert raised.value.code == "secret_invalid"
    assert "planted" not in str(raised.value)


async def opened(url: str, form, clock=None) -> AssertionGrant:
    options = HttpOptions(
        clock=clock or WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        limits=HttpLimits(attempts=1),
    )
    hints = {"invalid_scope": "Grant the scope.", "": "Look at the key."}
    return await AssertionGrant.open(
        url, form=form, hints=hints, options=options, redactor=Redactor()
    )


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        (
            lambda: client_form("planted.jwt", scope="read"),
            {
                "grant_type": ["client_credentials"],
                "client_assertion_type": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
                "client_assertion": ["planted.jwt"],
                "scope": ["read"],
            },
        ),
        (
            lambda: bearer_form("planted.jwt"),
            {
                "grant_type": ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
                "assertion": ["planted.jwt"],
            },
        ),
    ],
)
async def test_the_assertion_goes_where_the_grant_wants_it(form, fields):
    token = Says(body=b'{"access_token": "tok-1", "token_type": "Bearer", "expires_in": 3600}')
    async with scripted(token) as server:
        grant = await opened(server.url("/token"), form)

        assert await grant.header() == "Bearer tok-1"
        assert await grant.header() == "Bearer tok-1"
        await grant.aclose()

    (asked,) = server.asked
    assert parse_qs(asked.body.decode()) == fields
    assert "authorization" not in asked.headers


def refused(word: str, says: str = "", **headers: str) -> Says:
    body = {"error": word, "error_description": says}
    return Says(
        status=400,
        headers={"Content-Type": "application/json", **headers},
        body=json.dumps(body).encode(),
    )


@pytest.mark.parametrize(
    ("answer", "kind", "hint"),
    [
        (refused("invalid_client", "bad signature of planted.jwt"), SignInError, "Look at the key"),
        (refused("invalid_scope"), PermissionMissingError, "Grant the scope."),
        (Says(status=401, body=b"no json"), SignInError, "Look at the key."),
        (Says(status=400, body=b'{"error_description": 5}'), SignInError, "Look at the key."),
    ],
)
async def test_a_refused_grant_says_what_to_do_and_hides_the_assertion(answer, kind, hint):
    async with scripted(answer) as server:
        grant = await opened(server.url("/token"), lambda: client_form("planted.jwt"))
        with pytest.raises(kind) as raised:
            await grant.header()
        await grant.aclose()

    assert hint in raised.value.hint
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize(
    ("offset", "words"), [(0, None), (600, "600 seconds behind"), (-90, "90 seconds ahead of")]
)
async def test_a_clock_that_differs_is_named_in_the_refusal(offset, words):
    clock = ManualClock()
    theirs = datetime.fromtimestamp(clock.now().timestamp() + offset, UTC)
    answer = refused("invalid_client", Date=format_datetime(theirs, usegmt=True))
    async with scripted(answer) as server:
        grant = await opened(server.url("/token"), lambda: client_form("x"), clock)
        with pytest.raises(SignInError) as raised:
            await grant.header()
        await grant.aclose()

    assert (words or "clock") in raised.value.message or words is None
    assert ("clock" in raised.value.message) is (words is not None)


def refuses_without(nonce: str) -> Script:
    """A token endpoint that wants a proof, and then one with its nonce."""

    def answer(request: Asked) -> Says:
        proof = request.headers.get("dpop")
        if proof is None:
            return refused("invalid_dpop_proof")
        token = jwt.decode(proof, ECKey.import_key(jwk_in(proof)))
        assert token.header["typ"] == "dpop+jwt"
        if token.claims.get("nonce") != nonce:
            return refused("use_dpop_nonce", **{"DPoP-Nonce": nonce})
        return Says(body=b'{"access_token": "tok-1", "token_type": "DPoP"}')

    return answer


def jwk_in(proof: str) -> dict[str, str]:
    head = proof.partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=="))["jwk"]


async def test_a_token_is_bound_to_a_key_of_ones_own_where_the_server_wants_that():
    async with scripted(script=refuses_without("n-1")) as server:
        grant = await opened(server.url("/token"), lambda: client_form("planted.jwt"))
        header = await grant.header()
        proof = grant.proof(header, "GET", "https://idp.example/users")["DPoP"]
        await grant.aclose()

    claims = jwt.decode(proof, ECKey.import_key(jwk_in(proof))).claims
    assert header == "DPoP tok-1"
    assert (claims["htm"], claims["htu"]) == ("GET", "https://idp.example/users")
    digest = hashlib.sha256(b"tok-1").digest()
    assert claims["ath"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert "d" not in jwk_in(proof)
    assert jwk_in(proof) == jwk_in(server.asked[-1].headers["dpop"])
    assert len(server.asked) == 3


async def test_nobody_proves_anything_who_is_not_asked():
    token = Says(body=b'{"access_token": "tok-1", "token_type": "Bearer"}')
    async with scripted(token) as server:
        grant = await opened(server.url("/token"), lambda: client_form("planted.jwt"))
        assert grant.proof(await grant.header(), "GET", "https://idp.example/users") == {}
        await grant.aclose()

    assert "dpop" not in server.asked[0].headers


async def test_a_bound_token_that_nobody_asked_for_is_of_no_use():
    token = Says(body=b'{"access_token": "tok-1", "token_type": "DPoP"}')
    async with scripted(token) as server:
        grant = await opened(server.url("/token"), lambda: client_form("planted.jwt"))
        with pytest.raises(TerminalRemoteError) as raised:
            await grant.header()
        await grant.aclose()

    assert raised.value.code == "token_unusable"


def limits(clock: ManualClock, *, left: int, seconds: float, limit: int = 100) -> Mapping[str, str]:
    now = clock.now()
    return {
        "date": format_datetime(now, usegmt=True),
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(left),
        "x-rate-limit-reset": str(int(now.timestamp() + seconds)),
    }


async def asked(windows: RateWindows, path: str, headers: Mapping[str, str]) -> None:
    async with windows.turn(path) as hear:
        hear(headers)


async def test_the_next_request_waits_for_the_reset_while_a_tenth_is_left():
    clock = ManualClock()
    windows = RateWindows(clock=clock, kind_of=lambda path: path)
    start = clock.monotonic()

    await asked(windows, "/a", limits(clock, left=12, seconds=40))
    await asked(windows, "/a", limits(clock, left=10, seconds=40))
    assert clock.monotonic() == start
    await asked(windows, "/b", limits(clock, left=50, seconds=40))
    assert clock.monotonic() == start
    await asked(windows, "/a", limits(clock, left=99, seconds=60))
    assert 40 <= clock.monotonic() - start <= 42
    await asked(windows, "/a", {})
    assert clock.monotonic() - start <= 42


async def test_requests_under_way_count_and_an_old_answer_gives_nothing_back():
    clock = ManualClock()
    windows = RateWindows(clock=clock, kind_of=lambda _: "all")
    start = clock.monotonic()
    await asked(windows, "/a", limits(clock, left=12, seconds=30))

    async with windows.turn("/a"), windows.turn("/a") as hear:
        hear(limits(clock, left=90, seconds=30))
        assert clock.monotonic() == start
        await asked(windows, "/a", {})

    assert clock.monotonic() - start >= 30


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-rate-limit-limit": "many"},
        {"x-rate-limit-limit": "0", "x-rate-limit-remaining": "0"},
    ],
)
async def test_a_server_that_announces_nothing_is_asked_at_once(headers):
    clock = ManualClock()
    windows = RateWindows(clock=clock, kind_of=lambda path: path)
    start = clock.monotonic()

    await asked(windows, "/a", headers)
    await asked(windows, "/a", headers)

    assert clock.monotonic() == start


async def test_a_reset_far_away_or_long_past_is_no_reason_to_sleep_for_hours():
    clock = ManualClock()
    windows = RateWindows(clock=clock, kind_of=lambda path: path)
    start = clock.monotonic()

    await asked(windows, "/a", limits(clock, left=0, seconds=10**9))
    await asked(windows, "/a", limits(clock, left=0, seconds=-(10**6)))
    await asked(windows, "/a", {})

    assert clock.monotonic() - start <= 122


async def test_a_client_obeys_its_pace_over_real_answers():
    clock = ManualClock()
    reset = Says(headers={"Content-Type": "application/json", **limits(clock, left=1, seconds=20)})
    options = HttpOptions(clock=clock, allow_networks=(ip_network("127.0.0.0/8"),))
    async with scripted(reset, Says()) as server:
        client = await HttpClient.open(
            server.url(),
            options=options,
            accept="application/json",
            pace=RateWindows(clock=clock, kind_of=lambda path: path),
        )
        await client.get_json("users")
        start = clock.monotonic()
        await client.get_json("groups")
        assert clock.monotonic() - start < 1
        await client.get_json("users")
        await client.aclose()

    assert 20 <= clock.monotonic() - start <= 22
    assert {one.headers["accept"] for one in server.asked} == {"application/json"}
