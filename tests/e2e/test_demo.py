"""`dirsync demo` as a process: the played story, its end, and all that it must not touch."""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from bot.demo.play import CHAPTERS, play
from bot.demo.stage import Figures
from tests.support.databases import fresh_database
from tests.support.demo_command import clean_environment, free_port, run_demo, running_demo
from tests.support.figures import FULL


class Trap:
    """A server on loopback that should hear nothing; `calls` counts who came."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.calls += 1
                connection.close()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5)


@contextmanager
def set_trap() -> Iterator[Trap]:
    trap = Trap()
    try:
        yield trap
    finally:
        trap.close()


@pytest.fixture
def empty_postgresql(tmp_path) -> Iterator[str]:
    """A database on a real server, without a single table."""

    async def clear(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        await connection.close()

    with fresh_database("postgresql", tmp_path) as url:
        asyncio.run(clear(url))
        yield url


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        url, timeout=60
    ) as answer:
        return answer.status, answer.read()


def press(url: str, action: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"{url}/directory/do/{action}",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=60
    ) as told:
        return json.loads(told.read())


def poisoned(trap: Trap, folder: Path) -> dict[str, str]:
    """An environment in which everything that could be read is real, and wrong for a demo."""
    proxy = f"http://127.0.0.1:{trap.port}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY")
    proxies = {name: proxy for upper in names for name in (upper, upper.lower())}
    return clean_environment(
        **proxies,
        SLACK_BOT_TOKEN="xoxb-1-real",
        SLACK_APP_TOKEN="xapp-1-real",
        SLACK_SIGNING_SECRET="0123456789abcdef0123456789abcdef",
        SLACK_CLIENT_ID="1.2",
        SLACK_CLIENT_SECRET="real",
        SLACK_API_URL=f"{proxy}/api/",
        DIRSYNC_DATABASE_URL=f"sqlite:///{folder}/real.db",
        DIRSYNC_SMTP_URL=f"smtp://127.0.0.1:{trap.port}",
        DIRSYNC_HTTP_BIND=f"127.0.0.1:{trap.port}",
        DIRSYNC_PUBLIC_URL=proxy,
        DIRSYNC_CHANNEL="C0REALREAL",
        DIRSYNC_ADMINS="U0MEMBER01",
        DIRSYNC_VIEWERS="U0MEMBER01",
        DIRSYNC_SECRET_KEY="short",
        DIRSYNC_LEASE_SECONDS="never",
        DIRSYNC_CREDENTIALS_DIR=str(folder),
        DIRSYNC_CREDENTIAL_DEMO="a real token",
    )


def expect_the_whole_story(played, folder: Path) -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    titles = [line for line in played.stdout.splitlines() if line.startswith("── ")]
    assert len(titles) == len(CHAPTERS)
    assert "Traceback" not in played.stdout + played.stderr
    assert list(folder.iterdir()) == []


def test_the_story_happens_on_postgresql_whatever_the_environment_says(tmp_path, empty_postgresql):
    """The wheel's test plays it on SQLite."""
    with set_trap() as trap:
        environ = poisoned(trap, tmp_path)
        played = run_demo("--play", "--database", empty_postgresql, cwd=tmp_path, environ=environ)
        expect_the_whole_story(played, tmp_path)
        assert trap.calls == 0


@pytest.mark.skipif(not FULL, reason="the story is played on PostgreSQL; here again at full scale")
def test_the_story_happens_on_sqlite_whatever_the_environment_says(tmp_path):
    with set_trap() as trap:
        played = run_demo("--play", cwd=tmp_path, environ=poisoned(trap, tmp_path))
        expect_the_whole_story(played, tmp_path)
        assert trap.calls == 0


def test_a_demo_in_a_poisoned_environment_keeps_to_itself(tmp_path):
    with set_trap() as trap, running_demo(cwd=tmp_path, environ=poisoned(trap, tmp_path)) as demo:
        assert get(f"{demo.url}/mail/")[0] == 200
        assert demo.end() == 0
        assert trap.calls == 0
    assert list(tmp_path.iterdir()) == []


def test_a_story_in_which_something_did_not_happen_ends_with_an_error(tmp_path):
    """Somebody presses a button on the provider's page while the story is being told."""
    port = free_port()
    with running_demo("--play", "--port", str(port), cwd=tmp_path) as demo:
        press(f"http://127.0.0.1:{port}", "joiners")
        assert demo.process.wait(timeout=60) == 1
    assert "Expected" in demo.output
    assert "broke off" in demo.output


async def test_a_chapter_that_expects_other_figures_says_what_it_expected(tmp_path):
    told: list[str] = []
    with running_demo(cwd=tmp_path) as demo:
        figures = Figures(people=120, licenses=90)
        assert not await play(
            demo.url, figures, tell=told.append, chapters=CHAPTERS[:1], patience=1
        )
    assert "Expected" in told[-1]
    assert "0 of 90 licenses used" in told[-1]


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_the_demo_says_where_it_is_and_ends_cleanly(tmp_path, ended_by):
    with running_demo(cwd=tmp_path) as demo:
        for path in ("/", "/directory/", "/mail/"):
            assert get(f"{demo.url}{path}")[0] == 200
            assert f"{demo.url}{path}" in demo.output
        assert "/dirsync sync" in demo.output
        status = demo.end(ended_by)
    assert status == 0, demo.output
    assert "Traceback" not in demo.output
    assert list(tmp_path.iterdir()) == []


def test_the_story_that_is_interrupted_ends_without_a_traceback(tmp_path):
    with running_demo("--play", cwd=tmp_path) as demo:
        status = demo.end()
    assert status == 130
    assert "Traceback" not in demo.output


def test_a_database_that_is_no_demos_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "payroll.db"
    with sqlite3.connect(path) as payroll:
        payroll.execute("CREATE TABLE settings (account_id TEXT, key TEXT, value TEXT)")
    payroll.close()
    before = path.read_bytes()
    refused = run_demo("--database", f"sqlite:///{path}", cwd=tmp_path)
    assert refused.returncode != 0
    assert "not a demo's database" in refused.stderr
    assert path.read_bytes() == before


def test_a_database_of_a_real_installation_is_refused(tmp_path):
    environ = clean_environment(DIRSYNC_DATABASE_URL="sqlite:///real.db")
    upgrade = [sys.executable, "-m", "bot", "db", "upgrade"]
    subprocess.run(upgrade, cwd=tmp_path, env=environ, check=True, timeout=60)
    refused = run_demo("--database", "sqlite:///real.db", cwd=tmp_path)
    assert refused.returncode != 0
    assert "not a demo's database" in refused.stderr


def test_a_named_database_is_kept_and_may_be_used_again(tmp_path):
    for _ in range(2):
        with running_demo("--database", "sqlite:///mine.db", cwd=tmp_path) as demo:
            assert demo.end() == 0
    assert (tmp_path / "mine.db").exists()


def test_a_second_demo_on_one_database_is_refused(tmp_path):
    with running_demo("--database", "sqlite:///mine.db", cwd=tmp_path):
        second = run_demo("--database", "sqlite:///mine.db", cwd=tmp_path)
    assert second.returncode == 8
    assert "in use" in second.stderr


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_demo("--port", str(port), cwd=tmp_path)
    assert refused.returncode == 2
    assert f"port {port} is taken" in refused.stderr.lower()


def test_a_second_demo_takes_another_port_and_says_so(tmp_path):
    with running_demo(cwd=tmp_path) as first, running_demo(cwd=tmp_path) as second:
        assert first.url != second.url
        assert "taken" in second.output
        assert get(second.url)[0] == 200


@pytest.mark.parametrize(
    "arguments", [("--people", "0"), ("--licenses", "-1"), ("--port", "70000")]
)
def test_numbers_that_make_no_sense_are_refused(tmp_path, arguments):
    assert run_demo(*arguments, cwd=tmp_path).returncode == 2
