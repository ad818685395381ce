"""What the command line answers about invitations."""

from __future__ import annotations

from datetime import datetime

import msgspec

from core.model.account import InvitationState
from core.model.configuration import InvitationWay
from core.model.inviting import ChatState, InvitationQueue, InvitationStanding


class InvitationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's newest invitation by its ways, and what became of each."""

    state: InvitationState
    way: InvitationWay
    sent_at: datetime | None
    error: str
    detail: str
    slack: ChatState | None
    slack_error: str
    slack_at: datetime | None

    @property
    def standing(self) -> InvitationStanding:
        """The same as the services know it."""
        return InvitationStanding(
            state=self.state,
            way=self.way,
            sent_at=self.sent_at,
            error=self.error,
            detail=self.detail,
            chat=self.slack,
            chat_error=self.slack_error,
            chat_at=self.slack_at,
        )


def invitation_document(found: InvitationStanding | None) -> InvitationDocument | None:
    """Describe an invitation; None stays None."""
    if found is None:
        return None
    return InvitationDocument(
        state=found.state,
        way=found.way,
        sent_at=found.sent_at,
        error=found.error,
        detail=found.detail,
        slack=found.chat,
        slack_error=found.chat_error,
        slack_at=found.chat_at,
    )


class QueueDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How many invitations are on their way by each way, and in how many minutes all have left."""

    mails: int
    slack: int
    undelivered: int
    per_minute: int | None
    minutes: int


def queue_document(queue: InvitationQueue) -> QueueDocument:
    """Describe what is on its way."""
    return QueueDocument(
        mails=queue.mails,
        slack=queue.chats,
        undelivered=queue.failed,
        per_minute=queue.per_minute,
        minutes=queue.minutes,
    )
