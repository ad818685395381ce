"""How an invitation stands, in one sentence; and the messages that Slack gets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from test_person_card import ADA

from bot.demo.limits import check_blocks
from bot.slack.ids import Stamp
from bot.slack.views import invitations, people
from bot.slack.views.invitation_words import standing
from core.model.account import InvitationState as State
from core.model.account import Invited, Role, UserId, UserStatus
from core.model.configuration import InvitationWay as Way
from core.model.inviting import ChatInvitation, ChatState, InvitationStanding
from core.model.views import PersonView

AT = datetime(2026, 11, 28, 7, 30, tzinfo=UTC)
MEND = "Correct it at the provider, or send the invitation again."
HOSTILE = "<!channel> *bold*\r\n& `code`@example.com"


def stands(state: State, way: Way = Way.MAIL, **more: object) -> InvitationStanding:
    return InvitationStanding(state=state, way=way, **more)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (stands(State.STAGED, Way.STAGED), "Not invited yet."),
        (stands(State.PENDING), "Invitation by mail on its way."),
        (
            stands(State.PENDING, error="mail_deferred"),
            "Invitation by mail on its way: the mail server asks to wait.",
        ),
        (
            stands(
                State.PENDING, Way.SLACK, chat=ChatState.PENDING, chat_error="slack_ratelimited"
            ),
            "Invitation in Slack on its way: Slack asks for a pause.",
        ),
        (stands(State.SENT, sent_at=AT), "Invited by mail 2026-11-28 07:30 UTC."),
        (
            stands(State.SENT, sent_at=AT, chat=ChatState.UNMATCHED, chat_error="chat_guest"),
            "Invited by mail 2026-11-28 07:30 UTC; not in Slack, because they are a guest there.",
        ),
        (
            stands(State.SENT, Way.BOTH, sent_at=AT, chat=ChatState.SENT, chat_at=AT),
            "Invited by mail 2026-11-28 07:30 UTC; in Slack 2026-11-28 07:30 UTC.",
        ),
        (
            stands(State.FAILED, error="mail_bounced", detail="5.1.1"),
            f"Invitation by mail not delivered: the mail side refused the address (5.1.1). {MEND}",
        ),
        (stands(State.ACCEPTED), "Invitation accepted."),
        (stands(State.EXPIRED), "Invitation expired."),
    ],
)
def test_an_invitation_is_told_in_a_sentence(found, said):
    assert standing(found) == said


def test_the_card_warns_only_where_nothing_reached_the_person():
    failed = stands(State.FAILED, Way.BOTH, error="mail_bounced")
    reached = stands(State.FAILED, Way.BOTH, error="mail_bounced", chat=ChatState.SENT, chat_at=AT)
    for found, mark in ((failed, "⚠️"), (reached, "✉️")):
        card = people.person(PersonView(user=ADA, invitation=found), role=Role.VIEWER)
        assert f"{mark} Invitation by mail not delivered" in str(card.payload())


def test_nothing_of_an_address_or_name_is_live_in_a_direct_message():
    given = ChatInvitation(
        id=1,
        version=2,
        user_id=UserId(3),
        email=HOSTILE,
        display_name=HOSTILE,
        attempts=0,
        since=AT,
    )
    found = Invited(
        user_id=UserId(3), display_name=HOSTILE, email=HOSTILE, status=UserStatus.ACTIVE
    )
    waits = Invited(
        user_id=UserId(3), display_name="", email="", status=UserStatus.WAITING, place=12
    )
    stamp = Stamp(id="1", revision="2")
    for shown in (
        invitations.invitation(given, [HOSTILE] * 5),
        invitations.standing(found, [], stamp),
        invitations.standing(waits, [HOSTILE], stamp),
        invitations.welcome(given),
        invitations.void(),
        invitations.replaced(),
    ):
        check_blocks([*shown.blocks])
        live = [
            text["text"]
            for block in shown.blocks
            for text in (block.get("text"), *block.get("elements", []))
            if isinstance(text, dict) and text.get("type") == "mrkdwn"
        ]
        assert not any("<!channel>" in text for text in live)
        assert "<!channel>" not in shown.text
