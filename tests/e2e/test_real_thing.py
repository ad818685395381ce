"""The product as it is really run: a SCIM server that we did not write, Slack over signed HTTP.

`scim2-server` holds 1,000 people and 50 groups; `dirsync run` is a process of its own in HTTP
mode; the demo workspace signs its requests as Slack does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest

from bot.demo.server import DemoOptions, serve
from bot.demo.visitor import visit
from tests.support.cli import Host, spawn, wait_for_line
from tests.support.scim_backend import TOKEN, running_scim

PEOPLE = 1_000
GROUPS = 50
CHANNEL = "C0DIRECTRY"


@pytest.fixture(scope="module")
def directory():
    with running_scim() as backend:
        ids = backend.add_people(PEOPLE)
        share = PEOPLE // GROUPS
        for n in range(GROUPS):
            backend.add_group(f"Team {n}", users=ids[n * share : (n + 1) * share])
        yield backend


@pytest.fixture
def host(tmp_path, directory):
    (tmp_path / "credentials").mkdir(mode=0o700)
    (tmp_path / "dirsync.yaml").write_text(
        "licenses: {total: 100}\n"
        "configurations:\n"
        "  - name: people\n"
        f'    provider: {{type: scim, url: "{directory.url}",\n'
        '               token: "env:DIRSYNC_CREDENTIAL_IDP"}\n'
        "    mapping: {department: enterprise.department, title: title}\n"
        f"    channel: {CHANNEL}\n"
    )
    database = f"sqlite:///{tmp_path / 'dirsync.db'}"
    return Host(
        tmp_path,
        database,
        {"DIRSYNC_CREDENTIAL_IDP": TOKEN, "DIRSYNC_ALLOW_NETWORKS": "127.0.0.0/8"},
    )


def test_the_command_line_brings_in_a_thousand_people_and_then_nothing(host):
    assert host("config", "apply", str(host.folder / "dirsync.yaml")).status == 0
    first = host("sync", "people", "--json")
    assert first.status == 0, first.err
    assert first.json["cycle"]["counts"]["created"] == PEOPLE
    assert first.json["cycle"]["counts"]["groups_created"] == GROUPS
    second = host("sync", "people", "--json")
    assert second.json["cycle"]["result"] == "success"
    assert second.json["cycle"]["counts"]["unchanged"] == PEOPLE
    assert second.json["cycle"]["counts"]["created"] == 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


async def test_slack_over_signed_http_brings_in_a_thousand_people(host):
    applied = await asyncio.to_thread(host, "config", "apply", str(host.folder / "dirsync.yaml"))
    assert applied.status == 0, applied.err
    port = free_port()
    command = {"command": "/dirsync", "description": "", "usage_hint": "", "completions": []}
    async with serve(DemoOptions(commands=[command])) as slack:
        environ = {
            **os.environ,
            **host.environ,
            "DIRSYNC_HTTP_BIND": f"127.0.0.1:{port}",
            "SLACK_API_URL": slack.slack_api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
        }
        process = spawn(("run",), environ, host.folder)
        try:
            await asyncio.to_thread(wait_for_line, process, "run.ready")
            await slack.use_request_url(f"http://127.0.0.1:{port}/slack/events")
            async with visit(slack.url, user="marlene") as admin:
                await admin.say("/dirsync sync", channel="it-directory")
                card = await admin.message("Success", channel="it-directory", patience=60)
                assert "1000" in card.text.replace(",", "")
        finally:
            process.send_signal(signal.SIGTERM)
            _, told = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0, told[-2000:]
    invited = await asyncio.to_thread(host, "users", "--status", "invited", "--json")
    assert invited.json["total"] == PEOPLE
