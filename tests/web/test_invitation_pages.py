"""The pages behind an invitation's link: what scanners, strangers and the invited get."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.web.invitations import Invitations
from core.app import Core, open_core
from core.model.account import Actor, Invitation, Role
from core.settings import Settings
from tests.support.databases import sqlite_file
from tests.support.figures import FULL

ADMIN = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")
PROOF = re.compile(r'name="proof" value="([^"]+)"')
FILE = """
licenses: {total: 1}
configurations:
  - name: people
    provider: {type: csv, file: people.csv}
"""
PEOPLE = 'id,email,name\n1,ada@example.com,"<b>Ada</b> & Co"\n2,bob@example.com,Bob\n'


@dataclass(frozen=True)
class Site:
    """A site with two people who are invited, and one license."""

    core: Core
    url: str
    http: aiohttp.ClientSession
    tokens: dict[str, str]

    async def get(self, token: str, **more: object) -> tuple[int, str]:
        async with self.http.get(f"{self.url}/invitations/{token}", **more) as answer:
            return answer.status, await answer.text()

    async def post(self, token: str, **form: str) -> tuple[int, str]:
        async with self.http.post(f"{self.url}/invitations/{token}", data=form) as answer:
            return answer.status, await answer.text()

    async def accept(self, token: str) -> tuple[int, str]:
        proof = PROOF.search((await self.get(token))[1])
        return await self.post(token, proof=proof[1], sure="yes")

    async def used(self) -> int:
        return (await self.core.store.licenses.summary()).used


class Letters:
    """A mailer that keeps the token of each address's letter."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.both_came = asyncio.Event()

    async def send(self, invitation: Invitation, *, subject: str, text: str, html: str) -> None:
        assert subject
        assert f"/invitations/{invitation.token}" in text
        assert f"/invitations/{invitation.token}" in html
        self.tokens[invitation.email] = invitation.token
        if len(self.tokens) > 1:
            self.both_came.set()


@asynccontextmanager
async def served(core: Core) -> AsyncIterator[str]:
    app = web.Application()
    Invitations(lambda: core.activation).add_to(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    (tmp_path / "people.csv").write_text(PEOPLE)
    settings = Settings.from_environment(
        {
            "DIRSYNC_DATABASE_URL": sqlite_file(tmp_path / "d.db"),
            "DIRSYNC_CREDENTIALS_DIR": str(tmp_path),
            "DIRSYNC_PUBLIC_URL": "https://sync.example/",
        }
    )
    box = Letters()
    async with open_core(settings, notifier=None, mailer=box, background=True) as core:
        await core.configurations.apply(ADMIN, FILE, source="f.yaml")
        await core.sync.request(ADMIN, "people")
        async with asyncio.timeout(60):
            await box.both_came.wait()
        async with served(core) as url, aiohttp.ClientSession() as http:
            yield Site(core, url, http, box.tokens)


async def test_the_page_names_the_person_and_confirming_it_takes_the_license(site: Site):
    status, page = await site.get(site.tokens["ada@example.com"])
    assert status == 200
    assert "ada@example.com" in page
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; Co" in page
    status, page = await site.accept(site.tokens["ada@example.com"])
    assert (status, await site.used()) == (200, 1)
    assert "<title>Welcome</title>" in page


async def test_whoever_finds_no_license_is_told_their_place_and_whom_to_ask(site: Site):
    await site.accept(site.tokens["ada@example.com"])
    status, page = await site.accept(site.tokens["bob@example.com"])
    assert status == 200
    assert "not your fault" in page
    assert 'class="place">1<' in page
    assert "an admin of your company" in page
    assert "You are in line" in (await site.get(site.tokens["bob@example.com"]))[1]
    await site.core.licenses.set_total(ADMIN, 2)
    assert "Welcome" in (await site.accept(site.tokens["bob@example.com"]))[1]


async def test_any_number_of_requests_by_scanners_consumes_nothing(site: Site):
    token = site.tokens["ada@example.com"]
    for number in range(250 if FULL else 25):
        assert (await site.get(token, headers={"Purpose": "prefetch"}))[0] == 200
        async with site.http.head(f"{site.url}/invitations/{token}") as answer:
            assert answer.status == 200
        proof = "" if number % 2 else "1.abc"
        assert (await site.post(token, proof=proof, sure="yes"))[0] == 400
        assert (await site.post(token))[0] == 400
    assert await site.used() == 0
    assert (await site.accept(token))[0] == 200
    assert await site.used() == 1


async def test_a_form_without_the_tick_or_of_another_link_changes_nothing(site: Site):
    ada, bob = site.tokens["ada@example.com"], site.tokens["bob@example.com"]
    proof = PROOF.search((await site.get(ada))[1])[1]
    for form in ({"proof": proof}, {"proof": proof, "sure": "no"}, {"sure": "yes"}):
        status, page = await site.post(ada, **form)
        assert status == 400
        assert "Nothing has happened yet" in page
    assert (await site.post(bob, proof=proof, sure="yes"))[0] == 400
    assert await site.used() == 0


async def test_used_unknown_and_misshapen_links_look_the_same(site: Site):
    ada = site.tokens["ada@example.com"]
    await site.accept(ada)
    pages = set()
    for token in (ada, "unknown", ada[:-1], "%00", "%ff%fe", "a" * 300, "ü"):
        status, page = await site.get(token)
        assert status == 404
        pages.add(re.sub(r'nonce="[^"]+"', "", page))
        assert (await site.post(token, proof="1.2", sure="yes"))[0] == 404
    assert len(pages) == 1


async def test_a_page_is_not_kept_framed_indexed_or_told_to_others(site: Site):
    async with site.http.get(f"{site.url}/invitations/{site.tokens['ada@example.com']}") as answer:
        headers = answer.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in headers["X-Robots-Tag"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
