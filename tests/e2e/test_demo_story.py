"""`dirsync demo --play`: the story that tells itself, and how it breaks off."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.play import CHAPTERS, play
from bot.demo.stage import Figures
from tests.support.databases import fresh_database
from tests.support.demo_command import free_port, run_demo, running_demo
from tests.support.figures import FULL
from tests.support.trap import poisoned, set_trap


@pytest.fixture
def empty_postgresql(tmp_path) -> Iterator[str]:
    """A database on a real server, without a single table."""

    with fresh_database("postgresql", tmp_path, migrated=False) as url:
        yield url


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


def expect_the_whole_story(played, folder: Path) -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    titles = [line for line in played.stdout.splitlines() if line.startswith("── ")]
    assert len(titles) == len(CHAPTERS)
    assert "Traceback" not in played.stdout + played.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.timeout(240)
def test_the_story_happens_on_postgresql_whatever_the_environment_says(tmp_path, empty_postgresql):
    """The wheel's test plays it on SQLite."""
    with set_trap() as trap:
        environ = poisoned(trap, tmp_path)
        played = run_demo("--play", "--database", empty_postgresql, cwd=tmp_path, environ=environ)
        expect_the_whole_story(played, tmp_path)
        assert trap.calls == 0


@pytest.mark.timeout(240)
@pytest.mark.skipif(not FULL, reason="the story is played on PostgreSQL; here again at full scale")
def test_the_story_happens_on_sqlite_whatever_the_environment_says(tmp_path):
    with set_trap() as trap:
        played = run_demo("--play", cwd=tmp_path, environ=poisoned(trap, tmp_path))
        expect_the_whole_story(played, tmp_path)
        assert trap.calls == 0


def test_a_story_in_which_something_did_not_happen_ends_with_an_error(tmp_path):
    """Somebody presses a button on the provider's page while the story is being told."""
    port = free_port()
    with running_demo("--play", "--patience", "3", "--port", str(port), cwd=tmp_path) as demo:
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


def test_the_story_that_is_interrupted_ends_without_a_traceback(tmp_path):
    with running_demo("--play", cwd=tmp_path) as demo:
        status = demo.end()
    assert status == 130
    assert "Traceback" not in demo.output
