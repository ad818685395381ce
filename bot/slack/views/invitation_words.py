"""How an invitation stands, in a sentence that every door shows."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.views import words
from core.model.account import InvitationState
from core.model.configuration import InvitationWay
from core.model.inviting import ChatState, InvitationQueue, InvitationStanding

WAYS: Mapping[InvitationWay, str] = {
    InvitationWay.MAIL: "by mail",
    InvitationWay.SLACK: "in Slack",
    InvitationWay.BOTH: "by mail and in Slack",
    InvitationWay.STAGED: "when somebody says so",
}
NOT_IN_SLACK: Mapping[str, str] = {
    "chat_unknown": "Slack knows no active member of that address",
    "chat_guest": "they are a guest there",
    "chat_elsewhere": "they are of another workspace there",
    "chat_bot": "the address is a bot's there",
    "chat_unconfirmed": "the address is not confirmed there yet",
    "chat_off": "dirsync ran without Slack",
    "chat_unreachable": "Slack could not be reached for a day",
    "missing_scope": "the app may not read addresses or write messages in Slack",
}
UNDELIVERED: Mapping[str, str] = {
    "mail_bounced": "the mail side refused the address",
    "mail_refused": "the mail side refused the message",
    "mail_address_invalid": "the address is not one that mail can be sent to",
}
_WAITS: Mapping[str, str] = {
    "slack_ratelimited": "Slack asks for a pause",
    "slack_unreachable": "Slack cannot be reached",
    "mail_deferred": "the mail server asks to wait",
    "mail_unreachable": "the mail server cannot be reached",
    "mail_sign_in": "the mail server refuses the sign-in",
    "mail_sender_refused": "the mail server refuses the sender",
    "mail_folder": "the mail folder cannot be written",
    "mail_template": "a mail template has an error",
}
_MEND = "Correct it at the provider, or send the invitation again."


def on_their_way(queue: InvitationQueue) -> str:
    """Return how many invitations are on their way and how long that takes; plain text."""
    what = words.several(queue.waiting, "invitation")
    when = f", done in about {queue.minutes:,} min" if queue.minutes else ""
    return f"{what} on {'its' if queue.waiting == 1 else 'their'} way{when}."


def standing(found: InvitationStanding) -> str:
    """Return where an invitation stands; plain text."""
    return f"{_state(found)}{_instead(found)}{_beside(found)}."


def _state(found: InvitationStanding) -> str:
    way = WAYS[found.way]
    if found.state is InvitationState.FAILED:
        why = UNDELIVERED.get(found.error, found.error or "unknown")
        said = f" ({found.detail})" if found.detail else ""
        return f"Invitation by mail not delivered: {why}{said}"
    if found.state is InvitationState.PENDING:
        error = found.chat_error if found.chat is ChatState.PENDING else found.error
        waits = f": {_WAITS.get(error, error)}" if error else ""
        return f"Invitation {way} on its way{waits}"
    if found.state is InvitationState.SENT:
        by = WAYS[InvitationWay.MAIL] if found.way is InvitationWay.BOTH else way
        return f"Invited {by} {words.stamp(found.sent_at)}"
    return {
        InvitationState.STAGED: "Not invited yet",
        InvitationState.ACCEPTED: "Invitation accepted",
        InvitationState.REVOKED: "Invitation taken back",
    }.get(found.state, "Invitation expired")


def _instead(found: InvitationStanding) -> str:
    if found.chat is not ChatState.UNMATCHED:
        return ""
    why = NOT_IN_SLACK.get(found.chat_error, found.chat_error)
    return f"; not in Slack, because {why}"


def _beside(found: InvitationStanding) -> str:
    """Return what became of the message beside a mail, and what to do about a failure."""
    beside = ""
    if found.way is InvitationWay.BOTH and found.chat is ChatState.SENT:
        beside = f"; in Slack {words.stamp(found.chat_at)}"
    if found.way is InvitationWay.BOTH and found.chat is ChatState.PENDING:
        beside = "; in Slack on its way"
    return f"{beside}. {_MEND[:-1]}" if found.state is InvitationState.FAILED else beside
