"""Every verb of the command line, by itself and beside a live `dirsync run`."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from bot.cli.app import build
from tests.support.cli import FILE, Host
from tests.support.databases import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """Give a machine with a configuration and twelve people in its directory."""
    with fresh_database(request.param, tmp_path) as url:
        machine = Host(tmp_path, url)
        machine.prepare(people=12)
        assert machine("config", "apply", str(tmp_path / "people.yaml")).status == 0
        yield machine


def sync_look_hold_and_release(door: Host):
    first = door("sync", "people", "--json")
    assert first.status == 0, first.err
    assert first.json["cycle"]["counts"]["created"] == 12
    cycle = first.json["cycle"]["id"]

    assert door("status", "--json").json["people"]["invited"] == 12
    assert door("history", "--json").json["total"] == 1
    assert door("show", cycle[:6], "--json").json["cycle"]["id"] == cycle
    assert door("users", "--search", "Person 3", "--json").json["users"][0]["status"] == "invited"
    assert door("user", "p3@example.com", "--json").json["user"]["display_name"] == "Person 3"
    for listing in ("status", "users", "licenses"):
        assert f"dirsync show {cycle}" in door(listing).err
    assert "last login: none known" in door("user", "p3@example.com").out
    story = door("why", "p3@example.com", "--json").json
    assert story["standings"][0]["scope"] == "in scope: address in example.com"
    assert story["events"][0]["what"] == "create"
    assert cycle in door("why", "p3@example.com").out
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


def test_a_rejected_held_set_keeps_its_people(host: Host):
    host("sync")
    host.write_people(4)
    assert host("sync").status == 4
    (found,) = host("held", "--json").json["held"]
    reason = ("--reason", "They moved to\nanother directory")
    assert host("reject", found["id"], *reason, "--yes", "--json").json["state"] == "rejected"
    assert "Why: They moved to another directory" in host("held", found["id"]).out
    assert host("users", "--json").json["counts"]["disabled"] == 0


def activate_and_invite(door: Host):
    door("licenses", "set", "1")
    door("sync")
    invited = door("users", "--status", "invited", "--json").json["users"]
    staying = [each["email"] for each in invited[:2]]
    found = door("activate", *staying, "ghost@example.com", "--json")
    assert found.status == 1
    outcomes = [each["outcome"] for each in found.json["results"]]
    assert sorted(outcomes) == ["activated", "no_license", "unknown"]
    assert door("activate", "--waiting", "3", "--json").json["results"] == []
    assert door("activate").status == 2
    assert "invited already" in door("invite", staying[1]).out
    assert door("invite", staying[1], "--resend", "--json").status == 0
    assert door("licenses", "--json").json["used"] == 1
    active = door("users", "--status", "active", "--json").json["users"][0]["email"]
    assert door("free", active).status == 2
    freed = door("free", active, "--yes", "--json")
    assert (freed.status, freed.json["results"][0]["outcome"]) == (0, "freed")
    desk = door("licenses", "--json").json
    assert (desk["used"], desk["forecast"]["outlook"]) == (0, "too_early")
    assert "░░ 0 %" in door("licenses", "--unused", "7d").out
    assert door("licenses", "ask", "--json", "--yes").json["asked"] == 0
    assert door("licenses", "--trend").out.startswith("Licenses in use: 0 of 1. ")
    assert door("licenses", "--unused", "soon").status == 2


def see_mail_and_take_in_a_report(door: Host):
    assert "Nobody waits to be invited" in door("invite", "--all").out
    assert door("invite", "--all", "--json").json["queue"]["minutes"] == 0
    assert (door("invite").status, door("invite", "--all", "a@b.example").status) == (2, 2)
    assert door("invite", "--all", "--by", "pigeon").status == 2
    assert "Subject: Ada Lovelace, you are invited" in door("mail", "preview").out
    assert "a license has become free" in door("mail", "preview", "welcome", "--json").json["text"]
    assert door("mail", "bounce", "nowhere.eml").status == 2


def make_and_revoke_an_applications_token(door: Host):
    assert door("apps").out == "No application has a token.\n"
    made = door("apps", "create", "Portal", "--json")
    assert (made.status, made.json["name"]) == (0, "portal")
    assert made.json["token"].startswith("dsa_")
    assert door("apps", "create", "portal").status == 1
    second = door("apps", "create", "intranet")
    assert second.out.startswith("dsa_")
    assert "nothing can show it again" in second.err
    listed = door("apps", "--json")
    assert [each["name"] for each in listed.json["apps"]] == ["intranet", "portal"]
    assert made.json["token"] not in listed.out
    assert door("apps", "revoke", "portal").status == 0
    assert door("apps", "revoke", "portal").status == 1
    assert [door("apps", *wrong).status for wrong in (["create"], ["x", "y"], ["list", "y"])] == [
        2,
        2,
        2,
    ]


def bring_one_person_up_to_date(door: Host):
    one = door("sync", "--user", "p1@example.com", "--json")
    assert one.status == 0, one.err
    assert one.json["cycle"]["trigger"] == "on_demand"
    steps = one.json["person"]["steps"]
    assert steps[0]["step"] == "found"
    assert steps[-1]["step"] == "done"
    assert "Mapped to" in door("show", one.json["cycle"]["id"]).out
    ghost = door("sync", "--user", "ghost@example.com", "--json")
    assert (ghost.status, ghost.json["cycle"]["error"]["code"]) == (1, "person_not_found")
    assert door("sync", "--user", " ").status == 2
    assert door("status", "--json").json["configurations"][0]["last"] != ghost.json["cycle"]


def show_test_export_and_apply_again(door: Host):
    assert door("config", "list", "--json").json["configurations"][0]["name"] == "people"
    assert door("config", "show", "peo", "--json").json["spec"]["provider"]["type"] == "csv"
    assert door("config", "test", "--json").json["lines"]
    assert door("config", "export", str(door.folder / "out.yaml")).status == 0
    again = door("config", "apply", str(door.folder / "out.yaml"), "--json")
    assert again.json["configurations"] == {"people": "unchanged"}
    piped = door("config", "apply", "-", stdin=(door.folder / "out.yaml").read_text())
    assert piped.out == "people: unchanged\n"


def see_the_doctor(door: Host):
    found = door("doctor", "--json")
    failed = [line for line in found.json["lines"] if line["status"] == "failed"]
    assert failed == []
    assert found.status == 0


def queue_a_test_message(door: Host):
    assert door("notify", "test", "C0123456789", "--json").status == 0


def say_which_channel_is_told_of_what(door: Host):
    added = door("notify", "add", "C0123456780", "failures", "held", "--json")
    assert added.json["subscriptions"][0]["kinds"] == ["failures", "held"]
    assert added.json["unchecked"]
    assert "was not tried" in door("notify", "add", "C0123456780", "--configuration", "people").err
    shown = door("notify", "list").out
    assert "failures, held" in shown
    assert "everything" in shown
    assert door("notify", "mute", "licenses", "--for", "4h").status == 0
    [muted] = door("notify", "list", "--json").json["mutes"]
    assert (muted["kind"], muted["by"].partition(":")[0]) == ("licenses", "cli")
    assert door("notify", "mute", "--for", "4h", "--until", "18:00").status == 2
    assert door("notify", "unmute").status == 0
    assert door("notify", "unmute", "--json").json["error"]["code"] == "not_muted"
    assert door("notify", "remove", "C0123456780").status == 0
    left = door("notify", "remove", "C0123456780", "--configuration", "people", "--json")
    assert left.json["subscriptions"] == []


def give_and_take_roles(door: Host):
    granted = door("roles", "grant", "U0123ABCD", "operator", "--json")
    assert (granted.json["before"], granted.json["after"]) == ("none", "operator")
    assert "is operator already" in door("roles", "grant", "U0123ABCD", "operator").out
    door("roles", "grant", "S0123ABCD", "admin")
    (person, group) = door("roles", "--json").json["roles"]
    assert (person["id"], person["role"], person["source"]) == ("U0123ABCD", "operator", "grant")
    assert (group["kind"], group["id"], group["role"]) == ("group", "S0123ABCD", "admin")
    assert "not connected to Slack" in door("roles").err
    assert door("roles", "revoke", "U0123ABCD", "--json").json["after"] == "none"
    last = door("roles", "revoke", "S0123ABCD", "--json")
    assert (last.status, last.json["error"]["code"]) == (1, "last_admin")
    door("roles", "grant", "U0BOSSBOSS", "admin")
    assert door("roles", "revoke", "S0123ABCD").status == 0


def look_at_a_schedule_and_save_it(door: Host):
    asked = door("schedule", "people", "daily", "02:00", "Europe/Berlin")
    assert (asked.status, "Give --yes" in asked.err) == (2, True)
    assert asked.err.count("02:00 CE") == 3
    assert door("schedule", "--json").json["schedule"] == "off"
    saved = door("schedule", "people", "daily", "02:00", "Europe/Berlin", "--yes", "--json").json
    assert (saved["schedule"], saved["changed"]) == ("daily 02:00 Europe/Berlin", False)
    assert [start["local"][15:20] for start in saved["starts"]] == ["02:00"] * 3
    assert door("schedule", "cron", "5 */6 * * 1-5", "--yes").status == 0
    shown = door("schedule")
    assert 'cron "5 */6 * * 1-5" Europe/Berlin' in shown.out
    next_slot = door("status", "--json").json["configurations"][0]["next_slot"]
    assert next_slot == door("schedule", "--json").json["starts"][0]["at"]
    assert door("config", "show", "people", "--json").json["spec"]["schedule"] == {
        "cron": "5 */6 * * 1-5",
        "timezone": "Europe/Berlin",
    }
    assert door("schedule", "off", "--yes", "--json").json["starts"] == []


def freeze_by_typing(door: Host):
    words = ("freeze", "sat", "until", "mon", "removals", "Europe/Berlin")
    asked = door("schedule", "people", *words)
    assert (asked.status, "Give --yes" in asked.err) == (2, True)
    assert "Freeze 1: sat 00:00 until mon 00:00 removals Europe/Berlin (next Sat" in asked.err
    saved = door("schedule", *words, "--yes", "--json").json
    assert (saved["new_freezes"], saved["changed"]) == (True, False)
    [frozen] = saved["freezes"]
    assert (frozen["of"], frozen["begins"]["local"][:3]) == (["removals"], "Sat")
    assert "Freeze 1: sat" in door("schedule").out
    assert door("schedule", "freeze", "off", "2", "--yes").status == 2
    assert door("schedule", "freeze", "off", "1", "--yes").status == 0
    assert door("schedule", "--json").json["freezes"] == []


def fail_and_be_tried_again(door: Host):
    door("schedule", "people", "every", "1h", "--yes")
    (door.folder / "credentials" / "people.csv").unlink()
    assert door("sync").status == 1
    (line,) = door("status", "--json").json["configurations"]
    assert (line["quarantined"], line["failures"], line["stopped_reason"]) == (True, 1, None)
    assert line["failing_since"] < line["next_slot"]
    assert "Quarantine, next try at" in door("status").out
    door.write_people(12)
    assert door("sync").status == 0
    assert "Quarantine" not in door("status").out
    door("schedule", "off", "--yes")


def freeze_removals(door: Host):
    plain = (door.folder / "people.yaml").read_text()
    window = "    freeze: [{from: 2000-01-01, until: 2099-01-01, of: removals}]\n"
    (door.folder / "frozen.yaml").write_text(plain + window)
    door("config", "apply", str(door.folder / "people.yaml"))
    door("sync")
    door("config", "apply", str(door.folder / "frozen.yaml"))
    assert "2099-01-01" in door("config", "export").out
    door.write_people(11)
    notices = door("status", "--json").json["notices"]
    assert "people: removals are frozen until 2099-01-01 00:00 UTC." in notices
    preview = door("preview", "--json").json
    assert [item["reason"][:7] for item in preview["plan"]] == ["not now"]
    cycle = door("sync", "--json").json["cycle"]
    assert (cycle["result"], cycle["counts"]["postponed"]) == ("success", 1)
    assert cycle["postponed"]["removals_until"] == "2099-01-01T00:00:00Z"
    assert "1 removal waits: not now, removals are frozen until 2099-01-01" in door("sync").out
    door.write_people(12)
    door("config", "apply", str(door.folder / "people.yaml"))


def apply_a_wrong_file(door: Host):
    (door.folder / "bad.yaml").write_text("configurations:\n  - nme: x\n    grace: soon\n")
    found = door("config", "apply", str(door.folder / "bad.yaml"), "--json")
    assert found.status == 2
    assert "line 2: the configuration: nme is not a known key. Did you mean name?" in found.err
    assert "line 3: grace" in found.err
    assert found.json["error"]["line"] == 2


def decide_about_people_who_are_claimed_twice(door: Host):
    assert door("conflicts").out == "Nobody is claimed.\n"
    file = door.folder / "twice.yaml"
    file.write_text(FILE.replace("name: people", "name: twice"))
    assert door("config", "apply", str(file)).status == 0
    assert door("sync", "twice").status == 3
    listed = door("conflicts", "--of", "twice", "--json").json
    first, other, *_ = (each["who"] for each in listed["conflicts"])
    assert first in door("conflicts").out
    assert f"{listed['total']} people are claimed by two" in door("status").out
    assert door("conflicts", "move", first).status == 2
    moved = door("conflicts", "move", first, "--yes", "--reason", "a new job")
    assert moved.out == f"{first} belongs to twice now; its next sync updates them.\n"
    assert door("user", first, "--json").json["user"]["configuration"] == "twice"
    assert "people to twice: a new job" in door("why", first).out
    assert "stays with people" in door("conflicts", "keep", other, "--yes").out
    assert door("conflicts", "keep", other, "--yes").status == 1
    assert door("conflicts", "keep", "ghost@example.com", "--yes").status == 1
    shown = door("conflicts", "priority", "--json").json
    assert (shown["keep"], shown["move"]) == (listed["total"] - 2, 0)
    assert door("conflicts", "priority", "--digest", "0").status == 1
    done = door("conflicts", "priority", "--digest", shown["digest"])
    assert done.out.startswith("0 people moved")
    assert door("conflicts", "--json").json["total"] == 0
    assert door("conflicts", "--kept", "--json").json["total"] == listed["total"]
    assert door("conflicts", "decide").status == 2
    assert door("sync", "twice").status == 0
    assert door("sync", "people").status == 0
    ended = door("config", "delete", "twice", "--confirm", "twice", "--reason", "no more")
    assert ended.status == 0
    assert door("sync", "people").status == 0
    assert door("user", first, "--json").json["user"]["configuration"] == "people"


def be_asked_which_one_is_meant(door: Host):
    second = "  - name: other\n    provider: {type: csv, file: people.csv}\n"
    (door.folder / "two.yaml").write_text((door.folder / "people.yaml").read_text() + second)
    assert door("config", "apply", str(door.folder / "two.yaml")).status == 0
    which = door("sync")
    assert which.status == 2
    assert "other, people" in which.err
    assert door("sync", "nobody", "--json").json["error"]["code"] == "no_such_configuration"


def rotate_the_secrets(door: Host):
    rotated = door("secrets", "rotate", "--json")
    expected = 0 if door.database_url.startswith("sqlite") else 2
    assert rotated.status == expected, rotated.err
    if expected:
        assert rotated.json["error"]["code"] == "secret_key_missing"


def end_a_configuration_and_bring_one_back(door: Host):
    disabled = door("config", "disable", "people", "--yes", "--reason", "audit", "--json")
    assert disabled.json["enabled"] is False, disabled.err
    assert door("sync", "people", "--json").json["error"]["code"] == "configuration_disabled"
    again = door("config", "disable", "people", "--yes", "--json")
    assert again.json["error"]["code"] == "already_disabled"
    assert door("config", "enable", "people", "--json").json["enabled"] is True
    assert "Nobody is there" in door("config", "delete", "other").err
    wrong = door("config", "delete", "other", "--confirm", "othr", "--reason", "old", "--json")
    assert wrong.json["error"]["code"] == "name_differs"
    gone = door("config", "delete", "other", "--confirm", "other", "--reason", "old", "--json")
    assert gone.json["configuration"] == "other", gone.err
    assert [each["name"] for each in door("config", "list", "--json").json["configurations"]] == [
        "people"
    ]


def list_export_and_verify_the_audit(door: Host):
    door("licenses", "set", "33")
    door("licenses", "set", "34")
    listed = door("audit", "--limit", "2", "--json").json
    first, second = listed["entries"]
    assert (first["action"], first["before"], first["after"]) == (
        "licenses.set", {"total": 33}, {"total": 34}
    )  # fmt: skip
    assert first["door"] == "cli"
    assert first["who"].startswith("cli:")
    assert first["previous"] == second["hash"]
    assert "total: 33 → 34" in door("audit").out
    head = door("audit", "verify", "--json").json
    assert (head["whole"], head["entries"], head["head"]) == (True, listed["total"], first["hash"])
    lines = door.folder / "audit.jsonl"
    assert door("audit", "--jsonl", str(lines)).status == 0
    assert [json.loads(line)["hash"] for line in lines.read_text().splitlines()][-1] == first[
        "hash"
    ]
    assert door("audit", "--jsonl", str(lines)).status == 2
    cells = door("audit", "--since", "1d", "--csv", "-")
    assert cells.out.startswith("\ufeffnumber,at,who,door,action")
    assert cells.out.count("\n") == listed["total"] + 2
    assert door("audit", "verify", "--head", head["head"][:20]).status == 0
    assert door("audit", "verify", "--head", "0" * 64).status == 1
    lines.unlink()


SCENES = (
    sync_look_hold_and_release,
    bring_one_person_up_to_date,
    show_test_export_and_apply_again,
    see_the_doctor,
    queue_a_test_message,
    say_which_channel_is_told_of_what,
    give_and_take_roles,
    look_at_a_schedule_and_save_it,
    freeze_by_typing,
    fail_and_be_tried_again,
    freeze_removals,
    apply_a_wrong_file,
    activate_and_invite,
    see_mail_and_take_in_a_report,
    make_and_revoke_an_applications_token,
    decide_about_people_who_are_claimed_twice,
    be_asked_which_one_is_meant,
    rotate_the_secrets,
    end_a_configuration_and_bring_one_back,
    list_export_and_verify_the_audit,
)


def test_every_verb_works_by_itself(host: Host):
    for scene in SCENES:
        scene(host)


def test_every_verb_works_beside_a_live_run(host: Host):
    with host.running("--no-slack"):
        for scene in SCENES:
            scene(host)


FAILURES = [
    (("sync", "nobody"), 1, "no_such_configuration"),
    (("cancel",), 1, "nothing_running"),
    (("show", "c-zzzzzzzz"), 1, "cycle_not_found"),
    (("user", "nobody@example.com"), 1, "no_such_person"),
    (("why", "nobody@example.com"), 1, "no_such_person"),
    (("users", "--status", "gone"), 2, "unknown_status"),
    (("history", "--status", "odd"), 2, "unknown_result"),
    (("history", "--since", "soon"), 2, "usage"),
    (("licenses", "put", "3"), 2, "usage"),
    (("licenses", "keep", "3"), 2, "usage"),
    (("licenses", "keep", "3", "--group", "Board", "--yes"), 1, "group_not_found"),
    (("licenses", "release", "3", "--group", "Board"), 2, "usage"),
    (("roles", "grant", "U0123ABCD"), 2, "usage"),
    (("roles", "grant", "U0123ABCD", "owner"), 2, "usage"),
    (("roles", "grant", "@ada", "viewer"), 2, "usage"),
    (("roles", "grant", "ada@example.com", "viewer"), 2, "usage"),
    (("roles", "revoke", "U0123ABCD"), 1, "not_granted"),
    (("roles", "lend", "U0123ABCD", "viewer"), 2, "usage"),
    (("held", "h-zzzzzzzz"), 1, "held_set_not_found"),
    (("release", "h-zzzzzzzz", "--digest", "x"), 1, "held_set_not_found"),
    (("schedule", "people", "daily", "25:00"), 2, "usage"),
    (("schedule", "people", "daily", "02:00", "Europe/Berlim"), 2, "usage"),
    (("schedule", "nobody", "off"), 1, "no_such_configuration"),
    (("config", "show", "x"), 1, "no_such_configuration"),
    (("audit", "check"), 2, "usage"),
    (("audit", "--since", "soon"), 2, "usage"),
    (("audit", "--head", "0" * 64), 2, "usage"),
    (("audit", "verify", "--head", "me"), 2, "usage"),
    (("audit", "verify", "--csv", "x"), 2, "usage"),
    (("config", "apply", "missing.yaml"), 2, "file_unreadable"),
]


def test_each_failure_has_its_status_and_one_document(host: Host):
    for arguments, status, code in FAILURES:
        found = host(*arguments, "--json")
        assert (arguments, found.status, found.json["error"]["code"]) == (arguments, status, code)
        assert found.err.strip()


def test_an_audit_that_somebody_touched_is_told_with_the_entry_and_status_1(tmp_path: Path):
    with fresh_database("sqlite", tmp_path) as url:
        host = Host(tmp_path, url)
        for total in ("1", "2", "3", "4"):
            host("licenses", "set", total)
        with sqlite3.connect(tmp_path / "dirsync.db") as connection:
            connection.execute("UPDATE audit SET actor = 'cli:mallory' WHERE seq = 2")
            connection.execute("DELETE FROM audit WHERE seq = 3")
        connection.close()
        found = host("audit", "verify")
        assert found.status == 1
        assert found.out.splitlines()[1:] == ["  entry 2 was changed", "  entry 3 is missing"]
        document = host("audit", "verify", "--json")
        assert (document.status, document.json["whole"]) == (1, False)
        assert [each["kind"] for each in document.json["faults"]] == ["changed", "missing"]


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
    silent = {"run", "demo", "manifest", "help", "example"}
    for name, verb in command.commands.items():
        for each in getattr(verb, "commands", {name: verb}).values():
            assert each.help, name
            assert not each.get_short_help_str(63).endswith("..."), "cut off in the list"
            flags = {option for parameter in each.params for option in parameter.opts}
            assert silent & {name, each.name} or "--json" in flags, f"{name} {each.name}"


def test_help_explains_a_verb_and_refuses_what_is_none(tmp_path: Path):
    host = Host(tmp_path, f"sqlite:///{tmp_path}/none.db")
    assert host("help", "config", "apply").out == host("config", "apply", "--help").out
    assert host("help").out == host("--help").out
    refused = host("help", "config", "fly")
    assert (refused.status, refused.out) == (2, "")
    assert "There is no verb config fly." in refused.err


def test_a_file_to_start_from_is_printed_and_can_be_applied(tmp_path: Path):
    host = Host(tmp_path, f"sqlite:///{tmp_path}/dirsync.db")
    assert "okta-key" in host("config", "example").out
    (tmp_path / "okta.yaml").write_text(host("config", "example", "okta").out, encoding="utf-8")
    assert host("config", "apply", str(tmp_path / "okta.yaml")).out == "people: created\n"
    assert host("config", "example", "fax").status == 2


def test_the_version_is_printed_without_a_verb(tmp_path: Path):
    found = Host(tmp_path, f"sqlite:///{tmp_path}/none.db")("--version")
    assert (found.status, found.err) == (0, "")
    assert found.out.strip()


def test_no_wait_prints_the_id_and_leaves_the_cycle_to_a_run(host: Host):
    queued = host("sync", "--no-wait")
    assert queued.status == 0
    cycle = queued.out.strip()
    again = host("sync", "--no-wait", "--json")
    assert (again.status, again.json["error"]["cycle"]) == (6, cycle)
    assert host("cancel", cycle, "--json").json["cycle"]["result"] == "cancelled"
