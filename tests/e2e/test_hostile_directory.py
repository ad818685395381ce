"""A directory whose values are attacks: nothing is live in CSV, mail, logs or a terminal."""

from __future__ import annotations

import csv
import io
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Host
from tests.support.databases import fresh_database
from tests.support.figures import figure
from tests.support.killing import Life
from tests.support.letterbox import Letterbox
from tests.support.scim_backend import TOKEN, ScimBackend, person, running_scim

VALUES = figure("hostile directory values through a cycle")
NAMES = [
    "<!channel> come *here* <https://evil.example|click> `code`",
    "Ada\r\nBcc: everyone@evil.example\r\n\r\nhello",
    "Ada\nlevel=error event=forged",
    "\u202egnp.exe \u2066isolated\u2069\u200f\u061c",
    "\x1b[31mred\x1b]0;title\x07 \x9b2J",
    "x" * 10_000,
    '=HYPERLINK("http://evil.example","x")',
    "+1+1|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\uff1d1+1",
    'quote " and , comma; and <b>bold</b> {{7*7}} %s',
    "\ufeff\u00a0=1",
]
ADDRESSES = [
    "ada@example.com, everyone@evil.example",
    "ada@example.com\r\nBcc: everyone@evil.example",
    "<ada@example.com> <everyone@evil.example>",
    '"@evil.example,x"@example.com',
    "=cmd@example.com",
]
FILE = """\
licenses: {{total: 100}}
configurations:
  - name: people-scim
    provider: {{type: scim, url: "{url}", token: "env:DIRSYNC_CREDENTIAL_T"}}
    mapping: {{title: title}}
"""
MARKS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.fixture
def letters() -> Iterator[Letterbox]:
    with Letterbox() as box:
        yield box


@pytest.fixture
def host(tmp_path: Path, letters: Letterbox) -> Iterator[Host]:
    with fresh_database("sqlite", tmp_path) as url, running_scim() as backend:
        fill(backend)
        more = {
            "DIRSYNC_CREDENTIAL_T": TOKEN,
            "DIRSYNC_ALLOW_NETWORKS": "127.0.0.0/8",
            "DIRSYNC_SMTP_URL": letters.url,
        }
        machine = Host(tmp_path, url, more)
        machine.prepare()
        (tmp_path / "hostile.yaml").write_text(FILE.format(url=backend.url))
        yield machine


def fill(backend: ScimBackend) -> None:
    """Create people whose names, titles, user names or addresses are attacks."""
    records = [
        {**person(n, "hostile"), "displayName": name, "title": name} for n, name in enumerate(NAMES)
    ]
    records += [{**person(50 + n), "userName": name[:200]} for n, name in enumerate(NAMES)]
    for n, address in enumerate(ADDRESSES):
        emails = [{"value": address, "type": "work", "primary": True}]
        records.append({**person(80 + n), "emails": emails, "userName": f"address{n}"})
    backend.add("/Users", records)
    backend.add_group(NAMES[0])
    backend.add_group(NAMES[6])


def test_nothing_of_a_hostile_directory_is_live_anywhere(host: Host, letters: Letterbox) -> None:
    life = Life({**host.environ}, host.folder)
    try:
        life.wait_for("run.ready")
        assert host("config", "apply", str(host.folder / "hostile.yaml")).status == 0
        ran = host("sync", "--json")
        assert ran.status in {0, 3}, ran
        cycle = ran.json["cycle"]
        assert cycle["counts"]["created"] >= len(NAMES)
        shown = {
            " ".join(verb): host(*verb)
            for verb in (("users", "--limit", "100"), ("show",), ("history",), ("status",))
        }
        user = host("user", "hostile3@example.com")
        log = host("show", cycle["id"], "--csv", "log").out
        wait_for_letters(life, letters, at_least=len(NAMES))
    finally:
        life.end()
    with VALUES.trying(len(NAMES) * 2 + len(ADDRESSES)):
        expect_csv(log)
        expect_mail(letters)
        expect_log_lines(life.lines)
        for ran in (*shown.values(), user):
            assert ran.status == 0
            assert not live_marks(ran.out + ran.err)


def wait_for_letters(life: Life, letters: Letterbox, *, at_least: int) -> None:
    until = time.monotonic() + 90
    while len(letters.letters) < at_least:
        assert time.monotonic() < until, life.lines[-5:]
        time.sleep(0.05)
    time.sleep(1.0)


def live_marks(text: str) -> set[str]:
    """Return the characters that steer a terminal or the direction of writing."""
    return {each for each in text if unicodedata.category(each) in MARKS} - {"\n"}


def expect_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len({len(row) for row in rows}) == 1, "a value broke out of its row"
    cells = [cell for row in rows for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    live = ("=", "+", "-", "@", "\uff1d")
    assert not [cell for cell in cells if cell.lstrip(" \t\r\n\u00a0\ufeff").startswith(live)]


def expect_mail(letters: Letterbox) -> None:
    known = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"}
    for receiver, letter in letters.letters:
        assert set(letter.keys()) <= {*known, "Content-Type", "Content-Transfer-Encoding"}
        assert receiver.endswith("@example.com")
        assert letter["To"].addresses[0].addr_spec == receiver
        assert len(letter["To"].addresses) == 1
        for value in letter.values():
            assert not live_marks(str(value))
            assert len(str(value)) < 500
    assert not any("evil.example" in receiver for receiver, _ in letters.letters)
    for raw in letters.raw:
        head = raw.partition(b"\r\n\r\n")[0]
        assert b"\nbcc:" not in head.lower()


def expect_log_lines(lines: list[str]) -> None:
    for line in lines:
        assert line.startswith("timestamp="), f"a value broke out of its line: {line!r}"
        assert "event=forged" not in line
        assert not live_marks(line)
