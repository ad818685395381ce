"""The login API over HTTP, as an application sees it, on both databases."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.web.rate import Rates
from core.model.account import UserStatus
from tests.support.figures import FULL, SEED, figure
from tests.support.login_site import ADMIN, LoginSite, login_site

SCHEMA_CASES = figure("requests made from the OpenAPI document")
LOGINS = figure("simultaneous logins")


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[LoginSite]:
    """Give a site with six invited people and three licenses."""
    async with login_site(database_url, tmp_path) as found:
        yield found


async def test_an_invited_person_is_activated_at_the_first_login_and_active_from_then_on(site):
    assert (await site.post({"email": "U1@Example.com"}))[:2] == (200, {"status": "activated"})
    assert (await site.post({"email": "u1@example.com"}))[:2] == (200, {"status": "active"})
    assert (await site.post({"user_name": "U1@EXAMPLE.com"}))[:2] == (200, {"status": "active"})
    assert (await site.core.licenses.summary(ADMIN)).used == 1


async def test_whoever_finds_no_license_is_in_line_and_told_the_place_and_whom_to_ask(site):
    for n in (1, 2, 3):
        assert await site.status(f"u{n}@example.com") == "activated"
    for _ in range(2):
        status, answer, _kind = await site.post({"email": "u4@example.com"})
        assert (status, answer) == (200, {"status": "waiting", "place": 1, "contacts": []})
    assert (await site.post({"email": "u5@example.com"}))[1]["place"] == 2
    await site.core.licenses.set_total(ADMIN, 4)
    assert (await site.post({"email": "u5@example.com"}))[1]["place"] == 2
    assert await site.status("u4@example.com") == "activated"
    assert (await site.post({"email": "u5@example.com"}))[1]["place"] == 1


async def test_a_name_that_nobody_has_is_unknown(site):
    for body in (
        {"email": "nobody@example.com"},
        {"email": " "},
        {"email": "\x00"},
        {"user_name": "u1\x00@example.com"},
        {"user_name": "' OR 1=1 --"},
        {"user_name": "%"},
        {"email": "ü@ö." + "x" * 300},
    ):
        assert (await site.post(body))[:2] == (200, {"status": "unknown"}), body


async def test_without_a_valid_token_nothing_is_told(site):
    other = (await site.core.applications.create(ADMIN, "other"))[1]
    await site.core.applications.revoke(ADMIN, "other")
    wrong = ("", "Bearer", "Bearer ", f"Basic {site.token}", "Bearer x", f"Bearer {other}")
    for header in (*wrong, f"Bearer {site.token[:-1]}", f"Bearer {site.token}é"):
        status, answer, kind = await site.post({"email": "u1@example.com"}, Authorization=header)
        assert (status, kind) == (401, "application/problem+json"), header
        assert answer["status"] == 401
    assert (await site.core.licenses.summary(ADMIN)).used == 0


async def test_a_wrong_body_is_named_in_problem_details(site):
    for data, kind, expected in (
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"email": "\xff"}', "application/json", 400),
        (b'{"email": "\\ud800"}', "application/json", 400),
        (b"[" * 9000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"{}", "application/json", 422),
        (b'{"email": 1}', "application/json", 422),
        (b'{"email": ""}', "application/json", 422),
        (b'{"email": "a@b.c", "user_name": "a"}', "application/json", 422),
        (b'{"email": "a@b.c", "admin": true}', "application/json", 422),
        (json.dumps({"email": "a" * 321}).encode(), "application/json", 422),
        (b'{"email": "a@b.c"}', "text/plain", 415),
        (b'{"email": "a@b.c"}', "application/x-www-form-urlencoded", 415),
        (b" " * 10_001, "application/json", 413),
        (b" " * 900_000, "application/json", 413),
    ):
        status, problem, form = await site.post(data=data, **{"Content-Type": kind})
        assert (status, form) == (expected, "application/problem+json"), data[:50]
        assert problem["status"] == expected
        assert set(problem) == {"type", "title", "status", "detail", "code"}


async def test_a_compressed_body_is_not_unpacked(site):
    packed = gzip.compress(b'{"email": "u1@example.com"}')
    assert (await site.post(data=packed, **{"Content-Encoding": "gzip"}))[0] == 415


async def test_an_application_that_asks_too_often_is_told_when_to_come_again(
    database_url, tmp_path
):
    times = iter([0.0, 0.0, 0.0, 1.0])
    rates = Rates(burst=2, per_second=1, clock=lambda: next(times))
    async with login_site(database_url, tmp_path, people=1, rates=rates) as site:
        found = [(await site.post({"email": "u1@example.com"}))[0] for _ in range(4)]
    assert found == [200, 200, 429, 200]


async def test_a_crowd_gets_exactly_the_licenses_and_the_others_each_a_place(
    database_url, tmp_path
):
    crowd, seats = (500, 100) if FULL else (120, 30)
    async with login_site(database_url, tmp_path, people=crowd, licenses=seats) as site:
        asked = [{"email": f"u{n}@example.com"} for n in range(1, crowd + 1)]
        with LOGINS.trying(2 * crowd):
            found = await asyncio.gather(*(site.post(body) for body in asked + asked))
            answers = [answer for status, answer, _ in found if status == 200]
            assert len(answers) == 2 * crowd
            states = [answer["status"] for answer in answers]
            assert states.count("activated") == seats
            assert states.count("active") == seats
            places = {answer["place"] for answer in answers if answer["status"] == "waiting"}
            assert places == set(range(1, crowd - seats + 1))
        statuses = await site.core.store.people.statuses()
        assert statuses[UserStatus.ACTIVE] == seats
        assert statuses[UserStatus.WAITING] == crowd - seats


async def test_other_methods_are_refused_with_what_is_allowed(site):
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        async with site.http.request(method, f"{site.url}/api/v1/logins") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_every_request_made_from_the_public_document_is_answered_as_it_says(site, tmp_path):
    pytest.importorskip("schemathesis")
    async with site.http.get(f"{site.url}/api/v1/openapi.json") as answer:
        assert (answer.status, (await answer.json())["openapi"]) == (200, "3.1.0")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {site.token}", "--no-color"),
        *("--max-examples", "1000" if FULL else "30", "--seed", str(SEED)),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    made = re.search(r"(\d+) generated, (\d+) passed", output)
    assert made is not None, output
    SCHEMA_CASES.tried += int(made[1])
    SCHEMA_CASES.wrong += int(made[1]) - int(made[2])
    assert (process.returncode, made[1]) == (0, made[2]), output
