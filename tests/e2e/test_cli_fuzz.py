"""Any list of arguments: an answer and a documented exit status, never a traceback."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
import typer

from bot.cli.app import build
from tests.support.cli import Here, Host
from tests.support.databases import fresh_database
from tests.support.figures import FULL, SEED, figure

LINES = figure("fuzzed argument lists")
COUNT = 2000 if FULL else 80
DOCUMENTED = set(range(9))
SERVING = {"run", "demo"}
"""They would serve until a signal comes, so that they are asked for their help only."""

ONCE_WRONG = [["show", "\udcff"], ["db", "backup", "x" * 5000]]
JUNK = [
    "",
    " ",
    "-",
    "--",
    "---",
    "-x",
    "--no-such",
    "--json=1",
    "--limit",
    "--limit=-1",
    "--limit=999999999999999999999",
    "--offset=1e9",
    "--since=7d",
    "--since=99999w",
    "--since=yesterday",
    "--status=success",
    "--csv=log",
    "--csv=nothing",
    "\x00",
    "\ud800",
    "\u202ereversed",
    "naïve ✅ 名前",
    "x" * 5000,
    "'; DROP TABLE users; --",
    "%s%n{0}{x}",
    "../../etc/passwd",
    "/dev/null",
    "/nonexistent/folder/file",
    "-1",
    "0",
    "99999999999999999999",
    "NaN",
    "c-00000000",
    "c-",
    "h-00000000",
    "p1@example.com",
    "people",
    "People",
    "set",
    "list",
    "people.yaml",
    "--json",
    "--help",
    "--version",
]


def words_of(app: typer.Typer) -> list[list[str]]:
    """Return every verb, as the words that call it."""
    verbs = []
    for command in app.registered_commands:
        assert command.callback is not None
        verbs.append([command.name or command.callback.__name__.replace("_", "-")])
    for group in app.registered_groups:
        assert group.typer_instance is not None
        verbs += [[group.name or "", *verb] for verb in words_of(group.typer_instance)]
    return verbs


def line(dice: random.Random, verbs: list[list[str]]) -> list[str]:
    junk = dice.choices(JUNK, k=dice.choice([0, 1, 1, 2, 2, 3, 6]))
    if dice.random() < 0.1:
        return junk
    verb = dice.choice(verbs)
    if verb[0] in SERVING:
        return [*verb, *junk, "--help"] if "--" not in junk else [*verb, "--help"]
    arguments = [*verb, *junk]
    if dice.random() < 0.1:
        dice.shuffle(arguments)
    return arguments if arguments[0] not in SERVING else [*arguments, "--help"]


def test_any_arguments_get_an_answer_and_a_documented_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dice = random.Random(SEED)
    met: Counter[int] = Counter()
    with fresh_database("sqlite", tmp_path) as url:
        host = Host(tmp_path, url)
        host.prepare()
        assert host("config", "apply", "people.yaml").status == 0
        assert host("sync").status == 0
        verbs = words_of(build())
        for arguments in [*ONCE_WRONG, *(line(dice, verbs) for _ in range(COUNT))]:
            with LINES.trying():
                met[expect_answer(host, arguments)] += 1
        assert host("status").status == 0
    LINES.more = ", ".join(f"{count} ended with {status}" for status, count in sorted(met.items()))
    assert {0, 1, 2} <= met.keys()


def expect_answer(host: Host, arguments: list[str]) -> int:
    result = Here().invoke(build(), arguments, env=host.environ)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{arguments} raised") from result.exception
    assert result.exit_code in DOCUMENTED, arguments
    assert "Traceback" not in result.output, arguments
    assert result.exit_code == 0 or result.output.strip(), f"{arguments} failed in silence"
    return result.exit_code
