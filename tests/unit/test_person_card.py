"""The card of one person names the manager, or says why there is none in the account."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.slack.views import people
from core.model.account import Manager, Role, User, UserId, UserStatus
from core.model.views import PersonView

ADA = User(
    id=UserId(1),
    user_name="ada",
    display_name="Ada",
    email="ada@example.com",
    status=UserStatus.ACTIVE,
    profile={},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("manager", "said"),
    [
        (Manager(wanted="m-7"), "Manager: m-7 (not in the account: out of scope, or not read"),
        (Manager(wanted="m-7", name="Grace", email="g@example.com"), "Manager: Grace <g@example"),
    ],
)
def test_the_card_of_a_person_names_their_manager(manager, said):
    shown = people.person(PersonView(user=ADA, manager=manager), role=Role.VIEWER)
    assert said in str(shown.payload())
    assert "Manager" not in str(people.person(PersonView(user=ADA), role=Role.VIEWER).payload())
