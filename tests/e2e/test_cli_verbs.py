"""Every verb of the command line, by itself and beside a live `dirsync run`."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from bot.cli.app import build
from tests.support.cli import Host
from tests.support.databases import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """Give a machine with a configuration and twelve people in its directory."""
    with fresh_database(request.param, tmp_path) as url:
        machine = Host(tmp_path, url)
        machine.prepare(people=12)
        assert machine("config", "apply", str(tmp_path / "people.yaml")).status == 0
        yield machine


@pytest.fixture(params=["by itself", "beside a live run"])
def door(request: pytest.FixtureRequest, host: Host) -> Iterator[Host]:
    """Give the machine as it is, and with `dirsync run --no-slack` on it."""
    if request.param == "by itself":
        yield host
        return
    with host.running("--no-slack"):
        yield host


def test_a_story_of_verbs_gives_the_same_answers(door: Host):
    first = door("sync", "people", "--json")
    assert first.status == 0, first.err
    assert first.json["cycle"]["counts"]["created"] == 12
    cycle = first.json["cycle"]["id"]

    assert door("status", "--json").json["people"]["invited"] == 12
    assert door("history", "--json").json["total"] == 1
    assert door("show", cycle[:6], "--json").json["cycle"]["id"] == cycle
    assert door("users", "--search", "Person 3", "--json").json["users"][0]["status"] == "invited"
    assert door("user", "p3@example.com", "--json").json["user"]["display_name"] == "Person 3"
    assert door("licenses", "--json").json["total"] == 20
    assert door("licenses", "set", "5", "--json").json["shortfall"] == 7
    assert door("show", cycle, "--csv", "log").out.count("\n") == 13

    door.write_people(4)
    preview = door("preview", "--json")
    assert preview.json["cycle"]["preview"] is True
    assert door("users", "--json").json["counts"]["invited"] == 12

    held = door("sync", "--json")
    assert held.status == 4, held.err
    (found,) = door("held", "--json").json["held"]
    assert found["size"] == 8
    assert len(door("held", found["id"], "--json").json["items"]) == 8
    assert door("show", found["cycle"], "--csv", "held").out.count("\n") == 9
    released = door("release", found["id"], "--digest", found["digest"], "--json")
    assert released.status == 0, released.err
    assert released.json["cycle"]["counts"]["disabled"] == 8
    assert door("release", found["id"], "--yes").status == 1
    assert door("held", "--json").json["held"] == []


def test_a_rejected_held_set_keeps_its_people(door: Host):
    door("sync")
    door.write_people(4)
    assert door("sync").status == 4
    (found,) = door("held", "--json").json["held"]
    assert door("reject", found["id"], "--yes", "--json").json["state"] == "rejected"
    assert door("users", "--json").json["counts"]["disabled"] == 0


def test_configurations_are_shown_tested_exported_and_applied_again(door: Host, tmp_path: Path):
    assert door("config", "list", "--json").json["configurations"][0]["name"] == "people"
    assert door("config", "show", "peo", "--json").json["spec"]["provider"]["type"] == "csv"
    assert door("config", "test", "--json").json["lines"]
    assert door("config", "export", str(tmp_path / "out.yaml")).status == 0
    again = door("config", "apply", str(tmp_path / "out.yaml"), "--json")
    assert again.json["configurations"] == {"people": "unchanged"}
    piped = door("config", "apply", "-", stdin=(tmp_path / "out.yaml").read_text())
    assert piped.out == "people: unchanged\n"


def test_the_doctor_finds_nothing_failed(door: Host):
    found = door("doctor", "--json")
    failed = [line for line in found.json["lines"] if line["status"] == "failed"]
    assert failed == []
    assert found.status == 0


def test_a_test_message_is_queued(door: Host):
    assert door("notify", "test", "C0123456789", "--json").status == 0


def test_a_wrong_file_is_told_by_line_and_changes_nothing(door: Host, tmp_path: Path):
    (tmp_path / "bad.yaml").write_text("configurations:\n  - nme: x\n    grace: soon\n")
    found = door("config", "apply", str(tmp_path / "bad.yaml"), "--json")
    assert found.status == 2
    assert "line 2: the configuration: nme is not a known key. Did you mean name?" in found.err
    assert "line 3: grace" in found.err
    assert found.json["error"]["line"] == 2


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("sync", "nobody"), 1, "no_such_configuration"),
        (("cancel",), 1, "nothing_running"),
        (("show", "c-zzzzzzzz"), 1, "cycle_not_found"),
        (("user", "nobody@example.com"), 1, "no_such_person"),
        (("users", "--status", "gone"), 2, "unknown_status"),
        (("history", "--status", "odd"), 2, "unknown_result"),
        (("history", "--since", "soon"), 2, "usage"),
        (("licenses", "put", "3"), 2, "usage"),
        (("held", "h-zzzzzzzz"), 1, "held_set_not_found"),
        (("release", "h-zzzzzzzz", "--digest", "x"), 1, "held_set_not_found"),
        (("config", "show", "x"), 1, "no_such_configuration"),
        (("config", "apply", "missing.yaml"), 2, "file_unreadable"),
    ],
)
def test_each_failure_has_its_status_and_one_document(host: Host, arguments, status, code):
    found = host(*arguments, "--json")
    assert (found.status, found.json["error"]["code"]) == (status, code)
    assert found.err.strip()


def test_failures_are_the_same_beside_a_live_run(host: Host):
    with host.running("--no-slack"):
        assert host("sync", "nobody", "--json").json["error"]["code"] == "no_such_configuration"
        assert host("users", "--status", "gone").status == 2
        (host.folder / "two.yaml").write_text(
            (host.folder / "people.yaml").read_text()
            + "  - name: other\n    provider: {type: csv, file: people.csv}\n"
        )
        assert host("config", "apply", str(host.folder / "two.yaml")).status == 0
        which = host("sync")
        assert which.status == 2
        assert "other, people" in which.err


def test_a_backup_is_whole_private_and_never_overwrites(tmp_path: Path):
    with fresh_database("sqlite", tmp_path) as url:
        host = Host(tmp_path, url)
        host.prepare(people=3)
        host("config", "apply", str(tmp_path / "people.yaml"))
        with host.running("--no-slack"):
            host("sync")
            target = tmp_path / "backup.db"
            assert host("db", "backup", str(target)).status == 0
            assert host("db", "backup", str(target)).status == 1
        assert stat.S_IMODE(target.stat().st_mode) & 0o077 == 0
        connection = sqlite3.connect(target)
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (3,)
        connection.close()


def test_a_backup_of_postgresql_points_to_its_own_tool(tmp_path: Path):
    with fresh_database("postgresql", tmp_path) as url:
        found = Host(tmp_path, url)("db", "backup", str(tmp_path / "b.db"))
        assert found.status == 1
        assert "pg_dump" in found.err


def test_every_verb_is_documented_and_has_json_where_it_reads():
    command = typer.main.get_command(build())
    silent = {"run", "demo", "manifest"}
    for name, verb in command.commands.items():
        for each in getattr(verb, "commands", {name: verb}).values():
            assert each.help, name
            flags = {option for parameter in each.params for option in parameter.opts}
            assert name in silent or "--json" in flags, f"{name} {each.name}"


def test_no_wait_prints_the_id_and_leaves_the_cycle_to_a_run(host: Host):
    queued = host("sync", "--no-wait")
    assert queued.status == 0
    cycle = queued.out.strip()
    again = host("sync", "--no-wait", "--json")
    assert (again.status, again.json["error"]["cycle"]) == (6, cycle)
    assert host("cancel", cycle, "--json").json["cycle"]["result"] == "cancelled"
