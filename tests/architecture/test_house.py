"""The rules of the house that a linter cannot express."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("core/**/*.py")])
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "bot",
    "core",
    "manifests",
    "tests",
}
BROAD = {"Exception", "BaseException"}
MAY_CATCH_ALL = {
    "core/scheduling/worker.py",
    "core/scheduling/outbox.py",
    "bot/slack/supervisor.py",
    "bot/slack/middleware.py",
}
MAX_LINES = 600


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def broad_handlers(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        named = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if any(n is None or (isinstance(n, ast.Name) and n.id in BROAD) for n in named):
            yield node.lineno


def test_the_sources_are_found():
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_broad_except_stands_only_where_a_loop_must_survive(path: Path):
    lines = list(broad_handlers(ast.parse(path.read_text())))
    if relative(path) not in MAY_CATCH_ALL:
        assert lines == []


def test_at_most_three_places_catch_everything():
    places = [
        relative(path) for path in SOURCES if list(broad_handlers(ast.parse(path.read_text())))
    ]
    assert len(places) <= 3, places


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_file_has_one_reason_to_change_and_fits_it(path: Path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_module_says_what_it_is_for(path: Path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_top_level_holds_what_the_layout_names_and_nothing_else():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    names = {line.split("/", 1)[0] for line in listed.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL
