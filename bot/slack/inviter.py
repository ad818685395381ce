"""Brings invitations to people in Slack, each as a direct message with a button."""

from __future__ import annotations

import structlog

from bot.slack.client import Posted, SlackClient
from bot.slack.direct import DirectMessages
from bot.slack.views import asking, invitations
from core.app import Core
from core.errors import RemoteError, TerminalRemoteError
from core.model.account import MailPurpose
from core.model.asking import Question
from core.model.inviting import ChatInvitation, ChatMatch, MessagePlace

_log = structlog.get_logger(__name__)


class SlackInviter:
    """Implements `core.ports.ChatInviter` over direct messages."""

    def __init__(self, *, core: Core, client: SlackClient, direct: DirectMessages) -> None:
        self._core = core
        self._client = client
        self._direct = direct

    async def find(self, email: str) -> ChatMatch:
        """See `ChatInviter.find`."""
        return await self._direct.find(email)

    async def invite(self, invitation: ChatInvitation) -> MessagePlace:
        """See `ChatInviter.invite`; the message of an earlier version says that it is void."""
        if invitation.purpose is MailPurpose.WELCOME:
            message = invitations.welcome(invitation)
        else:
            contacts = await self._core.activation.contacts()
            message = invitations.invitation(invitation, contacts)
        posted = await self._direct.send(invitation.person, message, key=invitation.key)
        await self._void(invitation.earlier)
        return MessagePlace(channel=posted.channel, ts=posted.ts)

    async def ask(self, question: Question) -> MessagePlace:
        """See `ChatInviter.ask`."""
        message = asking.question(question)
        posted = await self._direct.send(question.person, message, key=question.key)
        return MessagePlace(channel=posted.channel, ts=posted.ts)

    async def _void(self, earlier: MessagePlace) -> None:
        if not earlier.ts:
            return
        at = Posted(channel=earlier.channel, ts=earlier.ts)
        try:
            await self._client.update(at, invitations.replaced())
        except RemoteError as error:
            _log.info("slack_earlier_invitation_kept", code=error.code)


class NoInviter:
    """Where there is no Slack, what should go there goes by mail."""

    async def find(self, email: str) -> ChatMatch:
        """Find nobody."""
        del email
        return ChatMatch(why="chat_off")

    async def invite(self, invitation: ChatInvitation) -> MessagePlace:
        """Raise `TerminalRemoteError` (code ``chat_off``)."""
        raise TerminalRemoteError(
            f"dirsync runs without Slack, so {invitation.key} goes by mail.", code="chat_off"
        )

    async def ask(self, question: Question) -> MessagePlace:
        """Raise `TerminalRemoteError` (code ``chat_off``)."""
        raise TerminalRemoteError(
            f"dirsync runs without Slack, so {question.key} is not asked.", code="chat_off"
        )
