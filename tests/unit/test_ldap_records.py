"""Decoding entries: who may sign in, what is unreadable, and whose it is."""

import json

import pytest

from core.errors import ConfigurationError, RecordError
from core.model.configuration import LdapSettings
from core.providers.ldap.dialect import dialect_of
from core.providers.ldap.groups import _following, _number
from core.providers.ldap.records import UserDecoder, decode_group, record_id
from core.providers.ldap.wire import Binary, IdKind
from core.providers.ldap.worker import id_text
from core.services.configuration_file import parse_file

SETTINGS = LdapSettings(url="ldaps://x.example", base="dc=x")
DECODER = UserDecoder((), settings=SETTINGS)


def raw(**values: object) -> bytes:
    named = {name.lower(): held for name, held in values.items()}
    entry = {"dn": "cn=ann,dc=x", "id": "u1", "values": {"uid": ["ann"], **named}}
    return json.dumps(entry).encode()


@pytest.mark.parametrize(
    ("values", "active"),
    [
        ({}, True),
        ({"userAccountControl": ["512"]}, True),
        ({"userAccountControl": ["514"]}, False),
        ({"userAccountControl": ["66050"]}, False),
        ({"userAccountControl": ["-2147483136"]}, True),
        ({"nsAccountLock": ["TRUE"]}, False),
        ({"nsAccountLock": ["false"]}, True),
        ({"loginDisabled": ["TRUE"]}, False),
        ({"msDS-UserAccountDisabled": ["TRUE"]}, False),
        ({"pwdAccountLockedTime": ["000001010000Z"]}, False),
        ({"pwdAccountLockedTime": ["20260101120000Z"]}, True),
    ],
)
def test_each_way_to_say_that_somebody_may_not_sign_in_is_understood(values, active):
    assert DECODER.decode(raw(**values)).active is active


@pytest.mark.parametrize(
    ("values", "attribute"),
    [
        ({"mail": [{"base64": "/w=="}]}, "emails"),
        ({"title": ["x" * 10_001]}, "title"),
        ({"title": ["a\x00b"]}, "title"),
        ({"userAccountControl": ["many"]}, "userAccountControl"),
        ({"userAccountControl": ["9" * 70]}, "userAccountControl"),
        ({"uid": []}, "userName"),
        ({"uid": [{"base64": "/w=="}]}, "userName"),
    ],
)
def test_a_bad_value_is_this_persons_error_and_the_id_is_still_known(values, attribute):
    with pytest.raises(RecordError) as raised:
        DECODER.decode(raw(**values))

    assert raised.value.attribute == attribute
    assert raised.value.message
    assert record_id(raw(**values)) == "u1"


@pytest.mark.parametrize("broken", [b"", b"{", b'{"id": 3}', b'{"id": ""}', b"\xff", b"[]"])
def test_a_record_without_an_id_is_nobodys(broken):
    with pytest.raises(RecordError):
        DECODER.decode(broken)
    assert record_id(broken) is None


def test_only_what_the_mapping_wants_is_asked_for_and_any_attribute_can_be_wanted():
    decoder = UserDecoder({"title", "enterprise.employeeNumber", "carLicense"}, settings=SETTINGS)

    asked = decoder.selection(("uid",))
    person = decoder.decode(raw(carLicense=["B 1", "B 2"], employeeID=["007"], sn=["Smith"]))

    assert {"carlicense", "title", "employeenumber", "employeeid", "uid", "mail"} <= set(asked)
    assert "sn" not in asked
    assert person.attributes == {"carLicense": "B 1", "enterprise.employeeNumber": "007"}


def test_another_mapping_or_user_name_is_another_decoder():
    others = LdapSettings(url="ldaps://x.example", base="dc=x", user_name="cn")

    revisions = {
        DECODER.revision,
        UserDecoder({"title"}, settings=SETTINGS).revision,
        UserDecoder((), settings=others).revision,
    }

    assert len(revisions) == 3


def test_a_guid_is_written_as_microsoft_writes_it():
    stored = bytes.fromhex("bd0efc54563dde43bfaf5f54d97e2a82")

    assert id_text(stored, IdKind.GUID) == "54fc0ebd-3d56-43de-bfaf-5f54d97e2a82"
    assert id_text(b"short", IdKind.GUID) == ""
    assert id_text(b"\xff", IdKind.TEXT) == ""
    assert id_text(b"\xff\x01", IdKind.HEX) == "ff01"


@pytest.mark.parametrize(
    ("root", "vendor", "id_attribute"),
    [
        ({}, "LDAP", "entryUUID"),
        ({"vendorname": ["389 Project"]}, "389 Project", "nsUniqueId"),
        ({"vendorname": ["NetIQ Corporation"]}, "NetIQ Corporation", "GUID"),
        (
            {"supportedcapabilities": ["1.2.840.113556.1.4.800"]},
            "Active Directory",
            "objectGUID",
        ),
    ],
)
def test_each_server_is_known_by_what_it_says_of_itself(root, vendor, id_attribute):
    dialect = dialect_of(root, SETTINGS)

    assert (dialect.vendor, dialect.id_attribute) == (vendor, id_attribute)


def test_the_configuration_has_the_last_word_on_filters_and_ids():
    settings = LdapSettings(
        url="ldaps://x.example", base="dc=x", id="employeeNumber", people_filter="(a=b)"
    )

    dialect = dialect_of({"supportedcapabilities": ["1.2.840.113556.1.4.800"]}, settings)

    assert dialect.people_filter == "(a=b)"
    assert (dialect.id_attribute, dialect.id_kind) == ("employeeNumber", IdKind.TEXT)


def test_a_list_of_members_that_was_cut_is_asked_on_where_it_ended():
    assert _following({"member;range=0-1499": ["cn=a"]}) == "member;range=1500-*"
    assert _following({"member;range=1500-*": ["cn=a"]}) == ""
    assert _following({"member": ["cn=a"]}) == ""


def test_the_number_of_a_group_is_the_last_part_of_its_identifier():
    sid = Binary(base64="AQUAAAAAAAUVAAAAz+NIFzfzXUB4MvNtTgQAAA==")

    assert _number([sid]) == "1102"
    assert _number([]) == ""


@pytest.mark.parametrize("broken", [b"{}", b'{"id":"g","name":"","users":[],"groups":[]}', b"x"])
def test_a_broken_group_is_that_groups_error(broken):
    with pytest.raises(RecordError):
        decode_group(broken)


LDAP_FILE = """\
configurations:
  - name: a
    provider: {{type: ldap, url: 'ldaps://x.example', base: dc=x, user: u, password: 'file:p'}}
    scope: {{filter: '{condition}'}}
"""


def test_an_expression_may_name_what_directories_have_and_a_slip_is_told():
    fine = 'extensionAttribute7 == "staff" && dn.endsWith("ou=Staff,dc=x")'

    (spec,) = parse_file(LDAP_FILE.format(condition=fine), source="f.yaml").configurations

    assert spec.scope.filter == fine
    with pytest.raises(ConfigurationError) as raised:
        parse_file(LDAP_FILE.format(condition='employeeTipe == "x"'), source="f.yaml")
    assert "employeeType" in raised.value.message
