"""The one way out to Slack: classed errors, validated payloads, the fall-back ladder.

Nothing is retried here: facts are retried by the outbox, and answers live for seconds only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.blocks import Block, Message, classic, text_only
from bot.slack.limits import validate_message, validate_view
from core.errors import RemoteError, TerminalRemoteError, TransientRemoteError
from core.model.views import PersonFacts
from core.settings import Settings

TIMEOUT = 10.0
"""Seconds for one call."""
TOO_MANY = 429
SERVER_ERROR = 500
PASSING = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
"""Slack's error codes that say: later."""
BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
)
"""Slack's error codes that a simpler form of the message may avoid."""
DEAD_TOKEN = frozenset(
    {"token_revoked", "token_expired", "account_inactive", "invalid_auth", "not_authed"}
)
LONGEST_ALT = 1_000
NO_FILES = frozenset({"missing_scope", "not_allowed_token_type", "file_uploads_disabled"})
"""Slack's error codes where the app may not send files."""
NO_CHANNEL = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "cannot_reply_to_message",
        "user_not_found",
        "no_permission",
    }
)
"""Refusals of a channel, after which somebody in charge is told in a direct message."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who the bot is: its workspace and its ids."""

    team_id: str
    user_id: str
    bot_id: str
    enterprise_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody in Slack: what roles are made of, and the address where the scope allows it.

    Attributes:
        confirmed: they have shown that the address is theirs, as far as Slack tells.
    """

    facts: PersonFacts
    email: str = ""
    confirmed: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """Where a message stands."""

    channel: str
    ts: str


class SlackClient:
    """Calls the Web API.

    Methods raise `TransientRemoteError` (``slack_ratelimited`` with `retry_after`,
    ``slack_unreachable``) and `TerminalRemoteError` whose code is Slack's own.

    Attributes:
        fallbacks: how often a message went out in a simpler form, by form and cause.
    """

    def __init__(self, *, session: aiohttp.ClientSession, base_url: str, token: str) -> None:
        self.session = session
        self.base_url = base_url
        self.fallbacks: Counter[str] = Counter()
        self._identity: Identity | None = None
        self._web = web_client(session, base_url, token)

    async def call(self, method: str, **fields: object) -> Mapping[str, object]:
        """Call a method with JSON fields and return its answer."""
        present = {name: value for name, value in fields.items() if value is not None}
        return await self._classed(method, self._web.api_call(method, json=present))

    async def read(self, method: str, **fields: object) -> Mapping[str, object]:
        """Call a method that takes its arguments as a form, as the reading ones do."""
        present = {name: str(value) for name, value in fields.items() if value is not None}
        return await self._classed(method, self._web.api_call(method, data=present))

    async def _classed(self, method: str, calling: Awaitable[object]) -> Mapping[str, object]:
        try:
            answer = await calling
        except SlackApiError as error:
            raise _classed_error(method, error) from None
        except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError) as error:
            raise _unreachable(method, type(error).__name__) from None
        except (AttributeError, ValueError) as error:
            raise _unreachable(method, type(error).__name__) from None
        data = getattr(answer, "data", None)
        return data if isinstance(data, Mapping) else {}

    async def identity(self) -> Identity:
        """Return who the bot is, asked for once (``auth.test``)."""
        if self._identity is None:
            answer = await self.call("auth.test")
            self._identity = Identity(
                team_id=str(answer.get("team_id", "")),
                user_id=str(answer.get("user_id", "")),
                bot_id=str(answer.get("bot_id", "")),
                enterprise_id=_text(answer.get("enterprise_id")),
            )
        return self._identity

    async def person(self, user: str) -> Person:
        """Return what Slack knows of somebody now (``users.info``)."""
        identity = await self.identity()
        answer = await self.read("users.info", user=user)
        found = answer.get("user")
        return _person(found if isinstance(found, Mapping) else {}, user, identity)

    async def person_of(self, email: str) -> Person:
        """Return the member who has this address (``users.lookupByEmail``)."""
        identity = await self.identity()
        answer = await self.read("users.lookupByEmail", email=email)
        found = answer.get("user")
        user = found if isinstance(found, Mapping) else {}
        return _person(user, str(user.get("id") or ""), identity)

    async def usergroup(self, group: str) -> frozenset[str]:
        """Return the ids of a user group's people (``usergroups.users.list``)."""
        answer = await self.read("usergroups.users.list", usergroup=group)
        users = answer.get("users")
        return frozenset(map(str, users)) if isinstance(users, list) else frozenset()

    async def post(
        self,
        channel: str,
        message: Message,
        *,
        thread_ts: str | None = None,
        key: str | None = None,
    ) -> Posted:
        """Post a message; `key` travels as metadata, so that a duplicate can be told."""
        metadata = key and {"event_type": "dirsync_message", "event_payload": {"key": key}}

        async def send(form: Message) -> Mapping[str, object]:
            return await self.call(
                "chat.postMessage",
                channel=channel,
                thread_ts=thread_ts,
                metadata=metadata or None,
                **form.payload(),
            )

        answer = await self._down_the_ladder(message, send)
        return Posted(channel=str(answer.get("channel", channel)), ts=str(answer.get("ts", "")))

    async def update(self, at: Posted, message: Message) -> Posted:
        """Edit a message in place."""

        async def send(form: Message) -> Mapping[str, object]:
            fields = {name: form.payload()[name] for name in ("text",)}
            blocks = [*form.blocks]
            return await self.call(
                "chat.update", channel=at.channel, ts=at.ts, blocks=blocks, **fields
            )

        answer = await self._down_the_ladder(message, send)
        return Posted(channel=at.channel, ts=str(answer.get("ts", at.ts)))

    async def ephemeral(self, channel: str, user: str, message: Message) -> None:
        """Show a message to one person in a channel."""

        async def send(form: Message) -> Mapping[str, object]:
            return await self.call(
                "chat.postEphemeral", channel=channel, user=user, **form.payload()
            )

        await self._down_the_ladder(message, send)

    async def respond(self, url: str, message: Message, *, replace: bool = False) -> None:
        """Answer at a ``response_url``, to one person's eyes only."""
        self._own(url)

        async def send(form: Message) -> Mapping[str, object]:
            body = form.payload() | {"response_type": "ephemeral", "replace_original": replace}
            return await self._raw("response_url", url, json.dumps(body).encode())

        await self._down_the_ladder(message, send)

    async def direct(self, user: str) -> str:
        """Return the channel of the direct message with somebody."""
        answer = await self.call("conversations.open", users=user)
        channel = answer.get("channel")
        return str(channel.get("id", "")) if isinstance(channel, Mapping) else ""

    async def upload(
        self, channel: str, name: str, data: bytes, *, comment: str, alt: str = ""
    ) -> None:
        """Put a file into a channel (``files.getUploadURLExternal`` and its completion).

        `alt` describes a picture to those who do not see it.
        """
        described = {"alt_txt": alt[:LONGEST_ALT]} if alt else {}
        place = await self.read(
            "files.getUploadURLExternal", filename=name, length=len(data), **described
        )
        url = str(place.get("upload_url", ""))
        self._own(url)
        await self._raw("upload", url, data, content_type="application/octet-stream")
        await self.call(
            "files.completeUploadExternal",
            files=[{"id": place.get("file_id"), "title": name}],
            channel_id=channel,
            initial_comment=comment,
        )

    async def permalink(self, at: Posted) -> str | None:
        """Return a link to a message, or None if Slack has none."""
        try:
            answer = await self.read("chat.getPermalink", channel=at.channel, message_ts=at.ts)
        except RemoteError:
            return None
        return _text(answer.get("permalink"))

    async def open_view(self, trigger: str, view: Block) -> None:
        """Open a modal for whoever gave the trigger, which lives three seconds."""
        validate_view(view)
        await self.call("views.open", trigger_id=trigger, view=view)

    async def update_view(self, view_id: str, view: Block) -> None:
        """Show something else in an open modal."""
        validate_view(view)
        await self.call("views.update", view_id=view_id, view=view)

    async def publish_home(self, user: str, view: Block) -> None:
        """Show somebody's Home tab."""
        validate_view(view)
        await self.call("views.publish", user_id=user, view=view)

    async def _raw(
        self, what: str, url: str, body: bytes, *, content_type: str = "application/json"
    ) -> Mapping[str, object]:
        try:
            async with self.session.post(
                url, data=body, headers={"Content-Type": content_type}, allow_redirects=False
            ) as answer:
                said = (await answer.text(errors="replace"))[:2000]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(what, type(error).__name__) from None
        if answer.status >= SERVER_ERROR or answer.status == TOO_MANY:
            raise _unreachable(what, f"status {answer.status}", _seconds(answer.headers))
        code = _code_in(said)
        if answer.status >= 400 or code:  # noqa: PLR2004 - HTTP's client errors
            raise TerminalRemoteError(
                f"Slack refused the {what}.", code=code or "refused", status=answer.status
            )
        return {}

    def _own(self, url: str) -> None:
        """Raise `TerminalRemoteError` unless a URL is Slack's, or the configured server's."""
        there, here = urlsplit(url), urlsplit(self.base_url)
        if (there.scheme, there.netloc) == (here.scheme, here.netloc):
            return
        host = there.hostname or ""
        slack = (here.hostname or "").endswith(("slack.com", "slack-gov.com"))
        if not (
            slack and there.scheme == "https" and host.endswith((".slack.com", ".slack-gov.com"))
        ):
            raise TerminalRemoteError("That address is not Slack's.", code="foreign_url")

    async def _down_the_ladder(
        self, message: Message, send: Callable[[Message], Awaitable[Mapping[str, object]]]
    ) -> Mapping[str, object]:
        """Send the message in the richest form that is accepted: blocks, classic, text."""
        for form, name in ((message, "full"), (classic(message), "classic")):
            try:
                validate_message(form.payload())
                return await send(form)
            except TerminalRemoteError as error:
                if error.code not in BLOCKS_REFUSED:
                    raise
                self.fallbacks[f"{name}:{error.code}"] += 1
                _log.warning("slack_blocks_refused", form=name, code=error.code, why=error.message)
        return await send(text_only(message))


def web_client(session: aiohttp.ClientSession, base_url: str, token: str | None) -> AsyncWebClient:
    """Return an SDK client on the shared session: no retries, no proxy of the environment."""
    client = AsyncWebClient(
        token=token, base_url=base_url, session=session, timeout=int(TIMEOUT), retry_handlers=[]
    )
    client.proxy = None
    return client


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncIterator[SlackClient]:
    """Open the client that `settings` describe; its connections end with the block."""
    token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else ""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        yield SlackClient(session=session, base_url=settings.slack_api_url, token=token)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _classed_error(method: str, error: SlackApiError) -> RemoteError:
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error") or "") if isinstance(data, Mapping) else ""
    if status == TOO_MANY or code == "ratelimited":
        seconds = _seconds(getattr(response, "headers", {})) or 1.0
        return TransientRemoteError(
            "Slack asks for a pause.",
            code="slack_ratelimited",
            hint="Try again in a moment.",
            retry_after=seconds,
            status=status,
        )
    if status >= SERVER_ERROR or code in PASSING or not code:
        return _unreachable(method, code or f"status {status}")
    messages = data.get("response_metadata") if isinstance(data, Mapping) else None
    return TerminalRemoteError(
        f"Slack refused {method}: {code}. {_pointers(messages)}".strip(), code=code, status=status
    )


def _pointers(metadata: object) -> str:
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    return "; ".join(map(str, messages[:3])) if isinstance(messages, list) else ""


def _unreachable(what: str, why: str, seconds: float | None = None) -> TransientRemoteError:
    return TransientRemoteError(
        f"Slack could not be reached ({what}: {why}).",
        code="slack_unreachable",
        hint="Try again in a moment.",
        retry_after=seconds,
    )


def _seconds(headers: object) -> float | None:
    value = headers.get("Retry-After") if isinstance(headers, Mapping) else None
    try:
        return min(max(float(value), 0.0), 3600.0) if value else None
    except (TypeError, ValueError):
        return None


def _code_in(body: str) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    failed = isinstance(answer, dict) and answer.get("ok") is False
    return str(answer.get("error") or "refused") if failed else ""


def _person(user: Mapping[str, object], id_: str, identity: Identity) -> Person:
    profile = user.get("profile")
    email = profile.get("email") if isinstance(profile, Mapping) else None
    team = str(user.get("team_id") or "")
    facts = PersonFacts(
        id=id_,
        team_id=team,
        name=str(user.get("real_name") or user.get("name") or id_)[:200],
        is_owner=bool(user.get("is_owner") or user.get("is_primary_owner")),
        is_admin=bool(user.get("is_admin")),
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        is_bot=bool(user.get("is_bot") or user.get("is_workflow_bot") or id_ == "USLACKBOT"),
        is_stranger=bool(user.get("is_stranger")) or not _ours(user, team, identity),
        deleted=bool(user.get("deleted")) or not user,
    )
    unconfirmed = user.get("is_email_confirmed") is False or user.get("is_invited_user") is True
    return Person(
        facts=facts, email=email if isinstance(email, str) else "", confirmed=not unconfirmed
    )


def _ours(user: Mapping[str, object], team: str, identity: Identity) -> bool:
    """Whether somebody is of our workspace; on Enterprise Grid people list their teams."""
    if team == identity.team_id:
        return True
    enterprise = user.get("enterprise_user")
    teams = enterprise.get("teams") if isinstance(enterprise, Mapping) else None
    return isinstance(teams, list) and identity.team_id in teams
