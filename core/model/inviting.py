"""Invitations by chat: what is due for delivery, and where it stands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.model.account import InvitationState, MailPurpose, UserId
from core.model.configuration import InvitationWay

CHATS_PER_MINUTE = 40
"""People who are looked up in the chat in a minute; Slack allows some 50, and others ask too."""


HELD_UP = ("mail_template", "mail_sign_in", "mail_sender_refused", "mail_folder")
"""Why mail waits until somebody mends something on the host."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationStanding:
    """Where somebody's newest invitation stands.

    Attributes:
        error: why the mail could not be delivered, or was not yet; a code, or "".
        detail: what the mail side said, such as ``550`` or ``5.1.1``, or "".
        chat: where its direct message stands, or None if there is none to be.
        chat_error: why there is none, or not yet; a code, or "".
    """

    state: InvitationState
    way: InvitationWay
    sent_at: datetime | None = None
    error: str = ""
    detail: str = ""
    chat: ChatState | None = None
    chat_error: str = ""
    chat_at: datetime | None = None

    @property
    def undelivered(self) -> bool:
        """Nothing reached the person, and nothing more is tried."""
        return self.state is InvitationState.FAILED and self.chat is not ChatState.SENT


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationQueue:
    """How many invitations are on their way by each way, and how many could not be delivered.

    Attributes:
        held: how many of the mails wait until something on the host is mended.
        held_by: one of `HELD_UP`, or "".
        per_minute: how many leave in a minute at most, or None without a limit.
    """

    mails: int = 0
    chats: int = 0
    failed: int = 0
    held: int = 0
    held_by: str = ""
    per_minute: int | None = None

    @property
    def waiting(self) -> int:
        """How many are on their way."""
        return self.mails + self.chats

    @property
    def minutes(self) -> int:
        """Roughly how long it takes until all have left; 0 for at once."""
        return minutes_for(self.mails, self.chats, self.per_minute)


def minutes_for(mails: int, chats: int, per_minute: int | None) -> int:
    """Return in how many minutes so many leave at a pace; mail without one leaves at once."""
    slowly = math.ceil(chats / CHATS_PER_MINUTE) if chats > 1 else 0
    paced = math.ceil((mails + chats) / per_minute) - 1 if per_minute else 0
    return max(slowly, paced)


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedPeople:
    """Who is not invited yet: so many who can be, and so many without an address."""

    ready: int
    nowhere: int = 0
