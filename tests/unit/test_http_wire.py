"""What is said on the wire: connections kept open, answers of every form, URLs as they are sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError, TransientRemoteError
from core.http.client import HttpClient, HttpOptions
from core.http.limits import HttpLimits
from core.http.urls import parse_base_url, parse_url
from tests.support.clocks import WallClock

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
ONCE = HttpLimits(attempts=1)


class Talker:
    """A server that answers each request head with the next of its bytes; the last one stays."""

    def __init__(self, *answers: bytes, hang_up: bool = False) -> None:
        self.connections = 0
        self.heads: list[bytes] = []
        self.heard = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.talks: set[asyncio.Task[None]] = set()
        self._answers = list(answers)
        self._hang_up = hang_up

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        talk = asyncio.current_task()
        assert talk is not None
        self.talks.add(talk)
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.heard.set()
                writer.write(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])
                await writer.drain()
                if self._hang_up:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()
        self.hung_up.set()


@asynccontextmanager
async def talking(
    *answers: bytes, hang_up: bool = False, limits: HttpLimits = ONCE
) -> AsyncIterator[tuple[Talker, HttpClient]]:
    talker = Talker(*answers, hang_up=hang_up)
    server = await asyncio.start_server(talker.talk, "127.0.0.1", 0)
    client = await HttpClient.open(
        f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        options=HttpOptions(
            clock=WallClock(), allow_networks=(ip_network("127.0.0.0/8"),), limits=limits
        ),
    )
    try:
        yield talker, client
    finally:
        await client.aclose()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*talker.talks)


async def lost(client: HttpClient) -> str:
    with pytest.raises(TransientRemoteError) as raised:
        await client.get_json("x")
    return raised.value.code


async def test_requests_one_after_the_other_share_a_connection():
    async with talking(OK) as (talker, client):
        for _ in range(5):
            await client.get_json("x")

    assert (talker.connections, len(talker.heads)) == (1, 5)


async def test_requests_at_once_share_four_connections():
    async with talking(OK) as (talker, client):
        await asyncio.gather(*(client.get_json("x") for _ in range(40)))

    assert (talker.connections, len(talker.heads)) == (4, 40)


async def test_a_connection_that_the_server_closed_is_not_used_again():
    async with talking(OK, hang_up=True) as (talker, client):
        for _ in range(3):
            await client.get_json("x")
            await talker.hung_up.wait()
            talker.hung_up.clear()
            await one_more_turn(client)

    assert len(talker.heads) == 3


async def one_more_turn(client: HttpClient) -> None:
    """Let the loop hear what has arrived: it cannot connect without listening to the others."""
    url = parse_url(client.base_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.close()
    await writer.wait_closed()


async def test_an_answer_given_up_does_not_become_that_of_the_next_request():
    endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    async with talking(endless, OK) as (talker, client):
        given_up = asyncio.create_task(client.get_json("first"))
        await talker.heard.wait()
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert (await client.get_json("second")).body == b"{}"

    assert talker.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
        CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 200\r\nCONTENT-TYPE: application/json\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}",
    ],
)
async def test_answers_of_every_form_are_understood(answer):
    async with talking(answer, hang_up=True) as (_, client):
        assert (await client.get_json("x")).body == b"{}"


async def test_headers_of_one_name_are_one():
    links = b'Link: <a>; rel="self"\r\nLINK: <b>; rel="next"\r\n'
    async with talking(OK.replace(b"\r\n\r\n", b"\r\n" + links + b"\r\n")) as (_, client):
        answer = await client.get_json("x")

    assert answer.headers["link"] == '<a>; rel="self", <b>; rel="next"'


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        OK[:-1],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"1\r\n{\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    ],
)
async def test_whatever_is_no_complete_answer_is_a_lost_connection(answer):
    async with talking(answer, hang_up=True) as (_, client):
        assert await lost(client) == "connection_lost"


async def test_a_server_that_falls_silent_is_given_up():
    async with talking(OK[:-1], limits=HttpLimits(read=0.05, attempts=1)) as (_, client):
        assert await lost(client) == "timeout"


@pytest.mark.parametrize(
    ("base", "path", "params", "sent"),
    [
        ("https://idp.example", "", {}, "https://idp.example/"),
        ("https://IDP.example:443/v2/", "Users", {}, "https://idp.example/v2/Users"),
        ("https://idp.example:8443/v2?a=1", "/Users", {}, "https://idp.example:8443/v2/Users?a=1"),
        ("https://idp.example/?a=1&b=2", "", {"b": "3 4"}, "https://idp.example/?a=1&b=3+4"),
        ("https://idp.example", "users/a%2Fb", {}, "https://idp.example/users/a%2Fb"),
        ("https://idp.example", "Gr\u00fc\u00dfe", {}, "https://idp.example/Gr%C3%BC%C3%9Fe"),
        ("https://b\u00fccher.example", "x", {}, "https://xn--bcher-kva.example/x"),
        ("http://[::1]:8080/", "x", {"$top": "5"}, "http://[::1]:8080/x?%24top=5"),
    ],
)
def test_a_request_goes_to_exactly_this_url(base, path, params, sent):
    url = parse_base_url(base).below(path)

    assert str(url.asking(params) if params else url) == sent


@pytest.mark.parametrize(
    "link",
    [
        "https://graph.example/v1.0/users?$skiptoken=RFNwdA%2B%3D&$top=999",
        "https://acme.okta.example/api/v1/users?after=200u0%2FAbc&limit=200",
        "https://idp.example/scim/v2/Users?filter=a%20eq%20%22b%22&cursor=x'y(z)",
    ],
)
def test_a_link_is_sent_as_it_came(link):
    assert str(parse_url(link)) == link


@given(st.text(min_size=1) | st.from_regex(r"https?://[^/]*[@:\\\[\]%#?]+.*", fullmatch=True))
def test_any_text_is_a_url_that_reads_the_same_again_or_an_error(text):
    try:
        url = parse_url(text)
    except ConfigurationError:
        return
    assert str(url).isascii()
    assert " " not in str(url)
    assert parse_url(str(url)).origin == url.origin
