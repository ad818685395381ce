"""Whether Slack can be reached with the tokens that are set."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from core.model.directory import CheckLine, CheckStatus
from core.settings import Settings

_TIMEOUT = 10


async def slack_lines(settings: Settings) -> list[CheckLine]:
    """Try the bot token and, in Socket Mode, the app-level token."""
    if settings.slack_bot_token is None:
        return [
            CheckLine(
                name="Slack",
                status=CheckStatus.SKIPPED,
                detail="SLACK_BOT_TOKEN is not set",
                hint="See the README: real Slack in six steps.",
            )
        ]
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=_TIMEOUT,
        retry_handlers=[],
    )
    lines = [await _sign_in(client), *_gaps(settings)]
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


async def _sign_in(client: AsyncWebClient) -> CheckLine:
    try:
        answer = await client.auth_test()
    except (SlackClientError, ClientError, OSError, ValueError) as error:
        return _failed("Slack sign-in", error)
    detail = f"{answer.get('team', '')} as {answer.get('user', '')}"
    return CheckLine(name="Slack sign-in", status=CheckStatus.OK, detail=detail)


async def _socket_mode(client: AsyncWebClient, token: str) -> CheckLine:
    try:
        await client.apps_connections_open(app_token=token)
    except (SlackClientError, ClientError, OSError, ValueError) as error:
        return _failed("Slack Socket Mode", error)
    return CheckLine(
        name="Slack Socket Mode", status=CheckStatus.OK, detail="a connection may be opened"
    )


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
