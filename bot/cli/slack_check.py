"""Whether Slack can be reached with the tokens that are set."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from core.model.directory import CheckLine, CheckStatus
from core.settings import Settings

_TIMEOUT = 10
REQUIRED = ("chat:write", "commands", "im:write", "users:read", "users:read.email")
OPTIONAL = {
    "chat:write.public": "cards need an invitation of the app to each channel",
    "files:write": "logs and plans are not sent as files; short tables are shown",
    "usergroups:read": "roles cannot be granted to user groups",
}
"""Scopes of the bot token, and what goes without those that can be left out."""


async def slack_lines(settings: Settings) -> list[CheckLine]:
    """Try the bot token and, in Socket Mode, the app-level token."""
    if settings.slack_bot_token is None:
        return [
            CheckLine(
                name="Slack",
                status=CheckStatus.SKIPPED,
                detail="SLACK_BOT_TOKEN is not set",
                hint="dirsync manifest prints the app to make; the README has the steps.",
            )
        ]
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=_TIMEOUT,
        retry_handlers=[],
    )
    lines = [*await _sign_in(client), *_gaps(settings)]
    if settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        lines.append(await _socket_mode(client, token))
    return lines


def _gaps(settings: Settings) -> Iterator[CheckLine]:
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        yield CheckLine(
            name="Slack connection",
            status=CheckStatus.FAILED,
            detail="neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set",
            hint="Make an app-level token with connections:write, and set SLACK_APP_TOKEN.",
            code="no_connection",
        )
    if settings.channel is None:
        yield CheckLine(
            name="Slack channel",
            status=CheckStatus.WARNING,
            detail="DIRSYNC_CHANNEL is not set, so cards go where a sync was typed",
            hint="Set it to a channel's id, and invite the app there.",
            code="no_channel",
        )


async def _sign_in(client: AsyncWebClient) -> list[CheckLine]:
    try:
        answer = await client.auth_test()
    except (SlackClientError, ClientError, OSError, ValueError) as error:
        return [_failed("Slack sign-in", error)]
    detail = f"{answer.get('team', '')} as {answer.get('user', '')}"
    signed_in = CheckLine.ok("Slack sign-in", detail)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return [signed_in, *_scopes(headers.get("x-oauth-scopes"))]


def _scopes(told: str | None) -> Iterator[CheckLine]:
    """Say which scopes the token lacks; nothing where Slack does not tell what it has."""
    if told is None:
        return
    granted = {scope.strip() for scope in told.split(",")}
    missing = [scope for scope in REQUIRED if scope not in granted]
    if missing:
        yield CheckLine(
            name="Slack scopes",
            status=CheckStatus.FAILED,
            detail=f"the bot token lacks {', '.join(missing)}",
            hint="Add them under OAuth & Permissions and install the app again.",
            code="missing_scope",
        )
    for scope, without in OPTIONAL.items():
        if scope not in granted:
            yield CheckLine(
                name="Slack scopes",
                status=CheckStatus.WARNING,
                detail=f"without {scope}, {without}",
                hint="Add it under OAuth & Permissions and install the app again, if you want it.",
                code="missing_optional_scope",
            )
    if not missing and granted.issuperset(OPTIONAL):
        yield CheckLine.ok("Slack scopes", "all that dirsync can use")


async def _socket_mode(client: AsyncWebClient, token: str) -> CheckLine:
    try:
        await client.apps_connections_open(app_token=token)
    except (SlackClientError, ClientError, OSError, ValueError) as error:
        return _failed("Slack Socket Mode", error)
    return CheckLine.ok("Slack Socket Mode", "a connection may be opened")


def _failed(name: str, error: Exception) -> CheckLine:
    code = ""
    if isinstance(error, SlackApiError):
        code = str(error.response.get("error", ""))
    return CheckLine(
        name=name,
        status=CheckStatus.FAILED,
        detail=code or f"no answer ({type(error).__name__})",
        hint="Check the token, and the network to Slack.",
        code=code or "unreachable",
    )
