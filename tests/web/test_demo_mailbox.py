"""The demo's mailbox page, over folders of mails good and bad."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.demo.eml import read_letter
from bot.demo.mailbox import Mailbox, mailbox_app
from tests.support.figures import FULL

JSON = {"Accept": "application/json"}
MANY = 10_000 if FULL else 2_000
INVITATION = "http://127.0.0.1:8080/invitations/Ab-1_2"


def letter(number: int = 1, *, html: bool = True) -> bytes:
    message = EmailMessage()
    message["From"] = "dirsync <dirsync@example.com>"
    message["To"] = f"Zoë Weißkamp <zoe{number}@example.com>"
    message["Subject"] = f"Ihre Einladung Nº {number} <b>"
    message["Date"] = "Tue, 06 May 2031 10:00:00 +0000"
    message.set_content(f"Hallo <Zoë>,\nhier geht es los: {INVITATION}.\n")
    if html:
        text = f"<h1>Hallo</h1><script>x()</script><a href='{INVITATION}'>Los</a>"
        message.add_alternative(text, subtype="html")
    if html:
        message.set_boundary("a-fixed-boundary")
    return bytes(message)


def deliver(folder: Path, name: str, content: bytes, at: int) -> None:
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (at, at))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mails"
    path.mkdir()
    return path


@pytest_asyncio.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = web.Application()
    app.add_subapp("/mail", mailbox_app(folder))
    server = TestServer(app)
    await server.start_server()
    async with httpx.AsyncClient(base_url=str(server.make_url("/")), timeout=60) as client:
        yield client
    await server.close()


async def test_mails_are_listed_newest_first_with_recipient_and_subject(client, folder):
    for number in (1, 2, 3):
        deliver(folder, f"{9 - number}.eml", letter(number), 1_900_000_000 + number)
    body = (await client.get("/mail/", headers=JSON)).json()
    assert body["total"] == 3
    assert [mail["name"] for mail in body["mails"]] == ["6.eml", "7.eml", "8.eml"]
    assert body["mails"][0]["to"] == "Zoë Weißkamp <zoe3@example.com>"
    assert body["mails"][0]["subject"] == "Ihre Einladung Nº 3 <b>"
    page = (await client.get("/mail/")).text
    assert page.index("Nº 3 &lt;b&gt;") < page.index("Nº 2 &lt;b&gt;") < page.index("Nº 1")
    assert "3 mails, newest first" in page


async def test_an_empty_or_missing_folder_says_what_to_type(client, folder):
    assert "No mail yet. Type <kbd>/dirsync sync</kbd>" in (await client.get("/mail/")).text
    folder.rmdir()
    answer = await client.get("/mail/")
    assert answer.status_code == 200
    assert "No mail yet" in answer.text


async def test_search_finds_by_recipient_and_subject(client, folder):
    for number in range(12):
        deliver(folder, f"{number}.eml", letter(number), 1_900_000_000)
    found = (await client.get("/mail/", params={"q": "ZOE11@ einladung"}, headers=JSON)).json()
    assert [mail["name"] for mail in found["mails"]] == ["11.eml"]
    assert "No mail is found for “nobody”" in (await client.get("/mail/?q=nobody")).text


async def test_the_stamp_of_the_list_changes_when_a_mail_arrives(client, folder):
    def stamp(page: str) -> str:
        return page.partition('data-stamp="')[2].partition('"')[0]

    deliver(folder, "1.eml", letter(1), 1_900_000_000)
    before = stamp((await client.get("/mail/")).text)
    assert stamp((await client.get("/mail/")).text) == before
    deliver(folder, "2.eml", letter(2), 1_900_000_000)
    assert stamp((await client.get("/mail/")).text) != before


async def test_a_mail_shows_its_text_with_a_link_that_can_be_followed(client, folder):
    deliver(folder, "1.eml", letter(), 1_900_000_000)
    page = (await client.get("/mail/1.eml")).text
    assert "Hallo &lt;Zoë&gt;" in page
    link = f'<a href="{INVITATION}" target="_blank" rel="noopener noreferrer">{INVITATION}</a>.'
    assert link in page
    assert '<iframe class="letter"' in page
    assert "allow-scripts" not in page
    assert "x()" not in page


async def test_the_formatted_text_comes_under_a_policy_that_runs_and_loads_nothing(client, folder):
    deliver(folder, "1.eml", letter(), 1_900_000_000)
    answer = await client.get("/mail/1.eml/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    source = await client.get("/mail/1.eml/source")
    assert source.content == letter()
    assert source.headers["content-type"].startswith("text/plain")


async def test_a_mail_without_formatted_text_has_no_frame(client, folder):
    deliver(folder, "1.eml", letter(html=False), 1_900_000_000)
    assert "<iframe" not in (await client.get("/mail/1.eml")).text


BROKEN = {
    "empty": b"",
    "garbage": b"\xff\xfe\x00 garbage \x80",
    "unknown charset": b"Subject: =?x-none?q?a?=\nContent-Type: text/plain; charset=x-no\n\nh\xff",
    "surrogates": b"Content-Type: text/plain; charset=raw_unicode_escape\n\n\\ud800",
    "bad base64": b"Content-Transfer-Encoding: base64\n\n%%%=",
    "bad word": b"Subject: =?utf-8?b?a?=\nTo: =?\xff?q?x?=\n\n",
    "no end": b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n",
    "bad name": b"Content-Type: a/b; name*=utf-8\x00''x\n\n",
    "deep": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2_000)
    ),
    "raw utf-8": "Subject: Grüße\n\n".encode(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_mail_is_listed_and_shown_beside_the_good_ones(client, folder, content):
    deliver(folder, "bad.eml", content, 1_900_000_001)
    deliver(folder, "good.eml", letter(), 1_900_000_000)
    body = (await client.get("/mail/", headers=JSON)).json()
    assert [mail["name"] for mail in body["mails"]] == ["bad.eml", "good.eml"]
    for path in ("", "bad.eml", "bad.eml/html", "bad.eml/source"):
        assert (await client.get(f"/mail/{path}")).status_code == 200


async def test_headers_written_in_plain_utf_8_are_read(client, folder):
    deliver(folder, "1.eml", BROKEN["raw utf-8"], 1_900_000_000)
    body = (await client.get("/mail/", headers=JSON)).json()
    assert (body["mails"][0]["subject"], body["mails"][0]["to"]) == ("Grüße", "(nobody)")


def test_two_thousand_damaged_mails_are_read_without_an_error():
    chance = random.Random(20310506)
    good = letter()
    pieces = [b"=?utf-8?b?", b"?=", b"\n\n", b"\0", b"boundary=", b"*0*=", b"=?x?q?=ff?=", b"\xff"]
    for _ in range(2_000):
        content = bytearray(good)
        for _ in range(chance.randint(1, 25)):
            at = chance.randrange(len(content) + 1)
            content[at : at + chance.randrange(12)] = chance.choice(pieces)
        shown = read_letter(bytes(content))
        assert all(isinstance(part.text, str) for part in shown.text_parts)
        (shown.to + shown.subject + shown.sender + shown.date + shown.text + shown.html).encode()


@pytest.mark.parametrize(
    "name",
    ["none.eml", "..%2Fsecret.eml", "%2e%2e%2fsecret.eml", "link.eml", "notes.txt", ".x.eml"],
)
async def test_only_the_mails_of_the_folder_can_be_read(client, folder, name):
    (folder.parent / "secret.eml").write_bytes(letter())
    (folder / "link.eml").symlink_to(folder.parent / "secret.eml")
    (folder / "notes.txt").write_bytes(letter())
    (folder / ".x.eml").write_bytes(letter())
    for path in (name, f"{name}/html", f"{name}/source"):
        assert (await client.get(f"/mail/{path}")).status_code == 404
    assert (await client.get("/mail/", headers=JSON)).json()["total"] == 0


async def test_thousands_of_mails_are_shown_by_sheets(client, folder):
    content = letter()
    for number in range(MANY):
        (folder / f"{number:05d}.eml").write_bytes(content)
    first = await client.get("/mail/")
    assert first.text.count("<time ") == 50
    assert f"Page 1 of {MANY // 50}" in first.text
    last = MANY // 50
    assert f"Page {last} of {last}" in (await client.get(f"/mail/?page={last}")).text
    assert (await client.get("/mail/?q=zoe1", headers=JSON)).json()["total"] == MANY


def test_only_the_mails_of_the_sheet_are_opened(folder):
    for number in range(120):
        deliver(folder, f"{number}.eml", letter(number), 1_900_000_000 + number)
    mailbox = Mailbox(folder)
    mailbox.sheet("", "1")
    assert len(mailbox._envelopes) == 50
