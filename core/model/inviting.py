"""Invitations by chat: what is due for delivery, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.model.account import MailPurpose, UserId


class ChatState(StrEnum):
    """What became of an invitation's direct message; the value is stored."""

    PENDING = "pending"
    SENT = "sent"
    UNMATCHED = "unmatched"
    """There is nobody to write to, or they cannot be written to: the invitation goes by mail."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MessagePlace:
    """Where a message stands in the chat workspace; an empty one stands nowhere."""

    channel: str = ""
    ts: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatMatch:
    """Who in the chat has a confirmed address.

    Attributes:
        person: the id of a full member, or "".
        why: a code for why there is nobody to write to: ``chat_unknown``, ``chat_guest``,
            ``chat_elsewhere``, ``chat_bot``, ``chat_unconfirmed``, ``chat_off``.
    """

    person: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatInvitation:
    """An invitation, or a welcome, that is due as a direct message.

    Attributes:
        id: of the invitation.
        version: grows whenever it is sent anew; the button of an earlier message is void.
        person: who was found for the address by an earlier attempt, or "".
        earlier: where the message of an earlier version stands, which is void now.
        attempts: claims before this one.
        since: when it was queued.
    """

    id: int
    version: int
    user_id: UserId
    email: str
    display_name: str
    attempts: int
    since: datetime
    purpose: MailPurpose = MailPurpose.INVITATION
    person: str = ""
    earlier: MessagePlace = MessagePlace()

    @property
    def key(self) -> str:
        """The stable name of this very message, by which a duplicate can be told."""
        return f"invitation:{self.id}:{self.version}"
