"""The README says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from bot.grammar import command_table
from core.settings import variables

README = Path(__file__).resolve().parents[2] / "README.md"
TEXT = README.read_text()


def test_two_commands_stand_within_the_first_25_lines():
    beginning = "\n".join(TEXT.splitlines()[:25])
    assert (
        "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/dirsync demo" in beginning
    )
    assert (
        "python3 -m venv .venv && .venv/bin/pip install -q '.[dev]' && .venv/bin/pytest"
        in beginning
    )


def test_the_table_of_commands_is_the_one_that_the_grammar_makes():
    found = re.search(r"<!-- commands -->\n(.*?)<!-- /commands -->", TEXT, re.DOTALL)
    assert found is not None
    assert found[1].strip() == command_table().strip()


def test_every_setting_is_explained_and_no_other():
    section = TEXT.split("## Settings")[1].split("\n## ")[0]
    named = set(re.findall(r"`((?:DIRSYNC|SLACK)_[A-Z_]+)`", section))
    assert named - {"DIRSYNC_CREDENTIAL_"} == set(variables())
