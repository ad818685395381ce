"""The environment becomes settings once, and a wrong value is named without being repeated."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.settings import Settings, variables

SECRET = "hunter2-hunter2-hunter2"


def test_an_empty_environment_gives_the_documented_defaults():
    settings = Settings.from_environment({})
    assert settings.database_url == "sqlite:///dirsync.db"
    assert settings.database_path == Path("dirsync.db").absolute()
    assert settings.bind_address == ("127.0.0.1", 8080)
    assert settings.retention_days == 400
    assert settings.lease_seconds == 60
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.slack_mode is None


def test_each_variable_of_the_design_is_read():
    settings = Settings.from_environment(
        {
            "DIRSYNC_DATABASE_URL": "postgresql://u:p@db/dirsync?sslmode=require",
            "DIRSYNC_SECRET_KEY": SECRET,
            "DIRSYNC_PUBLIC_URL": "https://sync.example",
            "DIRSYNC_HTTP_BIND": "[::1]:9000",
            "DIRSYNC_SMTP_URL": "smtp://u:p@mail.example:587",
            "DIRSYNC_MAIL_FROM": "IT <it@example.com>",
            "DIRSYNC_CHANNEL": "C0123456789",
            "DIRSYNC_ADMINS": "U0AAAAAAA, U0BBBBBBB",
            "DIRSYNC_VIEWERS": "U0CCCCCCC",
            "DIRSYNC_CREDENTIALS_DIR": "/etc/dirsync",
            "DIRSYNC_RETENTION_DAYS": "30",
            "DIRSYNC_LEASE_SECONDS": "2.5",
            "DIRSYNC_ALLOW_NETWORKS": "10.0.0.0/8 192.168.1.7",
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_APP_TOKEN": "xapp-1",
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": "http://127.0.0.1:9/api",
        }
    )
    assert settings.database_path is None
    assert settings.bind_address == ("::1", 9000)
    assert settings.admins == ("U0AAAAAAA", "U0BBBBBBB")
    assert settings.allow_networks == (ip_network("10.0.0.0/8"), ip_network("192.168.1.7/32"))
    assert settings.slack_mode == "socket"
    assert settings.slack_api_url == "http://127.0.0.1:9/api/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DIRSYNC_DATABASE_URL", f"mysql://root:{SECRET}@db/x"),
        ("DIRSYNC_DATABASE_URL", "sqlite://"),
        ("DIRSYNC_SECRET_KEY", "hunter2"),
        ("DIRSYNC_PUBLIC_URL", "http://sync.example"),
        ("DIRSYNC_PUBLIC_URL", f"https://user:{SECRET}@sync.example"),
        ("DIRSYNC_HTTP_BIND", "8080"),
        ("DIRSYNC_HTTP_BIND", "127.0.0.1:99999"),
        ("DIRSYNC_SMTP_URL", f"http://{SECRET}"),
        ("DIRSYNC_SMTP_URL", f"smtp://u:{SECRET}@mail.example?starttls=never"),
        ("DIRSYNC_MAIL_FROM", "IT <it@example.com>\r\nBcc: x@example.com"),
        ("DIRSYNC_CHANNEL", "#general"),
        ("DIRSYNC_ADMINS", "ada@example.com"),
        ("DIRSYNC_VIEWERS", "@ada"),
        ("DIRSYNC_RETENTION_DAYS", "0"),
        ("DIRSYNC_LEASE_SECONDS", "soon"),
        ("DIRSYNC_ALLOW_NETWORKS", "everywhere"),
        ("SLACK_BOT_TOKEN", SECRET),
        ("SLACK_APP_TOKEN", f"xoxb-{SECRET}"),
        ("SLACK_SIGNING_SECRET", "short"),
        ("SLACK_API_URL", "http://slack.example/api/"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_is_expected_but_not_itself(name, value):
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({name: value})
    text = str(caught.value)
    assert name in text
    assert variables()[name] in text
    assert text.startswith(f"{name} is not valid: expected {variables()[name]}.")
    assert "hunter2" not in text


def test_all_wrong_values_are_told_at_once():
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({"DIRSYNC_RETENTION_DAYS": "x", "DIRSYNC_CHANNEL": "y"})
    assert "DIRSYNC_RETENTION_DAYS" in str(caught.value)
    assert "DIRSYNC_CHANNEL" in str(caught.value)


def test_secrets_do_not_show_in_the_settings_text():
    settings = Settings.from_environment(
        {
            "DIRSYNC_DATABASE_URL": f"postgresql://u:{SECRET}@db/x",
            "DIRSYNC_SECRET_KEY": SECRET,
            "DIRSYNC_SMTP_URL": f"smtps://u:{SECRET}@mail.example",
            "SLACK_BOT_TOKEN": f"xoxb-{SECRET}",
            "DIRSYNC_CREDENTIAL_X": SECRET,
        }
    )
    assert SECRET not in repr(settings)
    assert settings.credentials["DIRSYNC_CREDENTIAL_X"].get_secret_value() == SECRET


def test_only_credential_variables_are_kept_for_references():
    settings = Settings.from_environment({"DIRSYNC_CREDENTIAL_X": "x", "AWS_SECRET": "y"})
    assert set(settings.credentials) == {"DIRSYNC_CREDENTIAL_X"}


def test_a_misspelt_variable_is_remembered_for_the_doctor():
    settings = Settings.from_environment(
        {"DIRSYNC_RETENTION_DAY": "3", "DIRSYNC_TEST_SCALE": "full"}
    )
    assert settings.unknown_variables == ("DIRSYNC_RETENTION_DAY",)


def test_a_demo_reads_nothing_of_the_environment(monkeypatch):
    monkeypatch.setenv("DIRSYNC_DATABASE_URL", "nonsense")
    monkeypatch.setenv("DIRSYNC_SMTP_URL", f"smtp://u:{SECRET}@mail.example")
    monkeypatch.setenv("SLACK_BOT_TOKEN", f"xoxb-{SECRET}")
    settings = Settings.for_demo(database_url="sqlite:///demo.db")
    assert settings.demo
    assert settings.smtp_url is None
    assert settings.slack_bot_token is None


def test_settings_cannot_be_changed():
    settings = Settings.from_environment({})
    with pytest.raises(ValueError, match="frozen"):
        settings.retention_days = 1
