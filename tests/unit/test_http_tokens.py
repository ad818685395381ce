"""Signing in: bearer, basic, OAuth 2 client credentials."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from urllib.parse import parse_qs

import pytest

from core.errors import ConfigurationError, SignInError, TerminalRemoteError
from core.http.client import Authorizer, HttpClient, HttpOptions
from core.http.limits import HttpLimits
from core.http.redaction import Redactor
from core.http.tokens import BasicSignIn, BearerToken, ClientCredentials
from tests.support.clocks import WallClock
from tests.support.scripted_http import Asked, Says, scripted

LIMITS = HttpLimits(attempts=2, retry_wait=0.01, retry_wait_max=0.02)


class Steps(WallClock):
    """A clock that the test moves."""

    time = 1000.0

    def monotonic(self) -> float:
        return self.time


def options(clock: WallClock | None = None) -> HttpOptions:
    return HttpOptions(
        clock=clock or WallClock(), allow_networks=(ip_network("127.0.0.0/8"),), limits=LIMITS
    )


@asynccontextmanager
async def grant(url: str, clock: WallClock | None = None) -> AsyncIterator[ClientCredentials]:
    opened = await ClientCredentials.open(
        url,
        client_id=lambda: "id:1",
        client_secret=lambda: "planted-client-secret",
        scope="read",
        options=options(clock),
        redactor=Redactor(),
    )
    yield opened
    await opened.aclose()


def token(value: str = "tok-1", **more) -> Says:
    pairs = {"access_token": value, "token_type": "bearer", **more}
    inner = ", ".join(
        f'"{key}": {one if isinstance(one, int) else chr(34) + one + chr(34)}'
        for key, one in pairs.items()
    )
    return Says(body=f"{{{inner}}}".encode())


def refusal(word: str, status: int = 400) -> Says:
    return Says(status=status, body=f'{{"error": "{word}"}}'.encode())


async def test_the_client_signs_in_with_basic_and_asks_for_its_scope():
    async with scripted(token(expires_in=3600)) as server, grant(server.url("/token")) as way:
        assert await way.header() == "Bearer tok-1"
        assert await way.header() == "Bearer tok-1"

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/token")
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["read"],
    }
    encoded = asked.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(encoded) == b"id%3A1:planted-client-secret"


@pytest.mark.parametrize("refused", [refusal("invalid_client", 401), refusal("invalid_client")])
async def test_a_server_that_knows_no_basic_gets_the_secret_in_the_form(refused):
    async with scripted(refused, token()) as server, grant(server.url("/token")) as way:
        assert await way.header() == "Bearer tok-1"
        await way.renew()
        await way.header()

    fields = [parse_qs(asked.body.decode()) for asked in server.asked]
    assert [("client_secret" in one) for one in fields] == [False, True, True]
    assert "authorization" not in server.asked[1].headers


async def test_a_token_is_renewed_before_it_expires():
    clock = Steps()
    answers = (token("tok-1", expires_in=100), token("tok-2", expires_in=100))
    async with scripted(*answers) as server, grant(server.url("/token"), clock) as way:
        first = await way.header()
        clock.time += 89
        assert await way.header() == first
        clock.time += 2
        assert await way.header() == "Bearer tok-2"


@pytest.mark.parametrize("word", ["invalid_client", "unauthorized_client", "invalid_scope"])
async def test_a_refused_grant_is_a_sign_in_error_that_names_the_reason(word):
    async with scripted(refusal(word)) as server, grant(server.url("/token")) as way:
        with pytest.raises(SignInError) as raised:
            await way.header()

    assert word in raised.value.message
    assert "planted-client-secret" not in str(raised.value)


@pytest.mark.parametrize(
    "says",
    [
        Says(body=b"[]"),
        Says(body=b"not json"),
        Says(body=b'{"access_token": 5}'),
        Says(body=b'{"access_token": ""}'),
        Says(body=b'{"access_token": "a\\r\\nX-Evil: 1"}'),
        token(token_type="mac"),
    ],
)
async def test_an_unusable_token_is_refused(says):
    async with scripted(says) as server, grant(server.url("/token")) as way:
        with pytest.raises(TerminalRemoteError) as raised:
            await way.header()

    assert raised.value.code == "token_unusable"


async def asking(url: str, way: Authorizer) -> HttpClient:
    return await HttpClient.open(url, options=options(), authorizer=way)


async def test_a_401_brings_one_new_token_and_one_more_attempt():
    def script(asked: Asked) -> Says:
        return Says(status=200 if asked.headers["authorization"] == "Bearer tok-2" else 401)

    answers = (token("tok-1", expires_in=3600), token("tok-2", expires_in=3600))
    async with (
        scripted(*answers) as tokens,
        scripted(script=script) as server,
        grant(tokens.url("/token")) as way,
    ):
        client = await asking(server.url(), way)
        assert (await client.get_json("x")).status == 200
        await client.aclose()

    assert len(tokens.asked) == 2
    assert client.requests == 2


async def test_a_second_401_is_a_sign_in_error_and_no_loop():
    async with (
        scripted(token()) as tokens,
        scripted(Says(status=401)) as server,
        grant(tokens.url("/token")) as way,
    ):
        client = await asking(server.url(), way)
        with pytest.raises(SignInError):
            await client.get_json("x")
        await client.aclose()

    assert len(server.asked) == 2


async def test_a_rotated_token_is_picked_up_on_a_401():
    values = iter(["old-token", "new-token"])

    def script(asked: Asked) -> Says:
        return Says(status=200 if asked.headers["authorization"] == "Bearer new-token" else 401)

    async with scripted(script=script) as server:
        client = await asking(server.url(), BearerToken(lambda: next(values), redactor=Redactor()))
        assert (await client.get_json("x")).status == 200
        await client.aclose()


async def test_an_unchanged_token_is_not_tried_twice():
    async with scripted(Says(status=401)) as server:
        client = await asking(server.url(), BearerToken(lambda: "same", redactor=Redactor()))
        with pytest.raises(SignInError):
            await client.get_json("x")
        await client.aclose()

    assert len(server.asked) == 1


async def test_basic_sends_user_name_and_password():
    way = BasicSignIn(lambda: "ann", lambda: "pass:wörd", redactor=Redactor())

    assert base64.b64decode((await way.header()).removeprefix("Basic ")) == b"ann:pass:w\xc3\xb6rd"


@pytest.mark.parametrize("value", ["", "two words", "line\r\nbreak", "schlüssel"])
async def test_a_token_that_no_header_can_hold_is_a_configuration_error(value):
    with pytest.raises(ConfigurationError) as raised:
        await BearerToken(lambda: value, redactor=Redactor()).header()

    assert raised.value.code == "secret_invalid"
