"""The outbound client: where it goes, what it accepts, how often it tries, what it says."""

import asyncio
import datetime as dt
import gzip
import io
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.errors import (
    ConfigurationError,
    PermissionMissingError,
    SignInError,
    TerminalRemoteError,
    TransientRemoteError,
)
from core.http.addresses import AddressPolicy
from core.http.client import HttpClient, HttpOptions
from core.http.limits import HttpLimits, RateBudget
from core.http.redaction import Redactor
from core.http.retry import parse_retry_after
from core.http.tokens import BearerToken
from tests.support.clocks import WallClock
from tests.support.scripted_http import Says, scripted

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
QUICK = HttpLimits(
    connect=5, read=5, total=5, max_body=1000, attempts=3, retry_wait=0.01, retry_wait_max=0.02
)
SECRET = "planted-secret-value"


@asynccontextmanager
async def client_for(
    url: str,
    *,
    limits: HttpLimits = QUICK,
    allow: tuple = LOOPBACK,
    tls: ssl.SSLContext | None = None,
    called: str = "The server",
) -> AsyncIterator[HttpClient]:
    redactor = Redactor()
    client = await HttpClient.open(
        url,
        options=HttpOptions(clock=WallClock(), allow_networks=allow, limits=limits, tls=tls),
        authorizer=BearerToken(lambda: SECRET, redactor=redactor),
        redactor=redactor,
        called=called,
    )
    yield client
    await client.aclose()


async def failure(url: str, target: str = "x", **options) -> Exception:
    async with client_for(url, **options) as client:
        with pytest.raises((TerminalRemoteError, TransientRemoteError)) as raised:
            await client.get_json(target)
    assert SECRET not in str(raised.value)
    return raised.value


async def test_a_path_goes_below_the_base_url_with_the_credential():
    async with scripted(Says(body=b'{"a": 1}')) as server, client_for(server.url("/v2/")) as client:
        answer = await client.get_json("Users", params={"count": "5"})

    assert answer.body == b'{"a": 1}'
    assert server.asked[0].target == "/v2/Users?count=5"
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"
    assert client.requests == 1


async def test_a_redirect_on_the_same_origin_is_followed():
    moved = Says(status=302, headers={"Location": "/new"})
    async with scripted(moved, Says()) as server, client_for(server.url()) as client:
        await client.get_json("old")

    assert [asked.target for asked in server.asked] == ["/old", "/new"]


@pytest.mark.parametrize("form", ["{url}/x", "//127.0.0.1:{port}/x"])
async def test_the_credential_never_follows_a_redirect_to_another_origin(form):
    async with scripted() as other:
        location = form.format(url=other.url(), port=other.port)
        moved = Says(status=307, headers={"Location": location})
        async with scripted(moved) as server:
            error = await failure(server.url())

    assert error.code == "redirected_elsewhere"
    assert not other.asked


async def test_an_absolute_link_is_followed_on_the_origin_only():
    async with scripted() as server, scripted() as other, client_for(server.url()) as client:
        await client.get_json(server.url("/page2?after=1"))
        with pytest.raises(TerminalRemoteError) as raised:
            await client.get_json(other.url("/page2"))

    assert raised.value.code == "redirected_elsewhere"
    assert len(server.asked) == 1
    assert not other.asked


async def test_redirects_in_circles_end():
    async with scripted(Says(status=302, headers={"Location": "/again"})) as server:
        error = await failure(server.url())

    assert error.code == "redirected_elsewhere"
    assert len(server.asked) == QUICK.redirects + 1


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_special_addresses_are_refused_unless_their_network_is_listed(address):
    assert not AddressPolicy().permits(address)
    listed = ip_network(ip_address(address.partition("%")[0]))
    assert AddressPolicy(allowed=(listed,)).permits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_permitted(address):
    assert AddressPolicy().permits(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_private_address_is_refused_before_anything_is_sent(host):
    async with scripted() as server:
        error = await failure(server.url(host=host), allow=())

    assert error.code == "address_refused"
    assert "DIRSYNC_ALLOW_NETWORKS" in error.hint
    assert not server.asked


async def test_a_name_is_connected_to_by_its_checked_address_and_kept_as_host():
    async with scripted() as server, client_for(server.url(host="localhost")) as client:
        await client.get_json("x")

    assert server.asked[0].headers["host"] == f"localhost:{server.port}"


async def test_plain_http_is_for_loopback_only():
    error = await failure("http://192.0.2.1", allow=(ip_network("192.0.2.0/24"),))

    assert error.code == "plain_http"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://idp.example", "url_invalid"),
        ("idp.example/scim", "url_invalid"),
        ("https://", "url_invalid"),
        ("https://idp.example/#x", "url_invalid"),
        ("https://\x00", "url_invalid"),
        ("https://ann:secret@idp.example/", "secret_literal"),
    ],
)
async def test_a_url_that_cannot_be_used_is_a_configuration_error(url, code):
    with pytest.raises(ConfigurationError) as raised:
        await HttpClient.open(url, options=HttpOptions(clock=WallClock()))

    assert raised.value.code == code
    assert "secret" not in raised.value.message


async def test_a_name_that_does_not_resolve_says_so():
    error = await failure("https://nowhere.invalid", limits=HttpLimits(attempts=1))

    assert error.code == "dns"


async def test_nobody_listening_is_unreachable_after_all_attempts():
    async with scripted() as server:
        url = server.url()
    async with client_for(url) as client:
        with pytest.raises(TransientRemoteError) as raised:
            await client.get_json("x")

    assert raised.value.code == "unreachable"
    assert client.requests == QUICK.attempts


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_passing_fault_is_tried_again(status):
    async with scripted(Says(status=status), Says()) as server, client_for(server.url()) as client:
        assert (await client.get_json("x")).status == 200

    assert client.requests == 2


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, TerminalRemoteError, "remote_refused"),
        (401, SignInError, "sign_in_needed"),
        (403, PermissionMissingError, "permission_missing"),
        (404, TerminalRemoteError, "not_found"),
        (501, TerminalRemoteError, "remote_refused"),
    ],
)
async def test_a_lasting_fault_is_not_tried_again(status, kind, code):
    body = b'{"detail": "no, planted-secret-value"}'
    async with scripted(Says(status=status, body=body)) as server:
        error = await failure(server.url())

    assert type(error) is kind
    assert (error.code, error.status) == (code, status)
    assert "no, [hidden]" in error.message
    assert len(server.asked) == 1


async def test_a_fault_says_what_the_server_is_and_where():
    async with scripted(Says(status=503)) as server:
        error = await failure(server.url(), called="The SCIM server")
        at = server.url().removeprefix("http://").partition("/")[0]

    assert error.message == f"The SCIM server at {at} reports trouble of its own (error 503)."
    assert "Sync again in a while" in error.hint


async def test_retry_after_is_waited_for():
    busy = Says(status=429, headers={"Retry-After": "1"})
    clock = WallClock()
    async with scripted(busy, Says()) as server, client_for(server.url()) as client:
        began = clock.monotonic()
        await client.get_json("x")

    assert clock.monotonic() - began >= 1


async def test_a_retry_after_beyond_the_cap_is_handed_to_the_caller():
    busy = Says(status=429, headers={"Retry-After": "3600"})
    async with scripted(busy) as server:
        error = await failure(server.url())

    assert (error.code, error.retry_after) == ("rate_limited", 3600)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 999_999_999),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_understood_in_both_forms(value, seconds):
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    assert parse_retry_after(value, now=now) == seconds


@pytest.mark.parametrize("body", [b"x" * 1001, gzip.compress(b"x" * 5_000_000)])
async def test_a_body_beyond_the_cap_is_refused_after_decompression_too(body):
    headers = {"Content-Type": "application/json"}
    if body.startswith(b"\x1f\x8b"):
        headers["Content-Encoding"] = "gzip"
    async with scripted(Says(body=body, headers=headers)) as server:
        error = await failure(server.url())

    assert error.code == "too_large"


async def test_a_compressed_answer_is_read():
    headers = {"Content-Type": "application/scim+json", "Content-Encoding": "gzip"}
    says = Says(body=gzip.compress(b'{"a": 1}'), headers=headers)
    async with scripted(says) as server, client_for(server.url()) as client:
        assert (await client.get_json("x")).body == b'{"a": 1}'


async def test_another_compression_than_asked_for_is_refused():
    headers = {"Content-Type": "application/json", "Content-Encoding": "br"}
    async with scripted(Says(headers=headers)) as server:
        assert (await failure(server.url())).code == "unexpected_encoding"


async def test_an_answer_that_takes_too_long_times_out():
    limits = HttpLimits(total=0.1, attempts=1)
    async with scripted(Says(delay=5)) as server:
        assert (await failure(server.url(), limits=limits)).code == "timeout"


async def test_a_download_writes_the_file_anew_at_each_attempt():
    sink = io.BytesIO(b"left over from before, and longer than the file")
    answers = (Says(status=503), Says(body=b"id,email\n", headers={"Content-Type": "text/csv"}))
    async with scripted(*answers) as server, client_for(server.url("/people.csv")) as client:
        await client.download("", sink)

    assert sink.getvalue() == b"id,email\n"
    assert server.asked[-1].target == "/people.csv"


def test_secrets_disappear_from_texts_in_every_form():
    redactor = Redactor()
    redactor.learn("s3cret/with space")

    text = redactor.clean("s3cret/with space, s3cret%2Fwith%20space, s3cret%2Fwith+space")

    assert text == "[hidden], [hidden], [hidden]"


def test_a_foreign_text_is_shortened_and_loses_its_control_characters():
    excerpt = Redactor().excerpt("a\r\nb\x1b[31m\u202e" + "x" * 500)

    assert excerpt.startswith("a b [31m x")
    assert len(excerpt) == 200


async def test_the_rate_budget_spreads_requests():
    class Steps(WallClock):
        time = 0.0

        def monotonic(self) -> float:
            return self.time

        async def sleep(self, seconds: float) -> None:
            self.time += seconds

    clock = Steps()
    budget = RateBudget(per_second=10, clock=clock)
    for _ in range(40):
        await budget.spend()

    assert clock.time == pytest.approx(3.0)


def certificate(folder: Path, *, name: str, until: dt.timedelta) -> Path:
    """Write a self-signed certificate with its key and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return file


def serving_tls(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


YEAR, PAST = dt.timedelta(days=365), dt.timedelta(days=-1)


@pytest.mark.parametrize(
    ("name", "until", "trusted", "says"),
    [
        ("localhost", YEAR, False, "self-signed"),
        ("localhost", PAST, True, "expired"),
        ("other.example", YEAR, True, "another host name"),
    ],
)
async def test_a_certificate_that_cannot_be_trusted_is_named_with_its_reason(
    tmp_path, name, until, trusted, says
):
    file = certificate(tmp_path, name=name, until=until)
    tls = ssl.create_default_context(cafile=str(file) if trusted else None)
    async with scripted(tls=serving_tls(file)) as server:
        error = await failure(server.url(scheme="https", host="localhost"), tls=tls)

    assert error.code == "tls"
    assert says in error.message
    assert not server.asked


async def test_a_trusted_certificate_is_verified_for_the_name_though_the_address_is_dialled(
    tmp_path,
):
    file = certificate(tmp_path, name="localhost", until=YEAR)
    tls = ssl.create_default_context(cafile=str(file))
    async with scripted(tls=serving_tls(file)) as server:
        url = server.url(scheme="https", host="localhost")
        async with client_for(url, tls=tls) as client:
            assert (await client.get_json("x")).status == 200


async def test_https_to_a_port_that_speaks_http_is_a_tls_error():
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await failure(f"https://127.0.0.1:{port}")

    assert error.code == "tls"


async def test_a_handshake_that_never_ends_is_a_time_out_and_not_a_tls_error():
    async with scripted() as server:
        limits = HttpLimits(connect=0.1, attempts=1)
        error = await failure(server.url(scheme="https"), limits=limits)

    assert isinstance(error, TransientRemoteError)
    assert error.code == "timeout"
