"""What import-linter cannot express about the Slack code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = sorted(
    [
        ROOT / "bot/grammar.py",
        *(ROOT / f"bot/slack/{name}.py" for name in ("blocks", "limits", "ids")),
        *ROOT.glob("bot/slack/views/*.py"),
    ]
)
SLACK = sorted(ROOT.glob("bot/slack/**/*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.name)
def test_views_blocks_and_grammar_use_models_of_the_sdk_only_and_do_no_io(path: Path):
    for name in imported(path):
        assert not name.startswith(("slack_bolt", "aiohttp", "asyncio", "socket")), name
        assert not name.startswith("slack_sdk") or name.startswith("slack_sdk.models"), name


@pytest.mark.parametrize("path", SLACK, ids=lambda path: path.name)
def test_nothing_of_slack_reads_the_environment(path: Path):
    assert "os" not in set(imported(path))
    assert "getenv" not in path.read_text()


@pytest.mark.parametrize("path", SLACK, ids=lambda path: path.name)
def test_no_listing_of_everybody_or_every_channel_and_no_history(path: Path):
    text = path.read_text()
    for method in ("users.list", "conversations.list", "conversations.history", "admin."):
        assert f'"{method}' not in text


def test_the_pure_modules_are_found():
    assert len(PURE) > 8
