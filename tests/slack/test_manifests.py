"""The manifests ask for what the app uses, no more and no less."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from bot.slack.limits import LIMITS
from bot.slack.listeners.registry import COMMANDS, EVENTS, SHORTCUTS

ROOT = Path(__file__).resolve().parents[2]
SOCKET, HTTP = "slack-app.yaml", "slack-app.http.yaml"
NEEDED = {
    "commands": "/dirsync",
    "chat:write": "chat.postMessage, chat.update, chat.postEphemeral",
    "chat:write.public": "cards in channels that the app was not invited to",
    "im:write": "conversations.open",
    "users:read": "users.info",
    "users:read.email": "/dirsync user @somebody, users.lookupByEmail",
    "usergroups:read": "usergroups.users.list",
    "files:write": "files.getUploadURLExternal",
}
TEXT = {"type": "string", "minLength": 1}
HTTPS = {"type": "string", "pattern": "^https://"}


def closed(required, **optional):
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


SCHEMA = closed(
    {
        "_metadata": closed({"major_version": {"const": 1}, "minor_version": {"const": 1}}),
        "display_information": closed(
            {
                "name": {"type": "string", "minLength": 1, "maxLength": 35},
                "description": {"type": "string", "minLength": 1, "maxLength": 140},
                "long_description": {"type": "string", "minLength": 175, "maxLength": 4000},
                "background_color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
            }
        ),
        "features": closed(
            {
                "app_home": closed(
                    {
                        "home_tab_enabled": {"const": True},
                        "messages_tab_enabled": {"type": "boolean"},
                        "messages_tab_read_only_enabled": {"type": "boolean"},
                    }
                ),
                "bot_user": closed(
                    {
                        "display_name": {"type": "string", "maxLength": 80},
                        "always_online": {"type": "boolean"},
                    }
                ),
                "slash_commands": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 50,
                    "items": closed(
                        {
                            "command": {"type": "string", "maxLength": LIMITS["command.name"]},
                            "description": {
                                "type": "string",
                                "maxLength": LIMITS["command.description"],
                            },
                            "usage_hint": {
                                "type": "string",
                                "maxLength": LIMITS["command.usage_hint"],
                            },
                            "should_escape": {"const": True},
                        },
                        url=HTTPS,
                    ),
                },
            }
        ),
        "oauth_config": closed(
            {"scopes": closed({"bot": {"type": "array", "items": TEXT, "uniqueItems": True}})}
        ),
        "settings": closed(
            {
                "event_subscriptions": closed(
                    {"bot_events": {"type": "array", "items": TEXT, "maxItems": 100}},
                    request_url=HTTPS,
                ),
                "interactivity": closed({"is_enabled": {"const": True}}, request_url=HTTPS),
                "org_deploy_enabled": {"type": "boolean"},
                "socket_mode_enabled": {"type": "boolean"},
                "token_rotation_enabled": {"const": False},
            }
        ),
    }
)
"""What of Slack's manifest (version 1) is used here, closed against misspelt keys."""


def manifest(name):
    return YAML(typ="safe").load((ROOT / "manifests" / name).read_text())


@pytest.mark.parametrize("name", [SOCKET, HTTP])
def test_each_manifest_is_what_slack_accepts(name):
    jsonschema.validate(manifest(name), SCHEMA)


@pytest.mark.parametrize("name", [SOCKET, HTTP])
def test_the_scopes_are_exactly_those_that_something_needs(name):
    assert set(manifest(name)["oauth_config"]["scopes"]["bot"]) == set(NEEDED)


@pytest.mark.parametrize("name", [SOCKET, HTTP])
def test_commands_events_and_shortcuts_are_those_that_the_app_listens_to(name):
    made = manifest(name)
    assert [each["command"] for each in made["features"]["slash_commands"]] == list(COMMANDS)
    assert made["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert made["features"].get("shortcuts", []) == list(SHORTCUTS)


def test_the_two_differ_in_how_slack_reaches_the_app_only():
    socket, http = manifest(SOCKET), manifest(HTTP)
    urls = [
        http["features"]["slash_commands"][0].pop("url"),
        http["settings"]["event_subscriptions"].pop("request_url"),
        http["settings"]["interactivity"].pop("request_url"),
    ]
    assert len(set(urls)) == 1
    assert urls[0].endswith("/slack/events")
    assert socket["settings"].pop("socket_mode_enabled") is True
    assert http["settings"].pop("socket_mode_enabled") is False
    assert socket == http
