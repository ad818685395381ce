"""What an Okta record means: statuses, attribute paths, groups."""

import json

import pytest

from core.errors import RecordError
from core.providers.decoding import id_of
from core.providers.okta.attributes import KEYS, AttributePlan
from core.providers.okta.records import (
    MAY_NOT,
    MAY_SIGN_IN,
    UserDecoder,
    decode_group,
    with_members,
)
from tests.vendors.okta_org import STATUSES

PERSON = {
    "id": "00u1",
    "status": "ACTIVE",
    "profile": {"login": "ada", "email": "ada@example.com", "title": "Engineer"},
}


def raw(**changed: object) -> bytes:
    return json.dumps(PERSON | changed).encode()


def profile(**changed: object) -> bytes:
    return raw(profile=PERSON["profile"] | changed)


def test_every_status_that_okta_has_is_decided():
    assert set(STATUSES) <= MAY_SIGN_IN | MAY_NOT
    assert not MAY_SIGN_IN & MAY_NOT


@pytest.mark.parametrize(
    ("status", "active"),
    [
        ("STAGED", False),
        ("ACTIVATING", False),
        ("PROVISIONED", True),
        ("ACTIVE", True),
        ("RECOVERY", True),
        ("PASSWORD_EXPIRED", True),
        ("LOCKED_OUT", True),
        ("SUSPENDED", False),
        ("DEPROVISIONED", False),
    ],
)
def test_a_status_says_whether_somebody_may_sign_in(status, active):
    assert UserDecoder([]).decode(raw(status=status)).active is active


@pytest.mark.parametrize("status", [None, "", "active", "ARCHIVED", 5])
def test_an_unknown_status_is_that_persons_error_and_no_guess(status):
    with pytest.raises(RecordError) as raised:
        UserDecoder([]).decode(raw(status=status))

    assert raised.value.attribute == "status"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        *KEYS.items(),
        ("profile.badgeNumber", "badgeNumber"),
        ("profile.secondEmail", "secondEmail"),
        ("city", "city"),
    ],
)
def test_a_path_is_a_property_of_the_profile(path, key):
    user = UserDecoder([path]).decode(profile(**{key: "value"}))

    assert user.attributes[path] == "value"


def test_usual_paths_are_read_without_being_asked_for():
    user = UserDecoder([]).decode(profile(firstName="Ada", department=None, managerId="00u2"))

    assert (user.external_id, user.user_name, user.emails) == ("00u1", "ada", ("ada@example.com",))
    assert user.attributes["name.givenName"] == "Ada"
    assert user.attributes["enterprise.manager"] == "00u2"
    assert "enterprise.department" not in user.attributes


def test_only_what_is_wanted_is_asked_for_and_each_property_once():
    plan = AttributePlan(["userName", "emails", "emails.value", "title", "profile.title", "id"])

    assert plan.selection == "status,profile:(email,login,title)"


@pytest.mark.parametrize("path", ["urn:acme:2.0:User:badge", "name.unknown", "id", "externalId"])
def test_a_path_that_okta_does_not_have_is_empty(path):
    decoder = UserDecoder([path])

    assert decoder.plan.selection == "status,profile:(email,login)"
    assert decoder.decode(raw()).attributes == {}


@pytest.mark.parametrize(
    ("value", "kind"), [(["a"], "list"), ({"a": 1}, "object"), (10**30, "number")]
)
def test_a_custom_property_that_no_field_holds_is_that_persons_error(value, kind):
    with pytest.raises(RecordError) as raised:
        UserDecoder(["profile.badge"]).decode(profile(badge=value))

    assert (raised.value.attribute, raised.value.value_kind) == ("profile.badge", kind)


def test_a_custom_number_or_truth_value_is_kept():
    user = UserDecoder(["profile.badge", "profile.boss"]).decode(profile(badge=7, boss=True))

    assert user.attributes == {"profile.badge": 7, "profile.boss": True}


@pytest.mark.parametrize(
    ("record", "attribute"),
    [
        (raw(id=None), "id"),
        (raw(id="x" * 600), "id"),
        (raw(profile=None), "profile.login"),
        (profile(login=None), "profile.login"),
        (profile(title=5), "profile.title"),
        (profile(title="x" * 10_001), "title"),
        (profile(title="a\x00b"), "title"),
        (b"[" * 100_000, ""),
        (b"{", ""),
        (b'{"id": "00u1", "status": "\\ud800"}', ""),
    ],
)
def test_an_unreadable_record_says_what_is_wrong_with_it(record, attribute):
    with pytest.raises(RecordError) as raised:
        UserDecoder([]).decode(record)

    assert raised.value.attribute == attribute
    assert raised.value.hint


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (b'{"id": "00u1"}', "00u1"),
        (b'{"id": "00u1", "x": "\\ud800"}', "00u1"),
        (b'{"x": {"id": "inner"}, "id": "00u1", "y": @}', "00u1"),
        (b'{"id": 5}', None),
        (b"{}", None),
        (b'{"id": ""}', None),
    ],
)
def test_whose_record_it_is_is_known_also_when_it_is_broken(record, found):
    assert id_of(record) == found


def test_other_paths_make_another_revision():
    assert UserDecoder(["title"]).revision != UserDecoder(["locale"]).revision
    assert UserDecoder(["title"]).revision == UserDecoder(["title"]).revision


GROUP = b'{"id": "00g1", "profile": {"name": "Engineering"}}'


def test_a_group_has_its_members_or_is_incomplete():
    whole = decode_group(with_members(GROUP, ["00u1", "00u2"]))
    empty = decode_group(with_members(GROUP, []))
    unknown = decode_group(GROUP)

    assert (whole.display_name, whole.member_users) == ("Engineering", {"00u1", "00u2"})
    assert whole.complete
    assert empty.complete
    assert not unknown.complete


@pytest.mark.parametrize("record", [b"{}", b"", b"[1", b'{"members": []'])
def test_members_are_not_put_into_what_is_no_record(record):
    assert with_members(record, ["00u1"]) == record


@pytest.mark.parametrize(
    ("record", "attribute"),
    [
        (b'{"profile": {"name": "A"}}', "id"),
        (b'{"id": "a\\u0000", "profile": {"name": "A"}}', "id"),
        (b'{"id": "00g1"}', "profile.name"),
        (b'{"id": "00g1", "profile": {}}', "profile.name"),
        (b'{"id": "00g1", "profile": {"name": 5}}', "profile.name"),
        (b'{"id": "00g1", "profile": {"name": "A"}, "members": [5]}', "members"),
        (b"{", ""),
    ],
)
def test_an_unreadable_group_says_what_is_wrong_with_it(record, attribute):
    with pytest.raises(RecordError) as raised:
        decode_group(record)

    assert raised.value.attribute == attribute
