"""Whether Slack can be reached with the tokens that are set."""

from __future__ import annotations

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
    lines = [await _sign_in(client)]
    if settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        lines.append(await _socket_mode(client, token))
    return lines


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
