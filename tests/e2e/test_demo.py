"""`dirsync demo` as a process: its start, its end, and all that it must not touch."""

import signal
import socket
import sqlite3
import urllib.request

import pytest

from bot.cli.app import build
from tests.support.cli import Here
from tests.support.databases import sqlite_file
from tests.support.demo_command import run_demo, running_demo
from tests.support.trap import poisoned, set_trap


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        url, timeout=60
    ) as answer:
        return answer.status, answer.read()


def test_a_demo_in_a_poisoned_environment_keeps_to_itself(tmp_path):
    with set_trap() as trap, running_demo(cwd=tmp_path, environ=poisoned(trap, tmp_path)) as demo:
        assert get(f"{demo.url}/mail/")[0] == 200
        assert demo.end() == 0
        assert trap.calls == 0
    assert list(tmp_path.iterdir()) == []


def test_two_demos_say_where_they_are_and_end_cleanly_by_either_signal(tmp_path):
    with running_demo(cwd=tmp_path) as first, running_demo(cwd=tmp_path) as second:
        assert first.url != second.url
        for demo in (first, second):  # other tests have demos as well
            assert ("taken" in demo.output) is not demo.url.endswith(":8765")
        for demo, ended_by in ((first, signal.SIGINT), (second, signal.SIGTERM)):
            for path in ("/", "/directory/", "/mail/"):
                assert get(f"{demo.url}{path}")[0] == 200
                assert f"{demo.url}{path}" in demo.output
            assert "/dirsync sync" in demo.output
            assert demo.end(ended_by) == 0, demo.output
            assert "Traceback" not in demo.output
    assert list(tmp_path.iterdir()) == []


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
    refused = run_demo("--database", sqlite_file(tmp_path / "real.db"), cwd=tmp_path)
    assert refused.returncode != 0
    assert "not a demo's database" in refused.stderr


def test_a_named_database_is_of_one_demo_at_a_time_and_may_be_used_again(tmp_path):
    with running_demo("--database", "sqlite:///mine.db", cwd=tmp_path) as demo:
        second = run_demo("--database", "sqlite:///mine.db", cwd=tmp_path)
        assert demo.end() == 0
    assert second.returncode == 8
    assert "in use" in second.stderr
    with running_demo("--database", "sqlite:///mine.db", cwd=tmp_path) as demo:
        assert demo.end() == 0
    assert (tmp_path / "mine.db").exists()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_demo("--port", str(port), cwd=tmp_path)
    assert refused.returncode == 2
    assert f"port {port} is taken" in refused.stderr.lower()


@pytest.mark.parametrize(
    "arguments", [("--people", "0"), ("--licenses", "-1"), ("--port", "70000")]
)
def test_numbers_that_make_no_sense_are_refused(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert Here().invoke(build(), ["demo", *arguments]).exit_code == 2
