"""What `dirsync doctor` says of the scopes that the app was given."""

from __future__ import annotations

import pytest
from app_world import settings_for

from bot.cli.slack_check import OPTIONAL, REQUIRED, slack_lines
from bot.demo.server import DemoOptions, serve
from bot.demo.team import DEFAULT_SCOPES
from core.model.directory import CheckStatus


async def scope_lines(tmp_path, scopes):
    async with serve(DemoOptions(scopes=scopes)) as demo:
        lines = await slack_lines(settings_for(demo, tmp_path, mode="socket"))
    assert all(line.status is CheckStatus.OK for line in lines if line.name != "Slack scopes")
    return [line for line in lines if line.name == "Slack scopes"]


async def test_all_scopes_are_one_line(tmp_path):
    [line] = await scope_lines(tmp_path, DEFAULT_SCOPES)
    assert line.status is CheckStatus.OK


@pytest.mark.parametrize("scope", OPTIONAL)
async def test_a_missing_optional_scope_is_a_warning_that_says_what_goes_without(tmp_path, scope):
    [line] = await scope_lines(tmp_path, DEFAULT_SCOPES - {scope})
    assert line.status is CheckStatus.WARNING
    assert line.detail == f"without {scope}, {OPTIONAL[scope]}"
    assert "install the app again" in line.hint


async def test_missing_scopes_that_everything_needs_are_a_failure(tmp_path):
    [line] = await scope_lines(tmp_path, DEFAULT_SCOPES - {"im:write", "users:read.email"})
    assert line.status is CheckStatus.FAILED
    assert line.detail == "the bot token lacks im:write, users:read.email"


def test_every_scope_of_the_app_is_required_or_optional():
    assert {*REQUIRED, *OPTIONAL} == DEFAULT_SCOPES
