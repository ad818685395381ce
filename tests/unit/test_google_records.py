"""Decoding Google users: their attributes, and what is wrong with one of them."""

import json

import pytest

from core.errors import RecordError
from core.providers.decoding import id_of
from core.providers.google.records import UserDecoder
from tests.support.google_world import google_world, user_pages

PERSON = {
    "id": "100000000000000000001",
    "primaryEmail": "ann@example.com",
    "suspended": False,
    "archived": False,
    "name": {
        "givenName": "Ann",
        "familyName": "Bee",
        "fullName": "Ann Bee",
        "displayName": "Annie",
    },
    "emails": [
        {"address": "ann@example.com", "primary": True},
        {"address": "ann@work.example", "type": "work"},
    ],
    "organizations": [
        {"title": "Old", "type": "school"},
        {
            "title": "Engineer",
            "department": "Research",
            "costCenter": "7",
            "name": "Acme",
            "description": "Employee",
            "location": "B2",
            "primary": True,
        },
    ],
    "phones": [
        {"value": "+49 30 1", "type": "work"},
        {"value": "+49 170 2", "type": "mobile"},
    ],
    "externalIds": [
        {"value": "login-9", "type": "login_id"},
        {"value": "E-9", "type": "organization"},
        {"value": "B-9", "type": "custom", "customType": "badge"},
    ],
    "relations": [{"value": "boss@example.com", "type": "manager"}],
    "languages": [{"languageCode": "de"}, {"languageCode": "en-GB", "preference": "preferred"}],
    "customSchemas": {
        "Badge": {"number": 12, "rooms": [{"value": "A"}, {"value": "B"}], "remote": True},
    },
    "orgUnitPath": "/Staff/Research",
}
PATHS = {
    "userName": "ann@example.com",
    "emails": "ann@example.com",
    "emails.work": "ann@work.example",
    "displayName": "Ann Bee",
    "name.displayName": "Annie",
    "name.givenName": "Ann",
    "title": "Engineer",
    "organizations.description": "Employee",
    "phoneNumbers": "+49 30 1",
    "phoneNumbers.mobile": "+49 170 2",
    "preferredLanguage": "en-GB",
    "enterprise.employeeNumber": "E-9",
    "enterprise.costCenter": "7",
    "enterprise.organization": "Acme",
    "enterprise.department": "Research",
    "enterprise.manager": "boss@example.com",
    "externalIds.badge.value": "B-9",
    "organizations.location": "B2",
    "orgUnitPath": "/Staff/Research",
    "customSchemas.Badge.number": 12,
    "customSchemas.Badge.rooms": "A",
    "customSchemas.Badge.remote": True,
}


def decoded(changed: dict, wanted: frozenset[str] = frozenset(PATHS)) -> dict:
    raw = json.dumps({**PERSON, **changed}).encode()
    return dict(UserDecoder(wanted).decode(raw).attributes)


def test_each_path_brings_the_value_that_people_see():
    assert decoded({}) == PATHS


def test_what_is_not_there_is_left_out():
    bare = {"name": None, "organizations": [], "phones": None, "customSchemas": {"Badge": {}}}
    found = decoded(bare)

    assert found.keys() == PATHS.keys() - {
        *(
            "displayName",
            "name.displayName",
            "name.givenName",
            "title",
            "organizations.description",
            "organizations.location",
        ),
        *("phoneNumbers", "phoneNumbers.mobile"),
        *("enterprise.costCenter", "enterprise.organization", "enterprise.department"),
        *("customSchemas.Badge.number", "customSchemas.Badge.rooms", "customSchemas.Badge.remote"),
    }


@pytest.mark.parametrize(
    ("changed", "attribute"),
    [
        ({"id": None}, "id"),
        ({"primaryEmail": ""}, "primaryEmail"),
        ({"suspended": None}, "suspended"),
        ({"suspended": "no"}, "suspended"),
        ({"organizations": "none"}, "organizations"),
        ({"organizations": [{"title": ["x"], "primary": True}]}, "title"),
        ({"customSchemas": {"Badge": {"number": 10**70}}}, "customSchemas.Badge.number"),
        ({"name": {"fullName": "x" * 10_001}}, "displayName"),
        ({"name": {"fullName": "a\x00b"}}, "displayName"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_one_record_is_that_persons_error(changed, attribute):
    with pytest.raises(RecordError) as raised:
        decoded(changed)

    assert raised.value.attribute == attribute
    assert id_of(json.dumps({**PERSON, **changed}).encode()) == ({**PERSON, **changed})["id"]


def test_a_slip_of_the_pen_is_never_asked_for():
    plan = UserDecoder({"titel", "userName", "customSchemas.Badge.number"}).plan

    assert "titel" not in plan.selection
    assert plan.projection == {"projection": "custom", "customFieldMask": "Badge"}


async def test_custom_attributes_are_read_where_the_mapping_wants_them():
    async with google_world() as world:
        world.customer.add_user(
            "ann@example.com", customSchemas={"Badge": {"number": "12"}, "Other": {"x": "y"}}
        )
        wanted = frozenset({"userName", "customSchemas.Badge.number"})
        async with world.opened(wanted=wanted) as provider:
            (page,) = await user_pages(provider)
            found = provider.decode_user(page.records[1])
        async with world.opened() as provider:
            (plain,) = await user_pages(provider)

    assert found.attributes["customSchemas.Badge.number"] == "12"
    assert b"Other" not in page.records[1]
    assert b"customSchemas" not in plain.records[1]
