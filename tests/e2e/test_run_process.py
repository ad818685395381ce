"""`dirsync run` as a process: starting, refusing, draining."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Host, spawn, wait_for_line
from tests.support.databases import fresh_database


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with fresh_database("sqlite", tmp_path) as url:
        machine = Host(tmp_path, url)
        machine.prepare()
        yield machine


def ended(process: subprocess.Popen[str], within: float) -> tuple[int, str, float]:
    """Wait for the end; return the status, what was said, and the seconds it took."""
    begun = time.monotonic()
    _, said = process.communicate(timeout=within)
    return process.returncode, said, time.monotonic() - begun


def run(host: Host, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    process = spawn(arguments, {**os.environ, **host.environ, **more}, host.folder)
    out, err = process.communicate(timeout=90)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_leaves_no_socket(host: Host, number):
    with host.running("--no-slack") as process:
        assert stat.S_IMODE((host.folder / "dirsync.db.sock").stat().st_mode) == 0o600
        process.send_signal(number)
        status, said, seconds = ended(process, 15)
    assert status == 0
    assert "run.stopped" in said
    assert "Traceback" not in said
    assert seconds < 15
    assert not (host.folder / "dirsync.db.sock").exists()


def test_a_signal_ends_a_start_that_waits_for_slack(host: Host):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/api/"
        tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
        environ = {**os.environ, **host.environ, **tokens, "SLACK_API_URL": nobody}
        process = spawn(("run",), environ, host.folder)
        wait_for_line(process, "run.starting")
        process.send_signal(signal.SIGTERM)
        status, said, _ = ended(process, 60)
    assert (status, "run.stopped" in said, "run.ready" in said) == (0, True, False)
    assert "Traceback" not in said


def test_a_second_run_is_refused_and_says_who_has_the_database(host: Host):
    with host.running("--no-slack") as process:
        second = run(host, "run", "--no-slack")
        assert second.returncode == 8
        assert f"process {process.pid}" in second.stderr
        assert host("status").status == 0


def test_a_run_without_tokens_names_both_variables(host: Host):
    found = run(host, "run")
    assert found.returncode == 2
    assert "SLACK_BOT_TOKEN and SLACK_APP_TOKEN" in found.stderr
    assert "--no-slack" in found.stderr


def test_a_wrong_variable_is_named_and_its_value_is_not(host: Host):
    found = run(host, "run", SLACK_BOT_TOKEN="hunter2")
    assert found.returncode == 2
    assert "SLACK_BOT_TOKEN" in found.stderr
    assert "hunter2" not in found.stderr + found.stdout


def test_a_taken_port_is_named(host: Host):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = run(host, "run", "--no-slack", DIRSYNC_HTTP_BIND=address)
    assert found.returncode == 2
    assert address in found.stderr


def test_health_is_served_and_a_killed_process_leaves_nothing_in_the_way(host: Host):
    process = spawn(("run", "--no-slack"), {**os.environ, **host.environ}, host.folder)
    line = wait_for_line(process, "run.web")
    port = line.split("port=")[1].split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
        assert answer.status == 200
    wait_for_line(process, "run.ready")
    process.kill()
    process.communicate()
    assert (host.folder / "dirsync.db.sock").exists()
    assert host("status").status == 0
    with host.running("--no-slack"):
        assert host("status").status == 0


def test_somebody_who_holds_the_database_and_says_nothing_is_reported(host: Host):
    process = spawn(("run", "--no-slack"), {**os.environ, **host.environ}, host.folder)
    wait_for_line(process, "run.ready")
    (host.folder / "dirsync.db.sock").unlink()
    found = host("status", "--json")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert found.status == 8
    assert found.json["error"]["code"] == "control_unreachable"


NONSENSE = [
    b"",
    b"\x00",
    b"\xff\xff\xff\xff",
    struct.pack("!I", 3) + b"{}}",
    struct.pack("!I", 28) + b'{"type":"asked","version":1}',
    b"GET / HTTP/1.1\r\n\r\n",
]


def sent(host: Host, content: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(host.folder / "dirsync.db.sock"))
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(60)
        return connection.recv(1000)


def test_nonsense_on_the_socket_is_dropped_and_the_next_is_served(host: Host):
    old = b'{"type":"asked","version":0,"request":{"verb":"status"}}'
    with host.running("--no-slack") as process:
        assert [sent(host, content) for content in NONSENSE] == [b""] * len(NONSENSE)
        assert b"version_differs" in sent(host, struct.pack("!I", len(old)) + old)
        assert host("status").status == 0
        assert process.poll() is None


async def test_a_cycle_under_way_at_the_end_is_handed_over_and_ends_later(host: Host):
    """The provider answers slowly, so that the cycle cannot end within the time that is left."""
    gate = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await gate.wait()
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    host.more |= {"DIRSYNC_CREDENTIAL_SLOW": "t", "DIRSYNC_ALLOW_NETWORKS": "127.0.0.0/8"}
    (host.folder / "slow.yaml").write_text(
        "configurations:\n  - name: slow\n    provider: {type: scim, "
        f'url: "http://127.0.0.1:{port}", token: "env:DIRSYNC_CREDENTIAL_SLOW"}}\n'
    )
    cycle = await asyncio.to_thread(_interrupted_cycle, host)
    gate.set()
    server.close()
    assert cycle["state"] == "running"


def _interrupted_cycle(host: Host) -> dict[str, object]:
    assert host("config", "apply", str(host.folder / "slow.yaml")).status == 0
    with host.running("--no-slack") as process:
        host("sync", "slow", "--no-wait")
        wait_for_line(process, "cycle.claimed")
        process.send_signal(signal.SIGTERM)
        status, said, seconds = ended(process, 15)
    assert status == 0, said
    assert seconds < 15
    (found,) = host("history", "--json").json["cycles"]
    return found
