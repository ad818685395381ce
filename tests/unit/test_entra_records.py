"""Records of Entra ID: paths as SCIM or as Graph names them, and what is wrong with a record."""

import json

import pytest

from core.errors import RecordError
from core.providers.entra.records import (
    ListedGroup,
    Member,
    UserDecoder,
    decode_group,
    group_record,
)

ANN = {
    "id": "ann",
    "userPrincipalName": "ann@contoso.example",
    "mail": "ann.smith@contoso.example",
    "accountEnabled": True,
    "displayName": "Ann Smith",
    "givenName": "Ann",
    "surname": "Smith",
    "jobTitle": "Engineer",
    "department": "Research",
    "employeeId": "7",
    "companyName": "Contoso",
    "businessPhones": ["+49 30 1", "+49 30 2"],
    "mobilePhone": None,
    "preferredLanguage": "de",
    "userType": "Guest",
    "employeeOrgData": {"costCenter": "C1", "division": None},
    "onPremisesExtensionAttributes": {"extensionAttribute1": "badge 9"},
    "extension_0123_level": 3,
    "otherMails": [],
    "manager": {"@odata.type": "#microsoft.graph.user", "id": "bob", "displayName": "Bob"},
}


def raw(**changed: object) -> bytes:
    return json.dumps(ANN | changed).encode()


def test_the_usual_attributes_have_the_names_of_scim():
    ann = UserDecoder(()).decode(raw())

    assert (ann.external_id, ann.user_name, ann.active) == ("ann", "ann@contoso.example", True)
    assert ann.emails == ("ann.smith@contoso.example",)
    assert ann.attributes == {
        "userName": "ann@contoso.example",
        "emails": "ann.smith@contoso.example",
        "displayName": "Ann Smith",
        "name.givenName": "Ann",
        "name.familyName": "Smith",
        "title": "Engineer",
        "phoneNumbers": "+49 30 1",
        "preferredLanguage": "de",
        "userType": "Guest",
        "enterprise.department": "Research",
        "enterprise.employeeNumber": "7",
        "enterprise.organization": "Contoso",
    }


@pytest.mark.parametrize(
    ("path", "value", "asked"),
    [
        ("jobTitle", "Engineer", "jobTitle"),
        ("title", "Engineer", "jobTitle"),
        ("phoneNumbers.work", "+49 30 1", "businessPhones"),
        ("phoneNumbers.mobile", None, "mobilePhone"),
        ("otherMails", None, "otherMails"),
        ("enterprise.costCenter", "C1", "employeeOrgData"),
        ("enterprise.division", None, "employeeOrgData"),
        ("onPremisesExtensionAttributes.extensionAttribute1", "badge 9", None),
        ("onPremisesExtensionAttributes.none.deeper", None, None),
        ("extension_0123_level", 3, "extension_0123_level"),
        ("enterprise.manager", "bob", None),
        ("enterprise.manager.displayName", "Bob", None),
        ("active", True, "accountEnabled"),
    ],
)
def test_a_path_asks_for_its_property_and_gets_its_value(path, value, asked):
    decoder = UserDecoder({path})

    assert decoder.decode(raw()).attributes.get(path) == value
    if asked:
        assert asked in decoder.plan.selection.split(",")
    assert bool(decoder.plan.expansion) is ("manager" in path)
    assert ("manager" in decoder.plan.tracked.split(",")) is ("manager" in path)


def test_only_what_is_wanted_is_asked_for():
    plan = UserDecoder({"userName", "title"}).plan

    assert plan.selection == "id,accountEnabled,jobTitle,mail,userPrincipalName"
    assert plan.tracked == "accountEnabled,jobTitle,mail,userPrincipalName"


def test_the_revision_changes_with_what_is_wanted():
    assert UserDecoder({"title"}).revision != UserDecoder({"title", "mail"}).revision


@pytest.mark.parametrize(
    ("changed", "attribute"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": "x" * 600}, "id"),
        ({"userPrincipalName": None}, "userPrincipalName"),
        ({"accountEnabled": None}, "accountEnabled"),
        ({"accountEnabled": "true"}, "accountEnabled"),
        ({"displayName": ["a"]}, "displayName"),
        ({"businessPhones": "1"}, "businessPhones"),
        ({"extension_0123_level": 10**70}, "extension_0123_level"),
        ({"extension_0123_level": {"a": 1}}, "extension_0123_level"),
        ({"displayName": "x" * 20_000}, "displayName"),
        ({"displayName": "a\x00b"}, "displayName"),
    ],
)
def test_what_is_wrong_is_told_by_its_attribute(changed, attribute):
    decoder = UserDecoder({"displayName", "phoneNumbers", "extension_0123_level"})

    with pytest.raises(RecordError) as raised:
        decoder.decode(raw(**changed))

    assert raised.value.attribute in {attribute, ""}


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"id": "a", "displayName": "\\ud800"}'])
def test_broken_records_are_unreadable(broken):
    with pytest.raises(RecordError):
        UserDecoder(()).decode(broken)
    with pytest.raises(RecordError):
        decode_group(broken)


def test_a_person_without_mail_has_no_address():
    assert UserDecoder(()).decode(raw(mail=None)).emails == ()


def member(one: str | None, kind: str | None) -> Member:
    return Member(id=one, type=kind)


def test_a_group_has_the_same_bytes_in_whatever_order_its_members_come():
    group = ListedGroup(id="g", displayName="Team")
    members = [
        member("b", "#microsoft.graph.user"),
        member("a", "#microsoft.graph.user"),
        member("h", "#microsoft.graph.group"),
        member("d", "#microsoft.graph.device"),
        member("u", None),
    ]

    first = group_record(group, members, complete=True)

    assert first == group_record(group, members[::-1], complete=True)
    read = decode_group(first)
    assert (read.external_id, read.display_name, read.complete) == ("g", "Team", True)
    assert read.member_users == {"a", "b"}
    assert read.member_groups == {"h"}
    assert read.member_unknown == {"u"}


def test_a_group_without_a_whole_list_of_members_is_incomplete():
    group = ListedGroup(id="g", displayName="Team")

    assert not decode_group(group_record(group, [member(None, None)], complete=True)).complete
    assert not decode_group(group_record(group, [], complete=False)).complete
    assert not decode_group(b'{"id": "g", "displayName": "Team"}').complete


@pytest.mark.parametrize(("one", "name"), [("", "Team"), ("g\x00", "Team"), ("g", None), ("g", "")])
def test_a_group_needs_an_id_and_a_name(one, name):
    with pytest.raises(RecordError):
        decode_group(group_record(ListedGroup(id=one, displayName=name), [], complete=True))
